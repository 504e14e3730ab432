// Compilation for a given processor; codegen/jit.h is this for the host.
#pragma once

#include "codegen/jit.h"
#include "codegen/llvm/target.h"

namespace weft::codegen::cpu {

CompiledKernel compile(const Kernel& kernel, const Target& target, Effort effort = Effort::full);
PanelWidths panel_widths(const Target& target, DType dtype);
std::string ir_text(const Kernel& kernel, const Target& target);
std::string assembly_text(const Kernel& kernel, const Target& target);

}  // namespace weft::codegen::cpu
