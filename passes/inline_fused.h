// Puts the bodies of `fused` nodes back in place of the nodes.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace weft::passes {

bool has_fused(const ir::Graph& graph);

struct Inlined {
  ir::Graph graph;
  std::vector<ir::Value> map;  // of each node of the original: its first result; invalid when dead
};
Inlined inline_fused(const ir::Graph& graph);

}  // namespace weft::passes
