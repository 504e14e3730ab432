// Transposition: turns the linear part of a function (what depends on some parameters, linearly)
// around, so that cotangents of the results become cotangents of those parameters.
#pragma once

#include <cstddef>
#include <vector>

#include "ir/builder.h"

namespace weft::passes {

/// Parameters of b: those of `jvp` before `first_linear`, then a cotangent for each entry of
/// `cotangents`.
struct Transposition {
  ir::Builder b;
  std::vector<ir::Value> map;        // of each node of `jvp` that does not depend on tangents
  std::vector<ir::Value> gradients;  // one for each linear parameter; zeros where nothing flows
};

struct CotangentSpec {
  ir::Value tangent;  // of the jvp graph; invalid: the cotangent is not needed
  ir::Type type;
  std::string name;
};

/// Switches on OpDef::transpose alone. Throws Unsupported where an operation has none.
Transposition transpose_linear(const ir::Graph& jvp, std::size_t first_linear,
                               const std::vector<CotangentSpec>& cotangents, std::string name);

}  // namespace weft::passes
