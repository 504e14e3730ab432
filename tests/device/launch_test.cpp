// The launch layer against the fake driver: order, sizes, lifetimes, and what happens where a call
// fails.
#include <doctest/doctest.h>

#include <cstring>
#include <thread>

#include <weft/error.h>
#include "runtime/cuda/device.h"
#include "tests/device/fake_machine.h"
#include "tests/support/messages.h"

using namespace weft;
using namespace weft::test;
using runtime::Buffer;
using runtime::cuda::Device;
using runtime::cuda::Driver;
using runtime::cuda::Module;

namespace {

bool skipped() {
  const std::string missing = fake_missing();
  if (!missing.empty()) MESSAGE("skipped: ", missing);
  return !missing.empty();
}

constexpr const char* doubling =
    "weft fake code\n"
    "extern \"C\" __global__ void twice(float* a, long long n) {\n"
    "  long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;\n"
    "  if (i < n) a[i] = 2 * a[i];\n"
    "}\n";

/// A device of its own, so that what one test breaks no other sees.
std::shared_ptr<Device> new_device() { return Device::open(Driver::instance(), 0); }

Buffer host_floats(std::size_t count) {
  Buffer buffer = runtime::allocate(count * sizeof(float));
  for (std::size_t k = 0; k < count; ++k)
    static_cast<float*>(buffer.data())[k] = static_cast<float>(k % 1000);
  return buffer;
}

void twice(Device& device, const Module& module, const Buffer& buffer) {
  static const auto name = std::make_shared<const std::string>("twice");
  runtime::cuda::DevicePointer pointer = buffer.device->pointer();
  auto count = static_cast<long long>(buffer.bytes / sizeof(float));
  void* arguments[] = {&pointer, &count};
  const runtime::cuda::FunctionHandle function = module.function("twice");
  if (function == nullptr) throw Error("the kernel is not found");
  buffer.device->order(device.stream(), runtime::cuda::Memory::Use::write);
  device.launch(*device.stream(), function, static_cast<unsigned>((count + 255) / 256), 256,
                arguments, name);
}

}  // namespace

TEST_CASE("nothing is waited for before a value is copied to the host") {
  if (skipped()) return;
  FakeCuda& machine = fresh_fake();
  const auto device = new_device();
  int status = 0;
  const auto module = Module::load(device, doubling, status);
  REQUIRE(module != nullptr);
  const Buffer host = host_floats(1000);
  Buffer buffer = device->to_device(host, "x");
  twice(*device, *module, buffer);
  twice(*device, *module, buffer);
  CHECK(machine.launches_run == 0);
  for (const char* waits : {"cuStreamSynchronize", "cuEventSynchronize", "cuCtxSynchronize"})
    CHECK(machine.count(waits) == 0);
  const Buffer back = device->to_host(buffer);
  CHECK(machine.launches_run == 2);
  bool same = true;
  for (std::size_t k = 0; k < 1000; ++k)
    same &= static_cast<float*>(back.data())[k] == 4 * static_cast<float*>(host.data())[k];
  CHECK(same);
  CHECK(machine.violations.empty());
}

TEST_CASE("the host's bytes are taken before the call returns, and large copies go in pieces") {
  if (skipped()) return;
  FakeCuda& machine = fresh_fake();
  const auto device = new_device();
  const std::size_t count = (std::size_t{20} << 20) / sizeof(float) + 7;
  Buffer host = host_floats(count);
  const Buffer kept = host_floats(count);
  const Buffer buffer = device->to_device(host, "x");
  std::memset(host.data(), 0, host.bytes);
  const Buffer back = device->to_host(buffer);
  CHECK(std::memcmp(back.data(), kept.data(), kept.bytes) == 0);
  CHECK(machine.count("cuMemcpyHtoDAsync_v2") == 3);
  CHECK(machine.count("cuMemcpyDtoHAsync_v2") == 3);
  std::size_t copied = 0;
  for (const FakeCall& call : machine.calls)
    if (call.function == "cuMemcpyHtoDAsync_v2") copied += call.bytes;
  CHECK(copied == host.bytes);
  CHECK(machine.violations.empty());
}

TEST_CASE("staging is reused, and bounded however much is under way") {
  if (skipped()) return;
  FakeCuda& machine = fresh_fake();
  const auto device = new_device();
  const Buffer host = host_floats((std::size_t{4} << 20) / sizeof(float));
  std::vector<Buffer> buffers;
  for (int k = 0; k < 40; ++k) buffers.push_back(device->to_device(host, "x"));
  std::size_t pinned = 0;
  for (const FakeCall& call : machine.calls)
    if (call.function == "cuMemHostAlloc") pinned += call.bytes;
  CHECK(pinned <= runtime::cuda::Staging::most_bytes);
  for (const Buffer& buffer : buffers)
    CHECK(std::memcmp(device->to_host(buffer).data(), host.data(), host.bytes) == 0);
  machine.calls.clear();
  device->to_host(device->to_device(host, "x"));
  CHECK(machine.count("cuMemHostAlloc") == 0);
}

TEST_CASE("memory is freed once, in the stream's order, and empty buffers take none") {
  if (skipped()) return;
  const auto device = new_device();
  device->stream()->synchronize();
  const std::size_t before = fake().live_blocks;
  {
    const Buffer a = device->allocate(1000, "a"), b = a, empty = device->allocate(0, "empty");
    CHECK(fake().live_blocks == before + 1);
    CHECK(device->memory_stats().live_bytes == 1000);
    CHECK(empty.device != nullptr);
  }
  CHECK(fake().live_blocks == before + 1);  // the work that frees it is enqueued
  device->stream()->synchronize();
  CHECK(fake().live_blocks == before);
  CHECK(device->memory_stats().live_bytes == 0);
  CHECK(device->memory_stats().peak_bytes == 1000);
  CHECK(fake().violations.empty());
}

TEST_CASE("a thread that reads what another thread's stream wrote waits for it there") {
  if (skipped()) return;
  FakeCuda& machine = fresh_fake();
  const auto device = new_device();
  int status = 0;
  const auto module = Module::load(device, doubling, status);
  const Buffer host = host_floats(100);
  Buffer buffer = device->to_device(host, "x");
  twice(*device, *module, buffer);
  Buffer back;
  std::thread([&] {
    twice(*device, *module, buffer);
    back = device->to_host(buffer);
    buffer = {};  // freed on the stream that wrote last
  }).join();
  CHECK(static_cast<float*>(back.data())[3] == 12);
  CHECK(machine.count("cuStreamWaitEvent") >= 1);
  device->stream()->synchronize();
  CHECK(machine.violations.empty());
}

TEST_CASE("a full device: the pool is emptied, one more try, then the largest buffers are listed") {
  if (skipped()) return;
  FakeCuda& machine = fresh_fake();
  const auto device = new_device();
  device->stream()->synchronize();
  machine.memory_bytes = std::size_t{100} << 20;
  const Buffer big = device->allocate(std::size_t{40} << 20, "arena of @step");
  const Buffer small = device->allocate(std::size_t{1} << 20, "result 0 of @step");
  { const Buffer kept = device->allocate(std::size_t{50} << 20, "gone"); }
  machine.calls.clear();
  // What is kept does not fit, but given back it does.
  Buffer fits = device->allocate(std::size_t{55} << 20, "fits");
  CHECK(machine.count("cuMemPoolTrimTo") == 1);
  fits = {};
  const std::string problem = error_of([&] { device->allocate(std::size_t{70} << 20, "batch"); });
  CHECK(machine.count("cuMemPoolTrimTo") == 2);
  for (const char* part :
       {"cuda:0: out of memory: 70 MiB for batch do not fit", "of 100 MiB are free",
        "2 live buffers, the largest: 40 MiB arena of @step, 1 MiB result 0"})
    CHECK_MESSAGE(has(problem, part), problem);
  CHECK_THROWS_AS(device->allocate(std::size_t{70} << 20, "batch"), OutOfMemory);
  CHECK(device->allocate(std::size_t{30} << 20, "after all").device != nullptr);
  CHECK(machine.violations.empty());
  fresh_fake();
}

TEST_CASE("a kernel that faults is named, the device is lost, the host goes on") {
  if (skipped()) return;
  FakeCuda& machine = fresh_fake();
  const auto device = new_device();
  int status = 0;
  const auto module = Module::load(device, doubling, status);
  const Buffer host = host_floats(100);
  {
    const Buffer buffer = device->to_device(host, "x");
    machine.faults_in = 1;
    twice(*device, *module, buffer);
    const std::string first = error_of([&] { device->to_host(buffer); });
    for (const char* part : {"cuda:0: kernel twice failed: illegal address (CUDA error 700)",
                             "is lost", "the CPU goes on"})
      CHECK_MESSAGE(has(first, part), first);
    CHECK(error_of([&] { device->allocate(10, "more"); }) == first);
    CHECK(error_of([&] { device->stream(); }) == first);
  }  // nothing is thrown where memory is let go
  CHECK(static_cast<float*>(host.data())[3] == 3);
  machine.reset();
}

TEST_CASE("a fault that another thread finds is blamed on the kernels that nobody has waited for") {
  if (skipped()) return;
  FakeCuda& machine = fresh_fake();
  const auto device = new_device();
  int status = 0;
  const auto module = Module::load(device, doubling, status);
  const Buffer mine = device->to_device(host_floats(100), "x");
  machine.faults_in = 1;
  twice(*device, *module, mine);
  std::string found;
  std::thread([&] { found = error_of([&] { device->to_host(mine); }); }).join();
  CHECK_MESSAGE(has(found, "cuda:0: kernel twice failed: illegal address"), found);
  CHECK(error_of([&] { device->to_host(mine); }) == found);
  machine.reset();
}

TEST_CASE("wherever a call of the driver fails there is one error, and afterwards all works") {
  if (skipped()) return;
  const auto use = [](const std::shared_ptr<Device>& device) {
    int status = 0;
    const auto module = Module::load(device, doubling, status);
    if (!module) throw Error("loading: " + runtime::cuda::error_text(status));
    const Buffer host = host_floats(5000);
    const Buffer buffer = device->to_device(host, "x");
    twice(*device, *module, buffer);
    Buffer back;
    std::thread other([&] {
      try {
        back = device->to_host(buffer);
      } catch (const Error&) {
      }
    });
    other.join();
    if (back.memory == nullptr) throw Error("the other thread failed");
    REQUIRE(static_cast<float*>(back.data())[3] == 6);
  };
  FakeCuda& machine = fresh_fake();
  std::size_t failing = 1;
  for (bool failed = true; failed; ++failing) {
    CAPTURE(failing);
    const auto device = new_device();
    machine.any_failure = {failing, 999};
    const std::string problem = error_of([&] { use(device); });
    failed = machine.any_failure.in == 0;
    machine.any_failure = {};
    // Where memory is let go nobody can be told.
    if (failed && problem.empty()) CHECK((machine.calls.back().function != "cuLaunchKernel"));
    CHECK(error_of([&] { use(device); }).empty());
    device->stream()->synchronize();
    CHECK(machine.violations.empty());
    REQUIRE(failing < 200);
  }
  CHECK(failing > 15);
}
