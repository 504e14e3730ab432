// Programs on a CUDA device.
#pragma once

#include "runtime/executable.h"

namespace weft::runtime::cuda {

/// Device code over planned memory; see runtime::make_compiled. Throws weft::Error where the device
/// cannot be used, Unsupported where a kernel has no CUDA form.
std::shared_ptr<const Executable> make_compiled(ir::Graph fused, codegen::Program program,
                                                CompileReport report, int device);

}  // namespace weft::runtime::cuda
