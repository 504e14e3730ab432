// Inlining of fused groups, so that what differentiates or rewrites sees every operation.
#include "passes/inline_fused.h"

#include <algorithm>

#include "ir/builder.h"

namespace weft::passes {

using namespace ir;

bool has_fused(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                     [](const Node& node) { return node.op == Op::fused; });
}

Inlined inline_fused(const Graph& graph) {
  Builder b(graph.name());
  std::vector<std::vector<Value>> values(graph.size());
  const auto value = [&](Value v) { return values[v.node][v.result]; };
  const std::vector<bool> live = graph.live();
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.op == Op::parameter) {
      values[id] = {b.parameter(node.types[0], graph.param_name(id), node.where)};
      continue;
    }
    if (!live[id]) continue;
    std::vector<Value> operands;
    for (const Value& v : node.operands) operands.push_back(value(v));
    b.set_location(node.where);
    if (node.op == Op::fused) {
      values[id] = inline_graph(b, *node.bodies[0], operands);
    } else {
      const Value first = b.add_node(node.op, operands, node.attrs, node.bodies);
      for (std::uint32_t k = 0; k < node.types.size(); ++k)
        values[id].push_back({first.node, first.result + k});
    }
  }
  std::vector<Value> results, map(graph.size());
  for (const Value& v : graph.results()) results.push_back(value(v));
  for (std::size_t id = 0; id < graph.size(); ++id)
    if (!values[id].empty()) map[id] = values[id][0];
  return {b.finish(std::move(results)), std::move(map)};
}

}  // namespace weft::passes
