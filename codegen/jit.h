// Kernels to machine code through LLVM. No LLVM type crosses this header.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "codegen/kernel.h"
#include "codegen/panels.h"

namespace weft::codegen {

struct CompiledKernel {
  KernelFn fn = nullptr;
  std::shared_ptr<const void> code;  // keeps fn alive
  double compile_ms = 0;
};

/// How much the code generator tries. What the code computes is the same to the bit.
enum class Effort : std::uint8_t {
  quick,  ///< A half to a fifth of the time; code that runs two to five times as long.
  full,
};

/// Thread-safe; threads compile side by side.
CompiledKernel compile_llvm(const Kernel& kernel, Effort effort = Effort::full);
/// compile_llvm with full effort in two steps: relocatable object code, which may be kept, and its
/// loading.
std::string object_llvm(const Kernel& kernel);
CompiledKernel load_llvm(std::string_view object);
/// How compiled products of this dtype want their right factor packed.
PanelWidths panel_widths(DType dtype);
/// What decides object code beside the kernel's text: emitters, LLVM, processor and its features.
std::string code_version();
/// A hash of the sources of this library, in hexadecimal; made by the build.
std::string_view emitter_version();
std::string llvm_text(const Kernel& kernel);
std::string asm_text(const Kernel& kernel);
/// "x86-64 sapphirerapids, 512-bit vectors"; and LLVM's version.
std::string target_description();

/// CUDA C++ of a kernel, self-contained. Throws Unsupported where something cannot be spelled. The
/// first serves every launch; with params and offsets (Argument::offset) of one launch, it is what
/// that launch runs.
std::string cuda_text(const Kernel& kernel);
std::string cuda_text(const Kernel& kernel, std::span<const std::int64_t> params,
                      std::span<const std::int64_t> offsets);

}  // namespace weft::codegen
