// LLVM's code generator as Weft uses it: one function of a module in, object code or assembly out.
#pragma once

#include <memory>
#include <string>

#include "codegen/jit.h"
#include "codegen/llvm/target.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"

namespace weft::codegen::cpu {

/// Registers the host's code generator and sets LLVM's process-wide options, once.
void initialize_llvm();

/// Gives the module its triple and data layout.
void set_layout(llvm::Module& module, const Target& target, Effort effort);
/// Any number of threads may call these at once.
llvm::SmallVector<char, 0> object_code(llvm::Module& module, const Target& target, Effort effort);
std::string assembly(llvm::Module& module, const Target& target);

}  // namespace weft::codegen::cpu
