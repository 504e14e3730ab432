// Makes equal subgraphs one node: the builder reuses nodes, so building the graph anew is enough.
#include "ir/builder.h"
#include "passes/pipeline.h"
#include "passes/rebuild.h"

namespace weft::passes {

ir::Graph cse(const ir::Graph& graph) {
  return rebuild(
      graph, [](ir::Builder&, const ir::Node&, std::span<const ir::Value>) { return ir::Value{}; });
}

}  // namespace weft::passes
