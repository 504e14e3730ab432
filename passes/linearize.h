// Forward mode as a builder's content: a function with the tangents of its results beside them, by
// the forward rule of each operation.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ir/builder.h"

namespace weft::passes {

/// Parameters of b: f's, then a tangent for each of `wrt`. An invalid tangent is a symbolic zero.
struct Linearization {
  ir::Builder b;
  std::vector<ir::Value> primal;    // of each node of f: its first result; invalid for dead nodes
  std::vector<ir::Value> results;   // f's
  std::vector<ir::Value> tangents;  // of f's results
};

/// Throws weft::Error when `wrt` names something that is not a parameter of a float dtype. `caller`
/// is the operation that messages name.
Linearization linearize(const ir::Graph& f, std::span<const std::size_t> wrt,
                        std::string_view caller);

}  // namespace weft::passes
