// Drops the nodes that no result depends on; parameters are the function's signature and stay.
#include "ir/builder.h"
#include "passes/copy_live.h"
#include "passes/pipeline.h"

namespace weft::passes {

using namespace ir;

Copied copy_live(const Graph& graph) {
  Builder b(graph.name(), graph.size());
  std::vector<Value> map(graph.size());
  const std::vector<bool> live = graph.live();
  const auto moved = [&](Value v) {
    return Value{map[v.node].node, map[v.node].result + v.result};
  };
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.op == Op::parameter) {
      map[id] = b.parameter(node.types[0], graph.param_name(id), node.where);
    } else if (live[id]) {
      Node copy = node;
      for (Value& v : copy.operands) v = moved(v);
      map[id] = b.add_verbatim(std::move(copy));
    }
  }
  std::vector<Value> results;
  for (const Value& v : graph.results()) results.push_back(moved(v));
  return {b.finish(std::move(results)), std::move(map)};
}

Graph dce(const Graph& graph) { return copy_live(graph).graph; }

}  // namespace weft::passes
