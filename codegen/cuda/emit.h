// A kernel as CUDA C++, and the grid that runs it. Any grid computes the same bits; this one is
// large enough to fill a device and no larger than the work.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "codegen/cuda/schedule.h"
#include "codegen/kernel.h"

namespace weft::codegen::cuda {

/// The function alone: several of them share one prelude() and one program. Its arguments are one
/// pointer per access, the parameters as i64, and a pointer to scratch. Throws Unsupported.
std::string kernel_text(const Kernel& kernel, const Schedule& schedule, std::string_view name);

}  // namespace weft::codegen::cuda
