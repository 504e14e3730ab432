// Fusion with its reasons: which neighbours share a kernel, and why others do not.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

/// One pair of neighbours that stayed apart: "%12 exp -> %15 dot_general: two matrix products".
struct FusionNote {
  std::uint32_t producer;  // node of the graph given to fuse
  std::uint32_t consumer;
  std::string why;
};

/// As `fuse` of passes/pipeline.h; notes gets an entry for each pair not fused.
ir::Graph fuse(const ir::Graph& graph, std::vector<FusionNote>* notes);

}  // namespace weft::passes
