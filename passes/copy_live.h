// Copies what the results of a graph depend on.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace weft::passes {

struct Copied {
  ir::Graph graph;
  std::vector<ir::Value> map;  // of each node: its first result; invalid when it was dead
};

/// Node by node as they stand; every parameter stays.
Copied copy_live(const ir::Graph& graph);

}  // namespace weft::passes
