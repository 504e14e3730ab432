// What a node of the operation `attention` on contiguous operands asks for.
#pragma once

#include "ir/attention.h"
#include "ir/graph.h"

namespace weft::ir {

AttentionShape attention_shape(const Node& node, const Type& q, const Type& k, const Type& v);

}  // namespace weft::ir
