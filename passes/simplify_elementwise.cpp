// Rules for arithmetic, and for elementwise operations on broadcast operands.
#include <array>
#include <cmath>
#include <limits>

#include "passes/axes.h"
#include "passes/simplify_rules.h"
#include "passes/splat.h"

namespace weft::passes {
namespace {

using namespace ir;

/// The number that changes nothing when added: of floats only -0 does that (0 + -0 is 0).
double nothing_to_add(DType dtype) { return is_float(dtype) ? -0.0 : 0.0; }

Value zeros(Simplifier& s, const Node& node) { return s.full(node.types[0], 0); }

/// 1/c where that is exact and normal, as is c: a power of two inside the range of the dtype.
template <class T>
bool has_exact_inverse(double c) {
  int exponent = 0;
  return std::isfinite(c) && std::fabs(std::frexp(c, &exponent)) == 0.5 &&
         std::fabs(c) >= std::numeric_limits<T>::min() &&
         1 / std::fabs(c) >= std::numeric_limits<T>::min();
}

bool is_rounding(Op op) { return op == Op::floor || op == Op::ceil || op == Op::round; }

}  // namespace

// constant whose elements are all c => broadcast of the scalar c
Value splat_constant(Simplifier& s, const Node& node) {
  const Literal& literal = node.attrs.literal("value");
  const Type type = literal.type();
  if (type.elements() < 2 || !literal.is_splat()) return {};
  std::vector<std::byte> element(literal.data(), literal.data() + size_of(type.dtype));
  return s.broadcast(s.constant({{type.dtype, {}}, std::move(element)}), type.shape, {});
}

// x + 0 => x  (integers);  x + -0 => x  (floats)
Value add_zero(Simplifier& s, const Node& node) {
  const double nothing = nothing_to_add(node.types[0].dtype);
  for (std::size_t k = 0; k < 2; ++k)
    if (is_splat_of(s.graph(), node.operands[k], nothing)) return node.operands[1 - k];
  return {};
}

// (x + a) + b => x + (a + b)  (integers, a and b known)
Value add_constants(Simplifier& s, const Node& node) {
  const auto [sum, b] = std::array{node.operands[0], node.operands[1]};
  if (!is_int(node.types[0].dtype) || !s.is(sum, Op::add) || !splat_literal(s.graph(), b))
    return {};
  const auto [x, a] = std::array{s.node(sum).operands[0], s.node(sum).operands[1]};
  if (!splat_literal(s.graph(), a)) return {};
  return s.add(Op::add, {x, s.add(Op::add, {a, b})});
}

// x + -y => x - y;  -x + y => y - x  (a difference is the sum with the negative, zeros included)
Value add_negative(Simplifier& s, const Node& node) {
  const auto [x, y] = std::array{node.operands[0], node.operands[1]};
  if (s.is(y, Op::neg)) return s.add(Op::sub, {x, s.node(y).operands[0]});
  if (s.is(x, Op::neg)) return s.add(Op::sub, {y, s.node(x).operands[0]});
  return {};
}

// x - -y => x + y
Value subtract_negative(Simplifier& s, const Node& node) {
  const Value y = node.operands[1];
  return s.is(y, Op::neg) ? s.add(Op::add, {node.operands[0], s.node(y).operands[0]}) : Value{};
}

// x - 0 => x
Value subtract_zero(Simplifier& s, const Node& node) {
  return is_splat_of(s.graph(), node.operands[1], 0) ? node.operands[0] : Value{};
}

// x - x => 0  (integers only: of floats, infinities and NaN would differ)
Value subtract_itself(Simplifier& s, const Node& node) {
  const bool same = node.operands[0] == node.operands[1];
  return same && is_int(node.types[0].dtype) ? zeros(s, node) : Value{};
}

// x * 1 => x
Value multiply_by_one(Simplifier& s, const Node& node) {
  for (std::size_t k = 0; k < 2; ++k)
    if (is_splat_of(s.graph(), node.operands[k], 1)) return node.operands[1 - k];
  return {};
}

// x * 0 => 0  (integers only)
Value multiply_by_zero(Simplifier& s, const Node& node) {
  if (!is_int(node.types[0].dtype)) return {};
  for (const Value& v : node.operands)
    if (is_splat_of(s.graph(), v, 0)) return v;
  return {};
}

// x * -1 => -x;  -x * -y => x * y
Value multiply_negatives(Simplifier& s, const Node& node) {
  const auto [x, y] = std::array{node.operands[0], node.operands[1]};
  if (is_splat_of(s.graph(), x, -1)) return s.add(Op::neg, {y});
  if (is_splat_of(s.graph(), y, -1)) return s.add(Op::neg, {x});
  if (!s.is(x, Op::neg) || !s.is(y, Op::neg)) return {};
  return s.add(Op::mul, {s.node(x).operands[0], s.node(y).operands[0]});
}

// x / 1 => x
Value divide_by_one(Simplifier& s, const Node& node) {
  return is_splat_of(s.graph(), node.operands[1], 1) ? node.operands[0] : Value{};
}

// x / c => x * (1 / c)  where c is a power of two: both are x scaled exactly, then rounded
Value divide_by_power_of_two(Simplifier& s, const Node& node) {
  const Literal* divisor = splat_literal(s.graph(), node.operands[1]);
  const Type type = node.types[0];
  if (!divisor) return {};
  const double c = divisor->at(0);
  const bool exact = type.dtype == DType::f32   ? has_exact_inverse<float>(c)
                     : type.dtype == DType::f64 ? has_exact_inverse<double>(c)
                                                : false;
  if (!exact) return {};
  const Value x = node.operands[0];
  return s.add(Op::mul, {x, s.full(type, 1 / c)});
}

// -(-x) => x
Value negate_twice(Simplifier& s, const Node& node) {
  const Value x = node.operands[0];
  return s.is(x, Op::neg) ? s.node(x).operands[0] : Value{};
}

// | |x| | => |x|;  |-x| => |x|  (unsigned integers have no sign to lose)
Value absolute_of_absolute(Simplifier& s, const Node& node) {
  const Value x = node.operands[0];
  if (s.is(x, Op::abs)) return x;
  if (!s.is(x, Op::neg) || is_unsigned_int(node.types[0].dtype)) return {};
  return s.add(Op::abs, {s.node(x).operands[0]});
}

// floor(ceil(x)) => ceil(x), and so for each pair of roundings
Value round_twice(Simplifier& s, const Node& node) {
  return is_rounding(s.node(node.operands[0]).op) ? node.operands[0] : Value{};
}

// max(x, x) => x, and so for min, and, or
Value combine_with_itself(Simplifier&, const Node& node) {
  return node.operands[0] == node.operands[1] ? node.operands[0] : Value{};
}

// f(broadcast(x), broadcast(y), ...) => broadcast(f(x, y, ...)): along axes in which no operand
// varies, one element is computed instead of all.
Value elementwise_of_broadcasts(Simplifier& s, const Node& node) {
  const Shape shape = node.types[0].shape;
  std::vector<bool> varies(shape.size(), false);
  for (const Value& v : node.operands) {
    const Node& operand = s.node(v);
    if (operand.op != Op::broadcast_in_dim) return {};
    for (const std::int64_t axis : operand.attrs.ints("dims")) varies[axis] = true;
  }
  Ints dims;                 // of the result in which the value varies
  Ints place(shape.size());  // where each of those stands among them
  Shape core;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (!varies[axis]) continue;
    place[axis] = static_cast<std::int64_t>(dims.size());
    dims.push_back(static_cast<std::int64_t>(axis));
    core.push_back(shape[axis]);
  }
  if (dims.size() == shape.size()) return {};

  const Op op = node.op;
  const Attributes attrs = node.attrs;
  std::vector<Value> operands = node.operands;
  for (Value& v : operands) {
    const Node& operand = s.node(v);
    Ints own = operand.attrs.ints("dims");
    for (std::int64_t& axis : own) axis = place[axis];
    v = s.broadcast(operand.operands[0], core, own);
  }
  return s.broadcast(s.add(op, operands, attrs), shape, dims);
}

// f(reshape(x), reshape(y), ...) => reshape(f(x, y, ...))  where the reshapes add or drop axes of
// size 1 alike; what is the same everywhere fits any shape
Value elementwise_of_unit_reshapes(Simplifier& s, const Node& node) {
  Value first;  // the x whose shape all have
  for (const Value& v : node.operands) {
    const Node& operand = s.node(v);
    const Value x = operand.operands.empty() ? Value{} : operand.operands[0];
    if (operand.op == Op::broadcast_in_dim && s.type(x).rank() == 0) continue;
    if (operand.op != Op::reshape) return {};
    if (first.valid() && s.type(first).shape != s.type(x).shape) return {};
    first = x;
  }
  if (!first.valid()) return {};
  const Shape shape = node.types[0].shape, inner = s.type(first).shape;
  if (!same_but_for_unit_axes(inner, shape)) return {};
  const Op op = node.op;
  const Attributes attrs = node.attrs;
  std::vector<Value> operands = node.operands;
  for (Value& v : operands) {
    const Value x = s.node(v).operands[0];
    v = s.is(v, Op::reshape) ? x : s.broadcast(x, inner, {});
  }
  return s.reshape(s.add(op, operands, attrs), shape);
}

}  // namespace weft::passes
