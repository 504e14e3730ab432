// A program's kernels as text for people, in any of the forms that they go through.
#pragma once

#include <string>
#include <string_view>

#include "codegen/program.h"

namespace weft::codegen {

enum class CodeForm : std::uint8_t { kernel, llvm, assembly, cuda, ptx };

/// Every launch with its operations and parameters as a comment; each kernel once, under the first
/// launch that uses it. Throws weft::Unsupported where a kernel has no CUDA form.
std::string dump(const Program& program, CodeForm form);
/// For an architecture of a CUDA device ("sm_90"): PTX; in the other forms each kernel is followed
/// by the grid of its launch, and its registers, spills and shared memory. Throws weft::Unsupported
/// without NVRTC, weft::Error where it does not reach the architecture.
std::string dump_for_device(const Program& program, CodeForm form, std::string_view architecture);

}  // namespace weft::codegen
