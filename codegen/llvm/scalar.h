// One row per scalar opcode: how LLVM spells it, on one element or on a vector of them.
#pragma once

#include <span>
#include <string_view>

#include "codegen/llvm/emitter.h"
#include "ir/scalar.h"

namespace weft::codegen::cpu {

/// `args` are scalars or vectors alike; `operand` is the dtype of the first. Not for param,
/// constant.
Value* emit_scalar(Emitter& e, ir::ScalarOp op, DType result, DType operand,
                   std::span<Value* const> args);
/// into op value, for a monoid's name ("add", "max", ...; "set" gives value).
Value* emit_combine(Emitter& e, std::string_view monoid, DType dtype, Value* into, Value* value);

}  // namespace weft::codegen::cpu
