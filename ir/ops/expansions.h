// Operations in terms of other ones. The table (ir/ops/*.cpp) hooks them in; linearization,
// passes/expand.cpp and the interpreter call them through OpDef.
#pragma once

#include <span>

#include "ir/op.h"

namespace weft::ir {

Value expand_arg_extreme(Builder&, const Node&, std::span<const Value> operands);
Value expand_attention(Builder&, const Node&, std::span<const Value> operands);
Value expand_attention_gradient(Builder&, const Node&, std::span<const Value> operands);
Value expand_attention_tangent(Builder&, const Node&, std::span<const Value> operands);

}  // namespace weft::ir
