// A kernel as CUDA C++, and the grid that runs it. Any grid computes the same bits; this one is
// large enough to fill a device and no larger than the work.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "codegen/kernel.h"

namespace weft::codegen::cuda {

/// The function alone: several of them share one prelude() and one program. Its arguments are one
/// pointer per access, the parameters as i64, and a pointer to scratch. Throws Unsupported.
std::string kernel_text(const Kernel& kernel, std::string_view name);

struct LaunchShape {
  unsigned blocks = 1, threads = 1;
  std::size_t scratch_bytes = 0;  // of device memory, for rows that are kept
};
/// Nothing is to be launched where the kernel has no index (blocks is 0).
LaunchShape launch_shape(const Kernel& kernel, std::span<const std::int64_t> params);

}  // namespace weft::codegen::cuda
