// Whole programs on the fake device: the interpreter's bits; what is compiled, kept and found
// again; and what is said where something fails.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include <weft/error.h>
#include "passes/pipeline.h"
#include "runtime/cuda/device.h"
#include "runtime/disk_cache.h"
#include "runtime/engine.h"
#include "tests/device/fake_machine.h"
#include "tests/random_graphs/check_graph.h"
#include "tests/support/literals.h"
#include "tests/support/messages.h"
#include "tests/support/temporary_folder.h"

using namespace weft;
using namespace weft::ir;
using namespace weft::test;
using runtime::Buffer;
using runtime::cuda::Device;

namespace {

bool skipped() {
  const std::string missing = fake_missing();
  if (!missing.empty()) MESSAGE("skipped: ", missing);
  return !missing.empty();
}

const runtime::CompileOptions on_device{.backend = runtime::Backend::cuda};

Buffer host_buffer(const Literal& literal) {
  Buffer buffer = runtime::allocate(literal.type().bytes());
  if (buffer.bytes > 0) std::memcpy(buffer.data(), literal.data(), buffer.bytes);
  return buffer;
}

enum class Inputs : unsigned char { on_host, on_device, donated };

std::vector<Literal> run(const runtime::Executable& executable, const Graph& graph,
                         std::span<const Literal> inputs, Inputs where = Inputs::on_host) {
  const auto& device = Device::get(0);
  std::vector<Buffer> buffers;
  for (const Literal& input : inputs) {
    buffers.push_back(host_buffer(input));
    if (where != Inputs::on_host) buffers.back() = device->to_device(buffers.back(), "x");
  }
  const auto donated = std::make_unique<bool[]>(buffers.size());
  std::fill_n(donated.get(), buffers.size(), where == Inputs::donated);
  std::vector<Literal> results;
  std::size_t k = 0;
  for (const Buffer& result : executable.run(buffers, {donated.get(), buffers.size()})) {
    REQUIRE(result.device != nullptr);
    const Buffer host = device->to_host(result);
    const auto* bytes = static_cast<const std::byte*>(host.data());
    const Type& type = graph.type(graph.results()[k++]);
    results.emplace_back(type, std::vector<std::byte>(bytes, bytes + host.bytes));
  }
  return results;
}

void check_same(const std::vector<Literal>& got, const std::vector<Literal>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t k = 0; k < got.size(); ++k)
    CHECK_MESSAGE(equal_but_nans(got[k], expected[k]), difference(got[k], expected[k]));
}

GraphCase text_case(const char* text) {
  GraphCase c{parse(text), {}};
  for (std::size_t k = 0; k < c.graph.param_count(); ++k)
    c.inputs.push_back(draw_uniform(c.graph.type(c.graph.param(k)), -2, 2, k + 1));
  return c;
}

const char* const chain = R"(func @chain(%x: f32[70], %y: f32[70]) -> (f32[70], f32[70]) {
  %0 = mul %x, %y : f32[70]
  %1 = exp %0 : f32[70]
  %2 = add %1, %y : f32[70]
  return %2, %y
})";
const char* const layer =
    R"(func @layer(%x: f32[9,20], %w: f32[20,30], %b: f32[30]) -> (f32[9,30], f32[9]) {
  %0 = dot_general %x, %w {batch = [[], []], contract = [[1], [0]]} : f32[9,30]
  %1 = broadcast_in_dim %b {dims = [1], shape = [9,30]} : f32[9,30]
  %2 = add %0, %1 : f32[9,30]
  %3 = tanh %2 : f32[9,30]
  %4 = reduce %3 {axes = [1], kind = "add"} : f32[9]
  return %3, %4
})";

/// Nothing in memory or on disk.
struct Fresh {
  Fresh() {
    runtime::clear_caches();
    fresh_fake();
  }
  ~Fresh() {
    runtime::set_disk_cache("off");
    CHECK(fake().violations.empty());
    for (const std::string& violation : fake().violations) MESSAGE(violation);
  }
};

}  // namespace

TEST_CASE("programs and their gradients give the interpreter's bits, wherever inputs lie") {
  if (skipped()) return;
  const Fresh fresh;
  for (const char* text : {chain, layer}) {
    std::vector<GraphCase> cases{text_case(text)};
    if (auto gradient = gradient_of(cases[0])) cases.push_back(std::move(*gradient));
    for (const GraphCase& c : cases) {
      const auto executable = runtime::compile(c.graph, on_device);
      const std::vector<Literal> expected = interpret(c.graph, c.inputs);
      for (const Inputs where : {Inputs::on_host, Inputs::on_device, Inputs::donated})
        check_same(run(*executable, c.graph, c.inputs, where), expected);
    }
  }
}

TEST_CASE("random graphs give the interpreter's bits on the device") {
  if (skipped()) return;
  const Fresh fresh;
  for (std::uint64_t seed = 300; seed < 312; ++seed) {
    const GraphCase c = random_case(seed);
    CAPTURE(print(c.graph));
    check_same(run(*runtime::compile(c.graph, on_device), c.graph, c.inputs),
               interpret(passes::expand_all(c.graph), c.inputs));
  }
}

TEST_CASE("results that are parameters, constants or occur twice; values without elements") {
  if (skipped()) return;
  const Fresh fresh;
  for (const char* text :
       {"func @f(%x: f32[3]) -> (f32[3], f32[3]) {\n  %0 = neg %x : f32[3]\n  return %0, %0\n}",
        "func @g(%x: f32[3]) -> (f32[3], f32[2]) {\n  %0 = constant {value = [1, 2]} : f32[2]\n"
        "  return %x, %0\n}",
        "func @h(%x: f32[0,3]) -> (f32[0,3], f32[3]) {\n  %0 = exp %x : f32[0,3]\n"
        "  %1 = reduce %x {axes = [0], kind = \"add\"} : f32[3]\n  return %0, %1\n}"}) {
    const GraphCase c = text_case(text);
    const auto executable = runtime::compile(c.graph, on_device);
    for (const Inputs where : {Inputs::on_host, Inputs::on_device})
      check_same(run(*executable, c.graph, c.inputs, where), interpret(c.graph, c.inputs));
  }
}

TEST_CASE("running a program waits for nothing, and a third batch size compiles no kernel") {
  if (skipped()) return;
  const Fresh fresh;
  const GraphCase c = text_case(layer);
  const auto executable = runtime::compile(c.graph, on_device);
  CHECK(executable->report().kernels_compiled > 0);
  std::vector<Buffer> inputs;
  for (const Literal& input : c.inputs) inputs.push_back(host_buffer(input));
  fake().calls.clear();
  executable->run(inputs);
  for (const char* waits : {"cuStreamSynchronize", "cuEventSynchronize", "cuCtxSynchronize"})
    CHECK(fake().count(waits) == 0);
  CHECK(fake().count("cuLaunchKernel") == executable->report().kernels);
  std::string other = layer;
  for (std::size_t at; (at = other.find("[9")) != std::string::npos;) other.replace(at, 2, "[5");
  for (std::size_t at; (at = other.find("= [9,30]")) != std::string::npos;)
    other.replace(at, 8, "= [5,30]");
  CHECK(runtime::compile(text_case(other.c_str()).graph, on_device)->report().kernels_compiled ==
        0);
  Device::get(0)->stream()->synchronize();
}

TEST_CASE("kernels of a graph are compiled in few programs, for the device's architecture") {
  if (skipped()) return;
  const Fresh fresh;
  const GraphCase c = *gradient_of(text_case(layer));
  runtime::compile(c.graph, {.fuse = false, .backend = runtime::Backend::cuda});
  CHECK(fake().count("nvrtcCompileProgram") <=
        static_cast<std::size_t>(std::max(2, runtime::thread_count())));
  for (const FakeCall& call : fake().calls)
    if (call.function == "nvrtcCompileProgram") CHECK(call.kernel == "sm_90");
}

TEST_CASE("code from the disk is loaded, not compiled; damaged code is compiled again") {
  if (skipped()) return;
  const Fresh fresh;
  const TemporaryFolder folder;
  runtime::set_disk_cache(folder.path());
  const GraphCase c = text_case(layer);
  const std::vector<Literal> expected = interpret(c.graph, c.inputs);
  const auto compile_again = [&] {
    runtime::clear_caches();
    fake().calls.clear();
    const auto executable = runtime::compile(c.graph, on_device);
    check_same(run(*executable, c.graph, c.inputs), expected);
    return executable->report();
  };
  const std::size_t kernels = compile_again().kernels_compiled;
  CHECK(kernels > 0);
  CHECK(fake().count("nvrtcCompileProgram") > 0);
  const auto again = compile_again();
  CHECK(again.kernels_compiled == 0);
  CHECK(again.kernels_loaded == kernels);
  CHECK(fake().count("nvrtcCompileProgram") == 0);

  // Code that the driver refuses: whole as a file, but no code.
  runtime::DiskCache cache(folder.path(), {});
  for (const runtime::DiskEntry& entry : cache.list())
    if (has(entry.key, "\nprogram ")) cache.store(entry.key, "no code");
  CHECK(compile_again().kernels_compiled == kernels);
  // An entry that leads nowhere.
  for (const runtime::DiskEntry& entry : cache.list())
    if (has(entry.key, "\nkernel\n")) cache.store(entry.key, "0123");
  CHECK(compile_again().kernels_compiled == kernels);
  CHECK(compile_again().kernels_loaded == kernels);
}

TEST_CASE("threads run one program at once, each on a stream of its own") {
  if (skipped()) return;
  const Fresh fresh;
  const GraphCase c = text_case(layer);
  const auto executable = runtime::compile(c.graph, on_device);
  const std::vector<Literal> expected = interpret(c.graph, c.inputs);
  std::vector<std::vector<Literal>> got(3);
  {
    std::vector<std::jthread> threads;
    for (auto& results : got)
      threads.emplace_back([&] {
        for (int k = 0; k < 5; ++k) results = run(*executable, c.graph, c.inputs);
      });
  }
  for (const auto& results : got) check_same(results, expected);
}

TEST_CASE("a graph whose kernel faults says which, and memory on another device is an error") {
  if (skipped()) return;
  const Fresh fresh;
  const GraphCase c = text_case(chain);
  const auto executable = runtime::compile(c.graph, on_device);
  std::vector<Buffer> inputs{host_buffer(c.inputs[0]),
                             Device::get(1)->to_device(host_buffer(c.inputs[1]), "y")};
  const std::string mixed = error_of([&] { executable->run(inputs); });
  CHECK_MESSAGE(has(mixed, "run @chain: input %y: expected memory of cuda:0, got memory of cuda:1"),
                mixed);
  // The third device is lost; it is no other test's.
  const auto third = runtime::compile(c.graph, {.backend = runtime::Backend::cuda, .device = 2});
  inputs = {host_buffer(c.inputs[0]), host_buffer(c.inputs[1])};
  fake().faults_in = 1;
  const std::vector<Buffer> results = third->run(inputs);
  const std::string fault = error_of([&] { Device::get(2)->to_host(results[0]); });
  CHECK_MESSAGE(has(fault, "cuda:2: kernel "), fault);
  CHECK_MESSAGE(has(fault, "of @chain) failed: illegal address"), fault);
  fake().reset();
  check_same(run(*executable, c.graph, c.inputs), interpret(c.graph, c.inputs));
}

TEST_CASE("a full device names the buffers of the program, and the next call goes well") {
  if (skipped()) return;
  const Fresh fresh;
  const GraphCase c = text_case(
      "func @wide(%x: f32[1000,1000]) -> (f32[1000,1000], f32[1000,1000]) {\n"
      "  %0 = exp %x : f32[1000,1000]\n  %1 = sin %x : f32[1000,1000]\n  return %0, %1\n}");
  const auto executable = runtime::compile(c.graph, on_device);
  Device::get(0)->stream()->synchronize();
  fake().memory_bytes = std::size_t{6} << 20;
  const std::string problem = error_of([&] { run(*executable, c.graph, c.inputs); });
  CHECK_MESSAGE(has(problem, "cuda:0: out of memory: 3.8 MiB for result "), problem);
  CHECK_MESSAGE(has(problem, "of @wide do not fit"), problem);
  CHECK_MESSAGE(has(problem, "3.8 MiB input x of @wide"), problem);
  fake().memory_bytes = std::size_t{256} << 20;
  check_same(run(*executable, c.graph, c.inputs), interpret(c.graph, c.inputs));
}

TEST_CASE("wherever a call fails while a program is compiled and run, the next try goes well") {
  if (skipped()) return;
  const Fresh fresh;
  const GraphCase c = text_case(chain);
  const std::vector<Literal> expected = interpret(c.graph, c.inputs);
  std::size_t failing = 1;
  for (bool failed = true; failed; ++failing) {
    CAPTURE(failing);
    runtime::clear_caches();
    fake().any_failure = {failing, 999};
    error_of([&] { run(*runtime::compile(c.graph, on_device), c.graph, c.inputs); });
    failed = fake().any_failure.in == 0;
    fake().any_failure = {};
    check_same(run(*runtime::compile(c.graph, on_device), c.graph, c.inputs), expected);
    REQUIRE(failing < 200);
  }
  CHECK(failing > 15);
}

TEST_CASE("a device that does not exist, and a compiler that fails, are errors") {
  if (skipped()) return;
  const Fresh fresh;
  const GraphCase c = text_case(chain);
  CHECK(has(error_of([&] {
              runtime::compile(c.graph, {.backend = runtime::Backend::cuda, .device = 3});
            }),
            "cuda:3 does not exist: expected cuda:0 to cuda:2, the driver has 3 devices"));
  fake().failures["cuModuleLoadDataEx"] = {1, 222};
  const std::string newer = error_of([&] { runtime::compile(c.graph, on_device); });
  for (const char* part : {"cuda:0: the driver (CUDA 13.0) does not take what NVRTC 13.0 compiled",
                           "sm_90", "a newer driver, or a CUDA toolkit as old as the driver"})
    CHECK_MESSAGE(has(newer, part), newer);
}
