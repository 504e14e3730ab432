// Quick code first, optimised code behind it: when each runs, and that the bits are the same.
#include "runtime/tiers.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "codegen/program.h"
#include "ir/graph.h"
#include "passes/pipeline.h"
#include "runtime/engine.h"
#include "runtime/kernel_cache.h"

using namespace weft;
using namespace weft::runtime;

namespace {

struct QuickTier {
  explicit QuickTier(bool on) {
    clear_caches();
    set_quick_tier(on);
  }
  ~QuickTier() {
    finish_optimising();
    set_quick_tier(std::nullopt);
    clear_caches();
  }
};

ir::Graph program(std::int64_t n) {
  const std::string type = "f32[" + std::to_string(n) + "]";
  return ir::parse("func @f(%x: " + type + ") -> (" + type + ", f32[]) {\n" +
                   "  %e = exp %x : " + type + "\n  %t = tanh %e : " + type +
                   "\n  %s = reduce %t {kind = \"add\", axes = [0]} : f32[]\n" +
                   "  return %t, %s\n}\n");
}

std::shared_ptr<const codegen::Kernel> first_kernel(const ir::Graph& graph) {
  const auto pipeline = passes::default_pipeline(true);
  return codegen::lower(passes::run_passes(graph, pipeline)).launches.at(0).kernel;
}

std::vector<std::byte> bits_of(const Executable& executable, std::int64_t n) {
  Buffer input = allocate(static_cast<std::size_t>(n) * 4);
  for (std::int64_t k = 0; k < n; ++k)
    static_cast<float*>(input.data())[k] = static_cast<float>(k % 97) / 32 - 1;
  std::vector<std::byte> bits;
  for (const Buffer& result : executable.run(std::vector<Buffer>{input})) {
    const auto* data = static_cast<const std::byte*>(result.data());
    bits.insert(bits.end(), data, data + result.bytes);
  }
  return bits;
}

}  // namespace

TEST_CASE("a program computes the same bits before and after its kernels are optimised") {
  const QuickTier tier(true);
  const std::size_t compiled = engine_stats().kernels_compiled;
  const auto executable = compile(program(1000));
  const std::vector<std::byte> first = bits_of(*executable, 1000);
  finish_optimising();
  CHECK(bits_of(*executable, 1000) == first);
  CHECK(engine_stats().kernels_compiled - compiled == executable->report().kernels_compiled);

  set_quick_tier(false);
  clear_caches();
  CHECK(bits_of(*compile(program(1000)), 1000) == first);
}

TEST_CASE("quick code is replaced by other code, once") {
  const QuickTier tier(false);
  const auto kernel = first_kernel(program(64));
  LoadedKernel loaded(codegen::compile_llvm(*kernel, codegen::Effort::quick), kernel, "text");
  const codegen::KernelFn quick = loaded.fn();
  CHECK(!loaded.is_optimised());
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back([&] { loaded.optimise(); });
  threads.clear();
  CHECK(loaded.is_optimised());
  const codegen::KernelFn optimised = loaded.fn();
  CHECK((optimised != quick));
  loaded.optimise();
  CHECK((loaded.fn() == optimised));
}

TEST_CASE("a kernel with much work comes optimised, also where quick code was there before") {
  const QuickTier tier(true);
  const auto kernel = first_kernel(program(64));
  const KernelRequest little{kernel, 1e3}, much{kernel, 1e9};
  const KernelCode first = compile_kernels({&little, 1});
  CHECK(first.compiled == 1);
  const KernelCode second = compile_kernels({&much, 1});
  CHECK(second.compiled == 0);
  CHECK(second.kernels[0]->is_optimised());
  CHECK(first.kernels[0] == second.kernels[0]);
}

TEST_CASE("programs run on several threads while their kernels are optimised") {
  const QuickTier tier(true);
  std::atomic<int> wrong{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&wrong, t] {
      for (std::int64_t n = 100; n < 104; ++n) {
        const auto executable = compile(program(n + 10 * t));
        const std::vector<std::byte> first = bits_of(*executable, n + 10 * t);
        for (int k = 0; k < 200; ++k) wrong += bits_of(*executable, n + 10 * t) == first ? 0 : 1;
      }
    });
  }
  threads.clear();
  CHECK(wrong == 0);
}

TEST_CASE("kernels that nobody holds any more are not optimised") {
  const QuickTier tier(true);
  const auto kernel = first_kernel(program(64));
  std::weak_ptr<const LoadedKernel> dropped;
  {
    const KernelRequest request{kernel, 1e3};
    dropped = compile_kernels({&request, 1}).kernels[0];
    clear_caches();
  }
  finish_optimising();
  CHECK(dropped.expired());
}
