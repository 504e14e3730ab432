// A node of an operation that is defined by its expansion, as a graph of other operations.
#pragma once

#include <span>

#include "ir/graph.h"

namespace weft::ir {

/// Of parameters of `types`, which are the operands'. The table's entry has an `expand`.
Graph expansion(const Node& node, std::span<const Type> types);

}  // namespace weft::ir
