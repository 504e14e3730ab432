// Writes operations in terms of core ones: those that need no kernel of their own, so that they
// fuse; or all, for backends that have kernels of core ones only.
#include "ir/builder.h"
#include "passes/pipeline.h"
#include "passes/rebuild.h"

namespace weft::passes {

using namespace ir;

namespace {

Graph expand_where(const Graph& graph, bool (*chosen)(Op)) {
  return rebuild_where(graph, chosen,
                       [](Builder& b, const Node& node, std::span<const Value> operands) {
                         return def(node.op).expand(b, node, operands);
                       });
}

}  // namespace

Graph expand(const Graph& graph) {
  return expand_where(graph, [](Op op) { return def(op).only_expanded; });
}

Graph expand_all(const Graph& graph) {
  return expand_where(graph, [](Op op) { return def(op).expand != nullptr; });
}

}  // namespace weft::passes
