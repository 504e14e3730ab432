// A program's kernels as text for people, in any of the forms that they go through.
#pragma once

#include <string>

#include "codegen/program.h"

namespace weft::codegen {

enum class CodeForm : std::uint8_t { kernel, llvm, assembly, cuda };

/// Every launch with its operations and parameters as a comment; each kernel once, under the first
/// launch that uses it. Throws weft::Unsupported where a kernel has no CUDA form.
std::string dump(const Program& program, CodeForm form);

}  // namespace weft::codegen
