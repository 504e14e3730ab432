// Derivatives of graphs: forward mode by a rule per operation, reverse mode by transposing the
// linear program that forward mode records.
#pragma once

#include <span>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

/// Parameters: f's, then a tangent for each of `wrt`. Results: f's, then their tangents (zeros
/// where a result does not depend on wrt or is not of a float dtype... those get zeros of their own
/// dtype).
ir::Graph jvp(const ir::Graph& f, std::span<const std::size_t> wrt);

struct Vjp {
  /// Parameters: f's, then a cotangent for each float result of f. Results: f's, then one gradient
  /// for each of `wrt` (zeros where nothing depends on it).
  ir::Graph graph;
  /// Where node k of f stands in `graph` (first result; other results follow); invalid for dead
  /// nodes.
  std::vector<ir::Value> primal;
};
Vjp vjp(const ir::Graph& f, std::span<const std::size_t> wrt);

/// f has one scalar float result. Parameters: f's. Results: with_value ? (value, gradients...) :
/// gradients.
ir::Graph grad(const ir::Graph& f, std::span<const std::size_t> wrt, bool with_value = false);

}  // namespace weft::passes
