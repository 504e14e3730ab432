// A graph over a stack of inputs, written rule by rule: every value gets a new first axis, and
// each of its elements is what the plain graph makes of one input.
#pragma once

#include "ir/graph.h"

namespace weft::test {

/// Parameters and results of `graph` with `count` in front of their shapes. Throws InternalError
/// for an operation without a rule.
ir::Graph batched(const ir::Graph& graph, std::int64_t count);

/// Literals of one type along a new first axis.
ir::Literal stacked(const std::vector<ir::Literal>& parts);

}  // namespace weft::test
