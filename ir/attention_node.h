// What a node of the operations `attention` and `attention_gradient` on contiguous operands asks
// for.
#pragma once

#include "ir/attention.h"
#include "ir/graph.h"

namespace weft::ir {

AttentionShape attention_shape(const Node& node, const Type& q, const Type& k, const Type& v);

/// Of attention_gradient, for any of its results.
AttentionGradientShape attention_gradient_shape(const Node& node, const Type& q, const Type& k,
                                                const Type& v);
/// Which operand an attention_gradient is of: 0 q, 1 k, 2 v.
std::size_t attention_operand(const Node& node);

}  // namespace weft::ir
