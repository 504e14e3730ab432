// What must hold for any graph: the text gives it back, passes keep every bit of its results, and
// so does compiled code.
#pragma once

#include <optional>
#include <string>

#include "tests/random_graphs/random_graph.h"

namespace weft::test {

struct Checks {
  bool compile = true;    // else passes only, through the interpreter
  bool gradient = false;  // the same checks on the graph's gradient
  bool quick = false;     // compiled code begins with quick code, and is optimised after a run
};

/// Empty, or one sentence: what failed, and where results differ first.
std::string find_failure(const GraphCase& c, const Checks& checks);

/// The gradient of a graph as a case of its own, with random cotangents. Empty where the graph has
/// no float parameter, or its derivative does not exist yet.
std::optional<GraphCase> gradient_of(const GraphCase& c);

}  // namespace weft::test
