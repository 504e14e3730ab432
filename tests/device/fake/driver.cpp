// The driver's functions, by their names.
#include <cctype>
#include <cstring>
#include <exception>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "tests/cuda/emulator.h"
#include "tests/device/fake/fake_device.h"

using namespace weft::test;

namespace {

#define DRIVER_FUNCTION extern "C" __attribute__((visibility("default"))) int

constexpr std::string_view image_begin = "weft fake code\n";
constexpr int invalid_value = 1, out_of_memory = 2, invalid_image = 200, not_found = 500,
              not_ready = 600, illegal_address = 700, launch_failed = 719;

FakeState& state() { return FakeState::instance(); }

/// Takes the lock and notes the call. `status` is what the call gives if it fails.
struct Call {
  std::lock_guard<std::recursive_mutex> lock{state().mutex};
  int status;
  explicit Call(FakeCall call, bool needs_context = true)
      : status(state().enter(std::move(call), needs_context)) {}
};

struct FakePool {
  int device;
};

struct FakeModule {
  std::string text;
  std::map<std::string, std::size_t> argument_counts;
  std::vector<std::unique_ptr<struct FakeFunction>> functions;
};
struct FakeFunction {
  FakeModule* module;
  std::string name;
};

/// Texts are built once in a process, however often they are loaded.
EmulatedModule& built(const FakeModule& module) {
  static std::map<std::string, EmulatedModule>& known =
      *new std::map<std::string, EmulatedModule>();
  const auto found = known.find(module.text);
  if (found != known.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, count] : module.argument_counts) names.push_back(name);
  return known.emplace(module.text, EmulatedModule(module.text, names)).first->second;
}

std::map<std::string, std::size_t> kernels_of(const std::string& text) {
  constexpr std::string_view begin = "extern \"C\" __global__ void ";
  std::map<std::string, std::size_t> counts;
  for (std::size_t at = 0; (at = text.find(begin, at)) != std::string::npos;) {
    at += begin.size();
    const std::size_t open = text.find('(', at), close = text.find(')', open);
    std::size_t count = 1;
    for (std::size_t k = open; k < close; ++k) count += text[k] == ',' ? 1 : 0;
    counts[text.substr(at, open - at)] = count;
  }
  return counts;
}

void run_kernel(const FakeFunction& function, unsigned blocks, unsigned threads,
                std::vector<std::uint64_t> values) {
  FakeCuda& shown = state().shown;
  ++shown.launches_run;
  if (shown.faults_in > 0 && --shown.faults_in == 0) {
    state().sticky = illegal_address;
    return;
  }
  std::vector<void*> arguments;
  for (std::uint64_t& value : values) arguments.push_back(&value);
  const FakeMemory::Window window(state().memory);
  std::string problem;
  try {
    problem = built(*function.module)
                  .launch(function.name, blocks, threads, arguments.data(), Schedule::forward);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (problem.empty()) return;
  state().violate(function.name + ": " + problem);
  state().sticky = launch_failed;
}

void check_live(std::uint64_t at, std::size_t bytes, const char* what) {
  if (!state().memory.is_live(at, bytes))
    state().violate(std::string(what) + " touches device memory that is not live");
}

}  // namespace

DRIVER_FUNCTION cuInit(unsigned) { return Call({"cuInit"}, false).status; }
DRIVER_FUNCTION cuDriverGetVersion(int* version) {
  *version = 13000;
  return Call({"cuDriverGetVersion"}, false).status;
}
DRIVER_FUNCTION cuDeviceGetCount(int* count) {
  const Call call({"cuDeviceGetCount"}, false);
  *count = state().shown.devices;
  return call.status;
}
DRIVER_FUNCTION cuDeviceGet(int* device, int index) {
  *device = index;
  return Call({"cuDeviceGet"}, false).status;
}
DRIVER_FUNCTION cuDeviceGetName(char* name, int size, int) {
  std::strncpy(name, "Fake GPU", static_cast<std::size_t>(size));
  return Call({"cuDeviceGetName"}, false).status;
}
DRIVER_FUNCTION cuDeviceTotalMem_v2(std::size_t* bytes, int) {
  const Call call({"cuDeviceTotalMem_v2"}, false);
  *bytes = state().shown.memory_bytes;
  return call.status;
}
DRIVER_FUNCTION cuDeviceGetAttribute(int* value, int attribute, int) {
  const Call call({"cuDeviceGetAttribute"}, false);
  const int architecture = state().shown.architecture;
  *value = attribute == 75 ? architecture / 10 : attribute == 76 ? architecture % 10 : 1;
  return call.status;
}
DRIVER_FUNCTION cuDevicePrimaryCtxRetain(void** context, int device) {
  const Call call({"cuDevicePrimaryCtxRetain"}, false);
  *context = reinterpret_cast<void*>(static_cast<std::uintptr_t>(device) + 1);
  return call.status;
}
DRIVER_FUNCTION cuCtxSetCurrent(void* context) {
  const Call call({"cuCtxSetCurrent"}, false);
  if (call.status == 0)
    current_device() = static_cast<int>(reinterpret_cast<std::uintptr_t>(context)) - 1;
  return call.status;
}
DRIVER_FUNCTION cuCtxSynchronize() {
  const Call call({"cuCtxSynchronize"});
  if (call.status != 0) return call.status;
  for (const auto& stream : state().streams)
    if (stream->device == current_device()) state().run(*stream);
  return state().sticky;
}

DRIVER_FUNCTION cuStreamCreate(FakeStream** stream, unsigned) {
  const Call call({"cuStreamCreate"});
  if (call.status != 0) return call.status;
  auto made = std::make_unique<FakeStream>();
  made->device = current_device();
  *stream = made.get();
  state().streams.push_back(std::move(made));
  ++state().shown.streams;
  return 0;
}
// The stream's work goes on, as the driver has it: the object stays.
DRIVER_FUNCTION cuStreamDestroy_v2(FakeStream*) {
  const Call call({"cuStreamDestroy_v2"}, false);
  --state().shown.streams;
  return call.status;
}
DRIVER_FUNCTION cuStreamSynchronize(FakeStream* stream) {
  const Call call({"cuStreamSynchronize", stream});
  if (call.status != 0) return call.status;
  state().run(*stream);
  return state().sticky;
}
DRIVER_FUNCTION cuStreamWaitEvent(FakeStream* stream, FakeEvent* event, unsigned) {
  const Call call({"cuStreamWaitEvent", stream});
  if (call.status != 0 || !event->ticket) return call.status;
  stream->work.emplace_back([ticket = event->ticket] { state().run_until(*ticket); });
  return 0;
}

DRIVER_FUNCTION cuEventCreate(FakeEvent** event, unsigned) {
  const Call call({"cuEventCreate"});
  if (call.status == 0) *event = new FakeEvent();
  return call.status;
}
DRIVER_FUNCTION cuEventDestroy_v2(FakeEvent* event) {
  delete event;
  return Call({"cuEventDestroy_v2"}, false).status;
}
DRIVER_FUNCTION cuEventRecord(FakeEvent* event, FakeStream* stream) {
  const Call call({"cuEventRecord", stream});
  if (call.status != 0) return call.status;
  const auto ticket = std::make_shared<Ticket>(Ticket{stream, false});
  event->ticket = ticket;
  stream->work.emplace_back([ticket] { ticket->done = true; });
  return 0;
}
DRIVER_FUNCTION cuEventQuery(FakeEvent* event) {
  const Call call({"cuEventQuery"});
  if (call.status != 0) return call.status;
  return !event->ticket || event->ticket->done ? 0 : not_ready;
}
DRIVER_FUNCTION cuEventSynchronize(FakeEvent* event) {
  const Call call({"cuEventSynchronize"});
  if (call.status != 0) return call.status;
  if (event->ticket) state().run_until(*event->ticket);
  return state().sticky;
}

DRIVER_FUNCTION cuMemPoolCreate(FakePool** pool, const void*) {
  const Call call({"cuMemPoolCreate"});
  if (call.status == 0) *pool = new FakePool{current_device()};
  return call.status;
}
DRIVER_FUNCTION cuMemPoolSetAttribute(FakePool*, int, void*) {
  return Call({"cuMemPoolSetAttribute"}).status;
}
DRIVER_FUNCTION cuMemPoolTrimTo(FakePool* pool, std::size_t) {
  const Call call({"cuMemPoolTrimTo"});
  if (call.status == 0) state().memory.trim(pool->device);
  return call.status;
}
DRIVER_FUNCTION cuMemAllocFromPoolAsync(std::uint64_t* at, std::size_t bytes, FakePool* pool,
                                        FakeStream* stream) {
  const Call call({"cuMemAllocFromPoolAsync", stream, bytes});
  if (call.status != 0) return call.status;
  if (bytes == 0) return invalid_value;
  *at = state().memory.allocate(bytes, state().shown.memory_bytes, pool->device);
  return *at == 0 ? out_of_memory : 0;
}
DRIVER_FUNCTION cuMemFreeAsync(std::uint64_t at, FakeStream* stream) {
  const Call call({"cuMemFreeAsync", stream});
  if (call.status != 0) return call.status;
  stream->work.emplace_back([at] {
    check_live(at, 1, "cuMemFreeAsync");
    state().memory.free(at);
  });
  return 0;
}
DRIVER_FUNCTION cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  const Call call({"cuMemGetInfo_v2"});
  FakeCuda& shown = state().shown;
  state().memory.count(shown);
  *total = shown.memory_bytes;
  *free = shown.memory_bytes - shown.live_bytes - shown.kept_bytes;
  return call.status;
}
DRIVER_FUNCTION cuMemHostAlloc(void** at, std::size_t bytes, unsigned) {
  const Call call({"cuMemHostAlloc", nullptr, bytes});
  if (call.status == 0) *at = ::operator new(bytes);
  return call.status;
}
DRIVER_FUNCTION cuMemFreeHost(void* at) {
  const Call call({"cuMemFreeHost"});
  ::operator delete(at);
  return call.status;
}

DRIVER_FUNCTION cuMemcpyHtoDAsync_v2(std::uint64_t to, const void* from, std::size_t bytes,
                                     FakeStream* stream) {
  const Call call({"cuMemcpyHtoDAsync_v2", stream, bytes});
  if (call.status != 0) return call.status;
  stream->work.emplace_back([=] {
    check_live(to, bytes, "a copy to the device");
    const FakeMemory::Window window(state().memory);
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  });
  return 0;
}
DRIVER_FUNCTION cuMemcpyDtoHAsync_v2(void* to, std::uint64_t from, std::size_t bytes,
                                     FakeStream* stream) {
  const Call call({"cuMemcpyDtoHAsync_v2", stream, bytes});
  if (call.status != 0) return call.status;
  stream->work.emplace_back([=] {
    check_live(from, bytes, "a copy to the host");
    const FakeMemory::Window window(state().memory);
    std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  });
  return 0;
}
DRIVER_FUNCTION cuMemcpyDtoDAsync_v2(std::uint64_t to, std::uint64_t from, std::size_t bytes,
                                     FakeStream* stream) {
  const Call call({"cuMemcpyDtoDAsync_v2", stream, bytes});
  if (call.status != 0) return call.status;
  stream->work.emplace_back([=] {
    check_live(from, bytes, "a copy on the device");
    check_live(to, bytes, "a copy on the device");
    const FakeMemory::Window window(state().memory);
    std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  });
  return 0;
}

DRIVER_FUNCTION cuModuleLoadDataEx(FakeModule** module, const void* image, unsigned, int*, void**) {
  const Call call({"cuModuleLoadDataEx"});
  if (call.status != 0) return call.status;
  if (std::strncmp(static_cast<const char*>(image), image_begin.data(), image_begin.size()) != 0)
    return invalid_image;
  *module = new FakeModule{static_cast<const char*>(image) + image_begin.size(), {}, {}};
  (*module)->argument_counts = kernels_of((*module)->text);
  ++state().shown.modules;
  return 0;
}
// Launches may be under way: the object stays.
DRIVER_FUNCTION cuModuleUnload(FakeModule*) {
  const Call call({"cuModuleUnload"});
  --state().shown.modules;
  return call.status;
}
DRIVER_FUNCTION cuModuleGetFunction(FakeFunction** function, FakeModule* module, const char* name) {
  const Call call({"cuModuleGetFunction"});
  if (call.status != 0) return call.status;
  if (!module->argument_counts.contains(name)) return not_found;
  module->functions.push_back(std::make_unique<FakeFunction>(FakeFunction{module, name}));
  *function = module->functions.back().get();
  return 0;
}
DRIVER_FUNCTION cuLaunchKernel(FakeFunction* function, unsigned blocks, unsigned, unsigned,
                               unsigned threads, unsigned, unsigned, unsigned, FakeStream* stream,
                               void** arguments, void**) {
  const Call call({"cuLaunchKernel", stream, 0, function->name});
  if (call.status != 0) return call.status;
  if (blocks == 0 || threads == 0) return invalid_value;
  std::vector<std::uint64_t> values(function->module->argument_counts.at(function->name));
  for (std::size_t k = 0; k < values.size(); ++k) std::memcpy(&values[k], arguments[k], 8);
  stream->work.emplace_back([=] { run_kernel(*function, blocks, threads, values); });
  return 0;
}
