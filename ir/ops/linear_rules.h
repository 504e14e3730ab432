// Derivatives that are not a scalar formula: forward rules of the structural operations, and the
// transposition of every operation that occurs in a linear program. The table (ir/ops/*.cpp) hooks
// them in; passes/linearize.cpp and passes/transpose.cpp call them through OpDef.
#pragma once

#include <vector>

#include "ir/op.h"

namespace weft::ir {

// Forward: the tangent of the result. Where OpDef::jvp is set it is used instead of
// OpDef::partial (convert and select are elementwise, and have no useful partial). At least one
// operand has a tangent.
Value jvp_convert(const JvpContext&);
Value jvp_select(const JvpContext&);
Value jvp_broadcast_in_dim(const JvpContext&);
Value jvp_reshape(const JvpContext&);
Value jvp_transpose(const JvpContext&);
Value jvp_slice(const JvpContext&);
Value jvp_reverse(const JvpContext&);
Value jvp_pad(const JvpContext&);
Value jvp_concatenate(const JvpContext&);
Value jvp_reduce(const JvpContext&);
Value jvp_cumulative(const JvpContext&);
Value jvp_dot_general(const JvpContext&);
Value jvp_attention(const JvpContext&);
Value jvp_gather(const JvpContext&);
Value jvp_scatter(const JvpContext&);
Value jvp_optimization_barrier(const JvpContext&);

/// The sum of a cotangent over `axes`, with what is constant along them taken out of the sum.
Value sum_of_cotangent(Builder& b, Value cotangent, const Ints& axes);

// Transposition: for y = f(x) linear in the operands marked linear, their cotangents from y's.
std::vector<Value> transpose_neg(const TransposeContext&);
std::vector<Value> transpose_add(const TransposeContext&);
std::vector<Value> transpose_sub(const TransposeContext&);
std::vector<Value> transpose_mul(const TransposeContext&);
std::vector<Value> transpose_div(const TransposeContext&);
std::vector<Value> transpose_select(const TransposeContext&);
std::vector<Value> transpose_convert(const TransposeContext&);
std::vector<Value> transpose_broadcast_in_dim(const TransposeContext&);
std::vector<Value> transpose_reshape(const TransposeContext&);
std::vector<Value> transpose_transpose(const TransposeContext&);
std::vector<Value> transpose_slice(const TransposeContext&);
std::vector<Value> transpose_reverse(const TransposeContext&);
std::vector<Value> transpose_pad(const TransposeContext&);
std::vector<Value> transpose_concatenate(const TransposeContext&);
std::vector<Value> transpose_reduce(const TransposeContext&);
std::vector<Value> transpose_cumulative(const TransposeContext&);
std::vector<Value> transpose_dot_general(const TransposeContext&);
std::vector<Value> transpose_attention_tangent(const TransposeContext&);
std::vector<Value> transpose_gather(const TransposeContext&);
std::vector<Value> transpose_scatter(const TransposeContext&);

}  // namespace weft::ir
