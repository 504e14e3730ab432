// Writes operations that need no kernel of their own in terms of core ones, so that they fuse.
#include "ir/builder.h"
#include "passes/pipeline.h"
#include "passes/rebuild.h"

namespace weft::passes {

using namespace ir;

Graph expand(const Graph& graph) {
  return rebuild_where(
      graph, [](Op op) { return def(op).only_expanded; },
      [](Builder& b, const Node& node, std::span<const Value> operands) {
        return def(node.op).expand(b, node, operands);
      });
}

}  // namespace weft::passes
