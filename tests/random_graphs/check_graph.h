// What must hold for any graph: the text gives it back, passes keep every bit of its results, and
// so does compiled code.
#pragma once

#include <string>

#include "tests/random_graphs/random_graph.h"

namespace weft::test {

struct Checks {
  bool compile = true;  // else passes only, through the interpreter
};

/// Empty, or one sentence: what failed, and where results differ first.
std::string find_failure(const GraphCase& c, const Checks& checks);

/// The gradient of a graph as a case of its own (a cotangent of random numbers for each float
/// result); the case itself where it has no gradient.
GraphCase with_gradient(GraphCase c, std::uint64_t seed);

}  // namespace weft::test
