// Sums of cotangents. Where a row was scaled, as layer_norm does, its cotangents are terms with a
// factor that is constant along the row. Taken out of the sum, it leaves sums of what is known
// before the factor is, so that they join an earlier pass over the row.
#include <algorithm>
#include <optional>

#include "ir/builder.h"
#include "ir/ops/linear_rules.h"

namespace weft::ir {
namespace {

constexpr int most_terms_deep = 8;  // values that occur twice are walked twice

bool contains(const Ints& list, std::int64_t x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

/// The broadcast `v` without `axes`, if it repeats its operand along them.
std::optional<Value> broadcast_without(Builder& b, Value v, const Ints& axes) {
  const Node node = b.node(v);
  const Shape from = b.type(node.operands[0]).shape, &to = node.types[0].shape;
  const Ints& dims = node.attrs.ints("dims");
  Shape source, result;
  Ints kept;
  for (std::size_t k = 0; k < dims.size(); ++k) {
    if (contains(axes, dims[k])) {
      if (from[k] != 1) return std::nullopt;
      continue;
    }
    source.push_back(from[k]);
    const auto dropped =
        std::count_if(axes.begin(), axes.end(), [&](std::int64_t axis) { return axis < dims[k]; });
    kept.push_back(dims[k] - dropped);
  }
  for (std::int64_t axis = 0; axis < std::ssize(to); ++axis)
    if (!contains(axes, axis)) result.push_back(to[axis]);
  return b.broadcast_in_dim(b.reshape(node.operands[0], source), result, kept);
}

/// v without `axes`, if it is constant along them: a broadcast, or arithmetic on such.
std::optional<Value> constant_along(Builder& b, Value v, const Ints& axes, int deep) {
  const Node node = b.node(v);
  if (node.op == Op::broadcast_in_dim) return broadcast_without(b, v, axes);
  if (deep == most_terms_deep || def(node.op).kind != Kind::elementwise) return std::nullopt;
  std::vector<Value> operands;
  for (const Value operand : node.operands) {
    const auto one = constant_along(b, operand, axes, deep + 1);
    if (!one) return std::nullopt;
    operands.push_back(*one);
  }
  return b.elementwise(node.op, operands, node.attrs);
}

std::optional<Value> factored_sum(Builder& b, Value v, const Ints& axes, int deep);

Value sum(Builder& b, Value v, const Ints& axes, int deep) {
  const std::optional<Value> factored = factored_sum(b, v, axes, deep);
  return factored ? *factored : b.reduce(v, "add", axes);
}

/// The sum, if a factor comes out of each of its terms.
std::optional<Value> factored_sum(Builder& b, Value v, const Ints& axes, int deep) {
  if (deep == most_terms_deep) return std::nullopt;
  const Node node = b.node(v);
  switch (node.op) {
    case Op::neg: {  // sum(-a) => -sum(a)
      const auto of = factored_sum(b, node.operands[0], axes, deep + 1);
      return of ? std::optional(b.unary(Op::neg, *of)) : std::nullopt;
    }
    case Op::mul:  // sum(a f) => sum(a) f
      for (std::size_t k : {0, 1})
        if (const auto factor = constant_along(b, node.operands[k], axes, deep))
          return b.binary(Op::mul, sum(b, node.operands[1 - k], axes, deep + 1), *factor);
      return std::nullopt;
    case Op::add:
    case Op::sub: {  // sum(a + b) => sum(a) + sum(b)
      const auto left = factored_sum(b, node.operands[0], axes, deep + 1);
      const auto right = left ? factored_sum(b, node.operands[1], axes, deep + 1) : std::nullopt;
      return right ? std::optional(b.binary(node.op, *left, *right)) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

Value sum_of_cotangent(Builder& b, Value cotangent, const Ints& axes) {
  return sum(b, cotangent, axes, 0);
}

}  // namespace weft::ir
