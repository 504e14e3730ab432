// Machine code of kernels, found again by the kernel's canonical text: in memory, else on disk.
#pragma once

#include <span>
#include <vector>

#include "codegen/jit.h"
#include "codegen/program.h"
#include "runtime/tiers.h"

namespace weft::runtime {

struct KernelRequest {
  std::shared_ptr<const codegen::Kernel> kernel;
  double cost_ns;  // of its launch on one thread
};

struct KernelCode {
  std::vector<std::shared_ptr<const LoadedKernel>> kernels;  // as asked for
  std::size_t compiled = 0;                                  // that no cache held
  std::size_t loaded = 0;                                    // from the disk
};

/// Distinct new kernels are compiled side by side, on up to thread_count() threads. Those with much
/// work come optimised.
KernelCode compile_kernels(std::span<const KernelRequest> kernels);

struct KernelStats {
  std::size_t compiled, loaded, hits, held;
};
KernelStats kernel_stats();
void clear_kernel_cache();

}  // namespace weft::runtime
