// Functions that tests differentiate and lower: compositions as frontends record them, in f64.
#pragma once

#include "ir/builder.h"

namespace weft::test {

inline constexpr DType f64_ = DType::f64;

ir::Value softmax(ir::Builder& b, ir::Value x);     // over the last axis
ir::Value layer_norm(ir::Builder& b, ir::Value x);  // over the last axis, without weights
ir::Value cross_entropy(ir::Builder& b, ir::Value logits, ir::Value labels);  // mean over rows
ir::Value square(ir::Builder& b, ir::Value x);
ir::Value sum(ir::Builder& b, ir::Value x);  // of all elements

/// @mlp(x [5,7], w1 [7,6], b1 [6], w2 [6,4], b2 [4], labels i64[5]) -> scalar loss.
ir::Graph mlp_loss();
/// @attention(q, k, v [2,3,4,5]) -> [2,3,4,5], by transposed views of [2,4,3,5] operands.
ir::Graph attention();
/// One function of one parameter x of the given shape.
ir::Graph unary_function(const ir::Shape& shape, ir::Value (*f)(ir::Builder&, ir::Value));

}  // namespace weft::test
