// Folding while building: views that change nothing, views of views, and small constants.
#include "ir/fold.h"

#include <algorithm>
#include <numeric>

namespace weft::ir {
namespace {

bool is_identity(const Ints& permutation) {
  for (std::size_t k = 0; k < permutation.size(); ++k)
    if (permutation[k] != static_cast<std::int64_t>(k)) return false;
  return true;
}

// reshape(reshape(x)) => reshape(x)
Value skip_reshape(Builder& b, const Node& node, const Node& operand) {
  if (operand.op != Op::reshape) return {};
  return b.reshape(operand.operands[0], node.types[0].shape);
}

// transpose(transpose(x, p), q) => transpose(x, p[q])
Value skip_transpose(Builder& b, const Node& node, const Node& operand) {
  const Ints& outer = node.attrs.ints("permutation");
  if (is_identity(outer)) return node.operands[0];
  if (operand.op != Op::transpose) return {};
  const Ints& inner = operand.attrs.ints("permutation");
  Ints both;
  for (const std::int64_t axis : outer) both.push_back(inner[static_cast<std::size_t>(axis)]);
  return b.transpose(operand.operands[0], both);
}

// reverse along axes of size 0 or 1 => x
Value skip_reverse(const Node& node) {
  for (const std::int64_t axis : node.attrs.ints("axes"))
    if (node.types[0].shape[static_cast<std::size_t>(axis)] > 1) return {};
  return node.operands[0];
}

bool is_small_constant(const Node& node) {
  return node.op == Op::constant && is_computable(node.types[0].dtype) &&
         node.types[0].elements() <= fold_operand_limit;
}

}  // namespace

Value skip_view(Builder& b, const Node& node) {
  if (node.operands.size() != 1) return {};
  const Value x = node.operands[0];
  const Node& operand = b.node(x);
  const bool same_type = node.types[0] == b.type(x);
  switch (node.op) {
    case Op::convert:
    case Op::bitcast:
    case Op::broadcast_in_dim:
    case Op::slice:
      return same_type ? x : Value{};
    case Op::reshape:
      return same_type ? x : skip_reshape(b, node, operand);
    case Op::transpose:
      return skip_transpose(b, node, operand);
    case Op::reverse:
      return skip_reverse(node);
    default:
      return {};
  }
}

std::optional<Literal> constant_result(const Graph& graph, const Node& node) {
  const Kind kind = def(node.op).kind;
  if (kind == Kind::source || kind == Kind::control || node.operands.empty()) return {};
  const Type& type = node.types[0];
  if (!is_computable(type.dtype) || type.elements() > fold_result_limit) return {};
  // A scalar broadcast is the canonical form of a splat.
  if (node.op == Op::broadcast_in_dim && graph.type(node.operands[0]).rank() == 0) return {};
  std::vector<Literal> values;
  std::int64_t total = 0;
  for (const Value v : node.operands) {
    const Node& operand = graph.node(v);
    if (!is_small_constant(operand)) return {};
    values.push_back(operand.attrs.literal("value"));
    total += values.back().type().elements();
  }
  if (total > fold_operand_limit) return {};
  return std::move(interpret_node(node, values)[0]);
}

}  // namespace weft::ir
