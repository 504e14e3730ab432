// Derivatives of graphs: forward mode by a rule per operation, reverse mode by transposing the
// linear program that forward mode records.
#pragma once

#include <span>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

/// `wrt` lists parameters by number; each must be of a float dtype, else weft::Error. Unsupported
/// names an operation whose rule is missing, if a derivative needs it.

/// Parameters: f's, then a tangent for each of `wrt`. Results: f's, then their tangents (zeros
/// where a result does not depend on `wrt`; for a result that is no float, zeros of its dtype).
ir::Graph jvp(const ir::Graph& f, std::span<const std::size_t> wrt);

struct Vjp {
  /// Parameters: f's, then a cotangent for each float result of f. Results: f's, then one gradient
  /// for each of `wrt` (zeros where nothing depends on it).
  ir::Graph graph;
  /// Where the first result of node k of f stands in `graph`; invalid for dead nodes. Other results
  /// follow, but for `fused` nodes, which are inlined.
  std::vector<ir::Value> primal;
};
Vjp vjp(const ir::Graph& f, std::span<const std::size_t> wrt);

/// f has one scalar float result, else weft::Error. Parameters: f's. Results: the gradients, and
/// before them f's value if with_value.
ir::Graph grad(const ir::Graph& f, std::span<const std::size_t> wrt, bool with_value = false);

}  // namespace weft::passes
