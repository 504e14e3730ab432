// Makes a failing graph small: drops results, turns values into parameters, cuts nodes out.
#pragma once

#include <functional>

#include "tests/random_graphs/random_graph.h"

namespace weft::test {

/// A case that still fails, of which no single step of shrinking fails as well.
GraphCase shrink(GraphCase failing, const std::function<bool(const GraphCase&)>& fails);

/// The graph as `.weft` text, its inputs in comments above.
std::string describe(const GraphCase& c);

}  // namespace weft::test
