// attention and its derivatives: batch axes become one, and ir/attention.h does the rest.
#include "ir/attention.h"
#include "ir/attention_node.h"
#include "ir/expansion.h"
#include "ir/interpret_parts.h"

namespace weft::ir {
namespace {

Literal run_attention(const Node& node, std::span<const Literal> x) {
  Literal result = Literal::zeros(node.types[0]);
  attention(x[0].type().dtype, attention_shape(node, x[0].type(), x[1].type(), x[2].type()),
            x[0].data(), x[1].data(), x[2].data(), result.mutable_data());
  return result;
}

Literal run_gradient(const Node& node, std::span<const Literal> x) {
  Literal result = Literal::zeros(node.types[0]);
  void* results[3] = {};
  results[attention_operand(node)] = result.mutable_data();
  const void* const operands[] = {x[0].data(), x[1].data(), x[2].data(), x[3].data()};
  attention_gradient(x[0].type().dtype,
                     attention_gradient_shape(node, x[0].type(), x[1].type(), x[2].type()),
                     operands, results);
  return result;
}

}  // namespace

Literal interpret_attention(const Node& node, std::span<const Literal> operands) {
  const DType dtype = operands[0].type().dtype;
  if (!is_computable(dtype)) no_arithmetic(node, dtype);
  if (node.op == Op::attention) return run_attention(node, operands);
  if (node.op == Op::attention_gradient) return run_gradient(node, operands);
  std::vector<Type> types;
  for (const Literal& operand : operands) types.push_back(operand.type());
  return interpret(expansion(node, types), operands)[0];
}

}  // namespace weft::ir
