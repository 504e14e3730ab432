// The frame of passes that replace single nodes: builds a graph anew, offering each node.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "ir/builder.h"

namespace weft::passes {

/// For each live node, with its operands in the new graph, `replace(b, node, operands)` returns the
/// value (its first result) that takes its place, or an invalid one to keep it.
template <class Replace>
ir::Graph rebuild(const ir::Graph& graph, Replace&& replace) {
  ir::Builder b(graph.name(), graph.size());
  std::vector<ir::Value> map(graph.size());
  const std::vector<bool> live = graph.live();
  const auto moved = [&](ir::Value v) {
    return ir::Value{map[v.node].node, map[v.node].result + v.result};
  };
  std::vector<ir::Value> operands;
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    const ir::Node& node = graph.node(id);
    if (node.op == ir::Op::parameter) {
      map[id] = b.parameter(node.types[0], graph.param_name(id), node.where);
      continue;
    }
    if (!live[id]) continue;
    operands.clear();
    for (const ir::Value& v : node.operands) operands.push_back(moved(v));
    b.set_location(node.where);
    map[id] = replace(b, node, std::span<const ir::Value>(operands));
    if (!map[id].valid()) map[id] = b.add_node(node.op, operands, node.attrs, node.bodies);
  }
  std::vector<ir::Value> results;
  for (const ir::Value& v : graph.results()) results.push_back(moved(v));
  return b.finish(std::move(results));
}

/// As rebuild, for a pass that replaces nodes of certain operations; without any, the graph stays.
template <class Wants, class Replace>
ir::Graph rebuild_where(const ir::Graph& graph, Wants&& wants, Replace&& replace) {
  const auto wanted = [&](const ir::Node& node) { return wants(node.op); };
  if (std::none_of(graph.nodes().begin(), graph.nodes().end(), wanted)) return graph;
  return rebuild(graph, [&](ir::Builder& b, const ir::Node& node, auto operands) {
    return wants(node.op) ? replace(b, node, operands) : ir::Value{};
  });
}

}  // namespace weft::passes
