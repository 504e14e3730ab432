// Joins many parts in groups, and the groups, until each concatenate has few operands: a kernel
// chooses among all operands of one, so its code grows with their number.
#include <algorithm>

#include "ir/builder.h"
#include "passes/pipeline.h"
#include "passes/rebuild.h"

namespace weft::passes {
namespace {

using namespace ir;

constexpr std::size_t max_parts = 16;

Value join(Builder& b, std::vector<Value> parts, const Attributes& attrs) {
  while (parts.size() > max_parts) {
    std::vector<Value> groups;
    for (std::size_t begin = 0; begin < parts.size(); begin += max_parts) {
      const std::size_t count = std::min(max_parts, parts.size() - begin);
      const std::span<const Value> group(&parts[begin], count);
      groups.push_back(count == 1 ? group[0] : b.add_node(Op::concatenate, group, attrs));
    }
    parts = std::move(groups);
  }
  return b.add_node(Op::concatenate, parts, attrs);
}

}  // namespace

Graph split_concatenations(const Graph& graph) {
  const auto& nodes = graph.nodes();
  const auto is_large = [](const Node& node) {
    return node.op == Op::concatenate && node.operands.size() > max_parts;
  };
  if (std::none_of(nodes.begin(), nodes.end(), is_large)) return graph;
  return rebuild(graph, [&](Builder& b, const Node& node, std::span<const Value> operands) {
    return is_large(node) ? join(b, {operands.begin(), operands.end()}, node.attrs) : Value{};
  });
}

}  // namespace weft::passes
