// What the builder knows about a node before adding it: that it changes nothing, or its value.
#pragma once

#include <optional>

#include "ir/builder.h"

namespace weft::ir {

/// The most elements of a result, and of all operands together, that building computes at once.
inline constexpr std::int64_t fold_result_limit = 64;
inline constexpr std::int64_t fold_operand_limit = 4096;

/// A value in `b` equal to the node's result, where the node is a view (or conversion) that changes
/// nothing or that combines with the view it reads; else invalid.
Value skip_view(Builder& b, const Node& node);

/// The node's result if all its operands are small constants. Splats stay broadcasts of a scalar,
/// and values that depend on more than operands (or must not move) stay as they are.
std::optional<Literal> constant_result(const Graph& graph, const Node& node);

}  // namespace weft::ir
