// Looks through views that repeat or reorder elements down to a constant.
#include "passes/splat.h"

#include <cmath>

namespace weft::passes {

using namespace ir;

const Literal* splat_literal(const Graph& graph, Value v) {
  const Node* node = &graph.node(v);
  while (node->op == Op::broadcast_in_dim || node->op == Op::reshape)
    node = &graph.node(node->operands[0]);
  if (node->op != Op::constant) return nullptr;
  const Literal& literal = node->attrs.literal("value");
  return literal.type().elements() > 0 && literal.is_splat() ? &literal : nullptr;
}

bool is_splat_of(const Graph& graph, Value v, double value) {
  const Literal* literal = splat_literal(graph, v);
  if (!literal) return false;
  const double element = literal->at(0);
  return element == value && std::signbit(element) == std::signbit(value);
}

}  // namespace weft::passes
