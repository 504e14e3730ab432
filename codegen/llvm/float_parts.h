// The opcodes scale, exponent and mantissa: instructions of AVX-512, their expansions elsewhere.
#pragma once

#include "codegen/llvm/emitter.h"
#include "ir/scalar.h"

namespace weft::codegen::cpu {

/// y is scale's second operand.
Value* emit_float_parts(Emitter& e, ir::ScalarOp op, DType dtype, Value* x, Value* y);

}  // namespace weft::codegen::cpu
