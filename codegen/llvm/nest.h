// Loop nests around bodies. A kernel's function is exactly one of these.
#pragma once

#include "codegen/llvm/emitter.h"

namespace weft::codegen::cpu {

void emit_across(Emitter& e);    // lanes on the last parallel axis, with or without a row axis
void emit_columns(Emitter& e);   // sums of columns (Kernel::sums_columns)
void emit_along(Emitter& e);     // lanes on the row axis
void emit_contract(Emitter& e);  // a product; gemm*.cpp
void emit_attention(Emitter& e);
void emit_attention_gradient(Emitter& e);

/// Emits the kernel if it has arrays to turn (Kernel::turned_axis); else false.
bool emit_transposing(Emitter& e);

/// The index over `sizes`, row-major, that unit stands for.
std::vector<Value*> decode_unit(Emitter& e, Value* unit, const std::vector<Value*>& sizes);
/// body(index) for every unit in [begin, end): index runs over `sizes`, row-major, like an
/// odometer.
void emit_units(Emitter& e, const std::vector<Value*>& sizes,
                const std::function<void(const std::vector<Value*>& index)>& body);

}  // namespace weft::codegen::cpu
