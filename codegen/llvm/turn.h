// Turning rows into columns in registers.
#pragma once

#include <span>

#include "codegen/llvm/emitter.h"

namespace weft::codegen::cpu {

/// How many rows turn_rows takes: of several bytes each as many as fill a 128-bit lane.
int rows_per_turn(DType dtype);

/// `rows` are as many vectors, as memory holds them. Writes the elements of column c side by side
/// to `to` + c * pitch (elements), for every c < width.
void turn_rows(Emitter& e, DType dtype, std::span<Value* const> rows, Value* to,
               std::int64_t pitch);

}  // namespace weft::codegen::cpu
