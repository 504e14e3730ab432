// Machine code of kernels, found again by the kernel's canonical text: in memory, else on disk.
#pragma once

#include <span>
#include <vector>

#include "codegen/jit.h"
#include "codegen/program.h"

namespace weft::runtime {

struct KernelCode {
  std::vector<codegen::CompiledKernel> kernels;  // as asked for
  std::size_t compiled = 0;                      // that no cache held
  std::size_t loaded = 0;                        // from the disk
};

/// Distinct new kernels are compiled side by side, on up to thread_count() threads.
KernelCode compile_kernels(std::span<const std::shared_ptr<const codegen::Kernel>> kernels);

struct KernelStats {
  std::size_t compiled, loaded, hits, held;
};
KernelStats kernel_stats();
void clear_kernel_cache();

}  // namespace weft::runtime
