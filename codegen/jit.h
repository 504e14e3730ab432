// Kernels to machine code through LLVM. No LLVM type crosses this header.
#pragma once

#include <memory>
#include <string>

#include "codegen/kernel.h"

namespace weft::codegen {

struct CompiledKernel {
  KernelFn fn = nullptr;
  std::shared_ptr<const void> code;  // keeps fn alive
  double compile_ms = 0;
};

/// Thread-safe; threads compile side by side.
CompiledKernel compile_llvm(const Kernel& kernel);
std::string llvm_text(const Kernel& kernel);
std::string asm_text(const Kernel& kernel);
/// "x86-64 sapphirerapids, 512-bit vectors"; and LLVM's version.
std::string target_description();

/// CUDA C++ of a kernel, self-contained; elementwise and row-phase kernels. Unsupported for others.
std::string cuda_text(const Kernel& kernel);

}  // namespace weft::codegen
