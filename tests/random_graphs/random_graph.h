// Random graphs over the whole operation table, and random inputs with special values for them.
// Equal seeds give equal graphs and inputs.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/builder.h"

namespace weft::test {

/// A graph with operands for it.
struct GraphCase {
  ir::Graph graph;
  std::vector<ir::Literal> inputs;
};

GraphCase random_case(std::uint64_t seed);

}  // namespace weft::test
