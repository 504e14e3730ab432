// How CUDA C++ spells types, constants and scalar opcodes. The text needs no header: prelude()
// defines what is not built into the compiler.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ir/scalar.h"

namespace weft::codegen::cuda {

/// Type names (i64, f32, ...) and helper functions; goes before everything else.
std::string_view prelude();
/// "f32", "i64", "bool": the type of a value.
std::string_view type_name(DType dtype);
/// The type in memory: a bool is a byte, 0 or 1.
std::string_view stored_type_name(DType dtype);
/// Hexadecimal floats, so that no digit is lost; NaN by its bits.
std::string constant(DType dtype, std::uint64_t bits);
/// An opcode on named values; `operand` is the dtype of its last argument. Not for param, constant.
std::string expression(ir::ScalarOp op, DType result, DType operand,
                       std::span<const std::string> args);

}  // namespace weft::codegen::cuda
