// Machine code in two tiers. A kernel that no cache holds first runs from quickly made code; a
// thread in the background makes the optimised code, which takes its place between two launches.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "codegen/jit.h"

namespace weft::runtime {

/// A kernel's code, shared by every program that launches it.
class LoadedKernel {
 public:
  /// Optimised code, from wherever it came.
  explicit LoadedKernel(codegen::CompiledKernel optimised);
  /// Quick code, to be followed by optimised code. `text` is what the caches know the kernel by.
  LoadedKernel(codegen::CompiledKernel quick, std::shared_ptr<const codegen::Kernel> kernel,
               std::string text);

  codegen::KernelFn fn() const { return fn_.load(std::memory_order_acquire); }
  bool is_optimised() const { return optimised_.load(std::memory_order_acquire); }
  double compile_ms() const { return compile_ms_; }
  /// Makes the optimised code now, unless somebody has; keeps it on disk. Throws as the compiler.
  void optimise();

 private:
  std::atomic<codegen::KernelFn> fn_;
  std::atomic<bool> optimised_;
  double compile_ms_;
  std::mutex optimising_;
  std::shared_ptr<const codegen::Kernel> kernel_;  // until it is optimised
  std::string text_;
  // Quick code stays as long as the kernel: some thread may be running it.
  std::shared_ptr<const void> first_code_, optimised_code_;
};

/// Optimised code, kept on disk if there is a disk cache.
codegen::CompiledKernel compile_and_keep(const codegen::Kernel& kernel, const std::string& text);

/// Whether kernels may begin with quick code: set_quick_tier, else WEFT_QUICK_TIER.
bool quick_tier();

/// Has the kernel optimised in the background, unless nobody needs it by then.
void optimise_later(std::shared_ptr<LoadedKernel> kernel);

}  // namespace weft::runtime
