// Forward rules of the structural operations. A missing tangent is a symbolic zero; it is written
// out only where the operation needs an operand in its place.
#include <algorithm>
#include <bit>

#include "ir/builder.h"
#include "ir/ops/linear_rules.h"

namespace weft::ir {
namespace {

Value zeros_like(Builder& b, Value v) { return b.full(b.type(v), 0); }

Value tangent_or_zero(const JvpContext& c, std::size_t k) {
  return c.tangents[k].valid() ? c.tangents[k] : zeros_like(c.b, c.operands[k]);
}

/// The same operation on the tangent of operand 0; the other operands (indices) stay.
Value same_on_tangent(const JvpContext& c) {
  if (!c.tangents[0].valid()) return {};
  std::vector<Value> operands(c.operands.begin(), c.operands.end());
  operands[0] = c.tangents[0];
  return c.b.add_node(c.node.op, operands, c.node.attrs);
}

/// `x` with the reduced axes merged into one leading axis.
Value reduced_axes_first(Builder& b, Value x, const Ints& axes) {
  const Shape shape = b.type(x).shape;
  Ints permutation = axes;
  std::sort(permutation.begin(), permutation.end());
  Shape merged{1};
  for (std::int64_t axis : permutation) merged[0] = merged[0] * shape[axis];
  for (std::int64_t axis = 0; axis < std::ssize(shape); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) continue;
    permutation.push_back(axis);
    merged.push_back(shape[axis]);
  }
  return b.reshape(b.transpose(x, permutation), merged);
}

Value pad_leading_axis(Builder& b, Value x, std::int64_t to, double with) {
  const Type type = b.type(x);
  const Ints none(type.shape.size(), 0);
  Ints high = none;
  high[0] = to - type.shape[0];
  return b.add_node(Op::pad, {x, b.scalar(type.dtype, with)},
                    {{"low", none}, {"high", high}, {"interior", none}});
}

Value leading_slice(Builder& b, Value x, std::int64_t from, std::int64_t to) {
  const Shape& shape = b.type(x).shape;
  Ints start(shape.size(), 0), limit = to_ints(shape);
  start[0] = from;
  limit[0] = to;
  return b.slice(x, start, limit, Ints(start.size(), 1));
}

/// The tangent of a product, as that of a tree of multiplications of halves: exact at zeros, for
/// derivatives of any order (y / x would not be).
Value jvp_product(const JvpContext& c, const Ints& axes) {
  Builder& b = c.b;
  Value x = reduced_axes_first(b, c.operands[0], axes);
  Value t = reduced_axes_first(b, c.tangents[0], axes);
  const std::int64_t count = b.type(x).shape[0];
  if (count == 0) return {};
  std::int64_t n = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(count)));
  x = pad_leading_axis(b, x, n, 1);
  t = pad_leading_axis(b, t, n, 0);
  for (; n > 1; n /= 2) {
    const Value x0 = leading_slice(b, x, 0, n / 2), x1 = leading_slice(b, x, n / 2, n);
    const Value t0 = leading_slice(b, t, 0, n / 2), t1 = leading_slice(b, t, n / 2, n);
    t = b.binary(Op::add, b.binary(Op::mul, t0, x1), b.binary(Op::mul, t1, x0));
    x = b.binary(Op::mul, x0, x1);
  }
  return b.reshape(t, b.type(c.results[0]).shape);
}

/// The tangent of max or min: the mean of the tangents of the elements that attain it.
Value jvp_extreme(const JvpContext& c, const Ints& axes) {
  Builder& b = c.b;
  const Value x = c.operands[0];
  const Type type = b.type(x);
  if (type.elements() == 0) return {};  // no element attains it, and 0 / 0 ties would be NaN
  Ints kept;
  for (std::int64_t axis = 0; axis < type.rank(); ++axis)
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) kept.push_back(axis);
  const Value mask = b.compare("eq", x, b.broadcast_in_dim(c.results[0], type.shape, kept));
  const Value ties = b.reduce(b.convert(mask, type.dtype), "add", axes);
  const Value attained = b.select(mask, c.tangents[0], zeros_like(b, x));
  return b.binary(Op::div, b.reduce(attained, "add", axes), ties);
}

/// Each element's neighbour `by` steps before it in the order of a cumulative operation, or `fill`.
Value shifted(const JvpContext& c, Value x, std::int64_t by, double fill) {
  const Type type = c.b.type(x);
  const auto axis = static_cast<std::size_t>(c.node.attrs.integer("axis"));
  const Ints none(type.shape.size(), 0);
  Ints low = none, high = none;
  (c.node.attrs.boolean("reverse") ? high : low)[axis] = by;
  (c.node.attrs.boolean("reverse") ? low : high)[axis] = -by;
  return c.b.add_node(Op::pad, {x, c.b.scalar(type.dtype, fill)},
                      {{"low", low}, {"high", high}, {"interior", none}});
}

/// The tangent of a cumulative product, as that of the products of 1, 2, 4, ... neighbours (Hillis
/// and Steele, 1986): exact at zeros, for derivatives of any order, as jvp_product is.
Value jvp_cumulative_product(const JvpContext& c) {
  Builder& b = c.b;
  Value x = c.operands[0], t = c.tangents[0];
  const std::int64_t n = b.type(x).shape[c.node.attrs.integer("axis")];
  for (std::int64_t by = 1; by < n; by *= 2) {
    const Value x0 = shifted(c, x, by, 1), t0 = shifted(c, t, by, 0);
    t = b.binary(Op::add, b.binary(Op::mul, t0, x), b.binary(Op::mul, t, x0));
    x = b.binary(Op::mul, x0, x);
  }
  return t;
}

/// The tangent of the element chosen: of several extremes, the last one taken, as in PyTorch.
Value jvp_cumulative_extreme(const JvpContext& c) {
  Builder& b = c.b;
  const Value x = c.operands[0];
  const Type type = b.type(x);
  if (type.elements() == 0) return {};
  const std::int64_t axis = c.node.attrs.integer("axis"), n = type.shape[axis];
  const bool reverse = c.node.attrs.boolean("reverse");
  const Value attained = b.binary(Op::or_, b.compare("eq", x, c.results[0]), b.compare("ne", x, x));
  const Type places{DType::i64, type.shape};
  const Value own = b.iota(places, axis);
  const Value none = b.full(places, reverse ? static_cast<double>(n) : -1);
  const Value chosen =
      b.cumulative(b.select(attained, own, none), reverse ? "min" : "max", axis, reverse);
  // Where the chosen element lies among all: as far from this one as the positions differ.
  const std::int64_t inner = row_major_strides(type.shape)[axis];
  const Value place = b.reshape(b.iota({DType::i64, {type.elements()}}, 0), type.shape);
  const Value step =
      b.binary(Op::mul, b.binary(Op::sub, chosen, own), b.full(places, static_cast<double>(inner)));
  const Value flat = b.reshape(c.tangents[0], {type.elements()});
  return b.add_node(Op::gather, {flat, b.binary(Op::add, place, step)},
                    {{"axis", std::int64_t{0}}});
}

}  // namespace

Value jvp_convert(const JvpContext& c) {
  if (!is_float(c.b.type(c.results[0]).dtype)) return {};
  return same_on_tangent(c);
}

Value jvp_select(const JvpContext& c) {
  return c.b.select(c.operands[0], tangent_or_zero(c, 1), tangent_or_zero(c, 2));
}

Value jvp_broadcast_in_dim(const JvpContext& c) { return same_on_tangent(c); }
Value jvp_reshape(const JvpContext& c) { return same_on_tangent(c); }
Value jvp_transpose(const JvpContext& c) { return same_on_tangent(c); }
Value jvp_slice(const JvpContext& c) { return same_on_tangent(c); }
Value jvp_reverse(const JvpContext& c) { return same_on_tangent(c); }
Value jvp_gather(const JvpContext& c) { return same_on_tangent(c); }
Value jvp_optimization_barrier(const JvpContext& c) { return c.tangents[0]; }

Value jvp_pad(const JvpContext& c) {
  return c.b.add_node(Op::pad, {tangent_or_zero(c, 0), tangent_or_zero(c, 1)}, c.node.attrs);
}

Value jvp_concatenate(const JvpContext& c) {
  std::vector<Value> parts;
  for (std::size_t k = 0; k < c.operands.size(); ++k) parts.push_back(tangent_or_zero(c, k));
  return c.b.add_node(Op::concatenate, parts, c.node.attrs);
}

Value jvp_reduce(const JvpContext& c) {
  const Ints& axes = c.node.attrs.ints("axes");
  const std::string& kind = c.node.attrs.string("kind");
  if (kind == "mul") return jvp_product(c, axes);
  if (kind == "max" || kind == "min") return jvp_extreme(c, axes);
  return same_on_tangent(c);
}

Value jvp_cumulative(const JvpContext& c) {
  const std::string& kind = c.node.attrs.string("kind");
  if (kind == "mul") return jvp_cumulative_product(c);
  if (kind == "max" || kind == "min") return jvp_cumulative_extreme(c);
  return same_on_tangent(c);
}

Value jvp_dot_general(const JvpContext& c) {
  Value sum;
  for (std::size_t k = 0; k < 2; ++k) {
    if (!c.tangents[k].valid()) continue;
    std::vector<Value> operands(c.operands.begin(), c.operands.end());
    operands[k] = c.tangents[k];
    const Value term = c.b.add_node(Op::dot_general, operands, c.node.attrs);
    sum = sum.valid() ? c.b.binary(Op::add, sum, term) : term;
  }
  return sum;
}

/// scatter[set] is linear in x and the updates together, repeated indices included; so is add.
Value jvp_scatter(const JvpContext& c) {
  if (c.node.attrs.string("kind") == "add" && !c.tangents[2].valid()) return c.tangents[0];
  return c.b.add_node(Op::scatter, {tangent_or_zero(c, 0), c.operands[1], tangent_or_zero(c, 2)},
                      c.node.attrs);
}

}  // namespace weft::ir
