// Computes now what depends on constants alone. Building folds small constants already; here also
// splats and iotas are looked into, as far as that leaves little behind.
#include <optional>

#include "ir/builder.h"
#include "passes/pipeline.h"
#include "passes/rebuild.h"

namespace weft::passes {
namespace {

using namespace ir;

constexpr std::int64_t result_limit = 64;  // a literal of more elements is dearer than its sum
constexpr std::int64_t operand_limit = 1 << 16;  // elements of one operand

bool is_generated(const Node& node) {
  return node.op == Op::constant || node.op == Op::iota || node.op == Op::broadcast_in_dim;
}

/// The elements of constants, iotas and broadcasts of those.
std::optional<Literal> known_value(const Graph& graph, Value v) {
  const Node& node = graph.node(v);
  if (!is_generated(node) || node.types[0].elements() > operand_limit) return std::nullopt;
  if (node.op == Op::constant) return node.attrs.literal("value");
  std::vector<Literal> operands;
  for (const Value& operand : node.operands) {
    auto value = known_value(graph, operand);
    if (!value) return std::nullopt;
    operands.push_back(std::move(*value));
  }
  return std::move(interpret_node(node, operands)[0]);
}

bool may_fold(const Node& node) {
  const Kind kind = def(node.op).kind;
  return kind != Kind::source && kind != Kind::control && node.op != Op::broadcast_in_dim &&
         is_computable(node.types[0].dtype) && node.types[0].elements() <= result_limit;
}

}  // namespace

Graph fold(const Graph& graph) {
  return rebuild(graph, [](Builder& b, const Node& node, std::span<const Value> operands) {
    if (!may_fold(node)) return Value{};
    for (const Value& v : operands)
      if (!is_generated(b.node(v))) return Value{};
    std::vector<Literal> values;
    for (const Value& v : operands) {
      auto value = known_value(b.graph(), v);
      if (!value) return Value{};
      values.push_back(std::move(*value));
    }
    return b.constant(interpret_node(node, values)[0]);
  });
}

}  // namespace weft::passes
