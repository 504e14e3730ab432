// Transpositions: the cotangents of the linear operands from the cotangent of the result. Together
// they are the whole of reverse mode; nothing here knows a derivative.
#include <algorithm>
#include <numeric>

#include "ir/builder.h"
#include "ir/ops/linear_rules.h"

namespace weft::ir {
namespace {

Value zeros(const TransposeContext& c, const Type& type) { return c.b.full(type, 0); }

/// For operations that are linear in operand 0 alone.
std::vector<Value> to_first(const TransposeContext& c, Value cotangent) {
  std::vector<Value> result(c.types.size());
  result[0] = cotangent;
  return result;
}

bool contains(const Ints& list, std::int64_t x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

Ints axes_in_neither(std::size_t rank, const Ints& a, const Ints& b) {
  Ints result;
  for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(rank); ++axis)
    if (!contains(a, axis) && !contains(b, axis)) result.push_back(axis);
  return result;
}

Ints range(std::int64_t from, std::size_t count) {
  Ints result(count);
  std::iota(result.begin(), result.end(), from);
  return result;
}

Value unpad(Builder& b, Value x, const Ints& low, const Ints& high, const Ints& interior) {
  // pad by the negated widths crops where pad had grown and grows where it had cropped; then the
  // interior elements are stepped over.
  const Type type = b.type(x);
  Ints crop_low(low.size()), crop_high(low.size()), stride(low.size());
  for (std::size_t k = 0; k < low.size(); ++k) {
    crop_low[k] = -low[k];
    crop_high[k] = -high[k];
    stride[k] = interior[k] + 1;
  }
  const Value cropped =
      b.add_node(Op::pad, {x, b.scalar(type.dtype, 0)},
                 {{"low", crop_low}, {"high", crop_high}, {"interior", Ints(low.size(), 0)}});
  const Ints limit = to_ints(b.type(cropped).shape);
  return b.slice(cropped, Ints(low.size(), 0), limit, stride);
}

/// The axes of one operand of a dot_general, and where its free axes stand in the result.
struct DotSide {
  Ints contract, batch, free, free_in_result;
};

}  // namespace

std::vector<Value> transpose_neg(const TransposeContext& c) {
  return {c.b.unary(Op::neg, c.cotangent)};
}

std::vector<Value> transpose_add(const TransposeContext& c) {
  std::vector<Value> result(2);
  for (std::size_t k = 0; k < 2; ++k)
    if (c.linear[k]) result[k] = c.cotangent;
  return result;
}

std::vector<Value> transpose_sub(const TransposeContext& c) {
  std::vector<Value> result(2);
  if (c.linear[0]) result[0] = c.cotangent;
  if (c.linear[1]) result[1] = c.b.unary(Op::neg, c.cotangent);
  return result;
}

std::vector<Value> transpose_mul(const TransposeContext& c) {
  std::vector<Value> result(2);
  const std::size_t k = c.linear[0] ? 0 : 1;
  result[k] = c.b.binary(Op::mul, c.cotangent, c.operands[1 - k]);
  return result;
}

std::vector<Value> transpose_div(const TransposeContext& c) {
  return to_first(c, c.b.binary(Op::div, c.cotangent, c.operands[1]));
}

std::vector<Value> transpose_select(const TransposeContext& c) {
  std::vector<Value> result(3);
  const Value zero = zeros(c, c.b.type(c.cotangent));
  if (c.linear[1]) result[1] = c.b.select(c.operands[0], c.cotangent, zero);
  if (c.linear[2]) result[2] = c.b.select(c.operands[0], zero, c.cotangent);
  return result;
}

std::vector<Value> transpose_convert(const TransposeContext& c) {
  return {c.b.convert(c.cotangent, c.types[0].dtype)};
}

std::vector<Value> transpose_broadcast_in_dim(const TransposeContext& c) {
  const Ints& dims = c.node.attrs.ints("dims");
  const Shape& from = c.types[0].shape;
  const Shape& to = c.b.type(c.cotangent).shape;
  Ints copied;  // axes along which the operand was repeated
  for (std::int64_t axis = 0; axis < std::ssize(to); ++axis) {
    const auto at = std::find(dims.begin(), dims.end(), axis);
    if (at == dims.end() || from[at - dims.begin()] != to[axis]) copied.push_back(axis);
  }
  const Value sum = copied.empty() ? c.cotangent : sum_of_cotangent(c.b, c.cotangent, copied);
  return {c.b.reshape(sum, from)};
}

std::vector<Value> transpose_reshape(const TransposeContext& c) {
  return {c.b.reshape(c.cotangent, c.types[0].shape)};
}

std::vector<Value> transpose_transpose(const TransposeContext& c) {
  const Ints& permutation = c.node.attrs.ints("permutation");
  Ints inverse(permutation.size());
  for (std::size_t k = 0; k < permutation.size(); ++k)
    inverse[permutation[k]] = static_cast<std::int64_t>(k);
  return {c.b.transpose(c.cotangent, inverse)};
}

std::vector<Value> transpose_slice(const TransposeContext& c) {
  const Ints &start = c.node.attrs.ints("start"), &stride = c.node.attrs.ints("stride");
  const Type type = c.b.type(c.cotangent);
  Ints high(start.size()), interior(start.size());
  for (std::size_t k = 0; k < start.size(); ++k) {
    const std::int64_t taken = type.shape[k];
    const std::int64_t covered = taken == 0 ? 0 : (taken - 1) * stride[k] + 1;
    high[k] = c.types[0].shape[k] - start[k] - covered;
    interior[k] = stride[k] - 1;
  }
  return {c.b.add_node(Op::pad, {c.cotangent, c.b.scalar(type.dtype, 0)},
                       {{"low", start}, {"high", high}, {"interior", interior}})};
}

std::vector<Value> transpose_reverse(const TransposeContext& c) {
  return {c.b.add_node(Op::reverse, {c.cotangent}, c.node.attrs)};
}

std::vector<Value> transpose_pad(const TransposeContext& c) {
  Builder& b = c.b;
  const Ints& low = c.node.attrs.ints("low");
  std::vector<Value> result(2);
  if (c.linear[0])
    result[0] =
        unpad(b, c.cotangent, low, c.node.attrs.ints("high"), c.node.attrs.ints("interior"));
  if (c.linear[1]) {
    // The padding value stands wherever a mask padded in the same way is true.
    const Value inside = b.full({DType::boolean, c.types[0].shape}, 0);
    const Value mask = b.add_node(Op::pad, {inside, b.scalar(DType::boolean, 1)}, c.node.attrs);
    const Value taken = b.select(mask, c.cotangent, zeros(c, b.type(c.cotangent)));
    result[1] = b.reduce(taken, "add", range(0, low.size()));
  }
  return result;
}

std::vector<Value> transpose_concatenate(const TransposeContext& c) {
  const std::int64_t axis = c.node.attrs.integer("axis");
  const Shape shape = c.b.type(c.cotangent).shape;
  std::vector<Value> result(c.types.size());
  Ints start(shape.size(), 0), limit = to_ints(shape);
  const Ints stride(shape.size(), 1);
  for (std::size_t k = 0; k < c.types.size(); ++k) {
    limit[axis] = start[axis] + c.types[k].shape[axis];
    if (c.linear[k]) result[k] = c.b.slice(c.cotangent, start, limit, stride);
    start[axis] = limit[axis];
  }
  return result;
}

std::vector<Value> transpose_reduce(const TransposeContext& c) {
  if (c.node.attrs.string("kind") != "add")
    throw InternalError("transpose: reduce of kind " + c.node.attrs.string("kind") +
                        " is not linear");
  const Shape& shape = c.types[0].shape;
  const Ints kept = axes_in_neither(shape.size(), c.node.attrs.ints("axes"), {});
  return {c.b.broadcast_in_dim(c.cotangent, shape, kept)};
}

std::vector<Value> transpose_cumulative(const TransposeContext& c) {
  if (c.node.attrs.string("kind") != "add")
    throw InternalError("transpose: cumulative of kind " + c.node.attrs.string("kind") +
                        " is not linear");
  return {c.b.cumulative(c.cotangent, "add", c.node.attrs.integer("axis"),
                         !c.node.attrs.boolean("reverse"))};
}

std::vector<Value> transpose_dot_general(const TransposeContext& c) {
  const IntLists &contract = c.node.attrs.int_lists("contract"),
                 &batch = c.node.attrs.int_lists("batch");
  DotSide sides[2];
  std::int64_t next = static_cast<std::int64_t>(batch[0].size());
  for (std::size_t k = 0; k < 2; ++k) {
    sides[k] = {
        contract[k], batch[k], axes_in_neither(c.types[k].shape.size(), contract[k], batch[k]), {}};
    sides[k].free_in_result = range(next, sides[k].free.size());
    next += static_cast<std::int64_t>(sides[k].free.size());
  }
  const std::size_t k = c.linear[0] ? 0 : 1;
  const DotSide &x = sides[k], &y = sides[1 - k];
  const Ints batch_in_result = range(0, y.batch.size());

  // Contract the cotangent with the other operand over that one's free axes. The result has the
  // batch axes, then x's free axes and x's contracted axes in whichever order fits x's layout.
  const bool contract_first =
      !x.free.empty() && !x.contract.empty() &&
      *std::max_element(x.contract.begin(), x.contract.end()) < x.free.front();
  const Value product =
      contract_first ? c.b.dot_general(c.operands[1 - k], c.cotangent, {y.free, y.free_in_result},
                                       {y.batch, batch_in_result})
                     : c.b.dot_general(c.cotangent, c.operands[1 - k], {y.free_in_result, y.free},
                                       {batch_in_result, y.batch});

  // Which axis of x each axis of the product is. y's contracted axes come in ascending order.
  Ints order(y.contract.size()), contracted;
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](auto i, auto j) { return y.contract[i] < y.contract[j]; });
  for (std::int64_t i : order) contracted.push_back(x.contract[i]);
  Ints axis_of = x.batch;
  const Ints &second = contract_first ? contracted : x.free,
             &third = contract_first ? x.free : contracted;
  axis_of.insert(axis_of.end(), second.begin(), second.end());
  axis_of.insert(axis_of.end(), third.begin(), third.end());
  Ints permutation(axis_of.size());
  for (std::size_t j = 0; j < axis_of.size(); ++j)
    permutation[axis_of[j]] = static_cast<std::int64_t>(j);

  std::vector<Value> result(2);
  result[k] = c.b.transpose(product, permutation);
  return result;
}

std::vector<Value> transpose_gather(const TransposeContext& c) {
  const Value sum =
      c.b.add_node(Op::scatter, {zeros(c, c.types[0]), c.operands[1], c.cotangent},
                   {{"axis", c.node.attrs.integer("axis")}, {"kind", std::string("add")}});
  return to_first(c, sum);
}

/// set: with repeated indices the last writer alone reaches the result. Scattering the positions of
/// the updates in the same way tells who that is.
std::vector<Value> transpose_scatter(const TransposeContext& c) {
  Builder& b = c.b;
  const std::int64_t axis = c.node.attrs.integer("axis");
  const Value indices = c.operands[1];
  const bool set = c.node.attrs.string("kind") == "set";
  std::vector<Value> result(3);
  if (c.linear[0])
    result[0] =
        set ? b.add_node(Op::scatter, {c.cotangent, indices, zeros(c, c.types[2])}, c.node.attrs)
            : c.cotangent;
  if (!c.linear[2]) return result;
  result[2] = b.add_node(Op::gather, {c.cotangent, indices}, {{"axis", axis}});
  if (!set || elements(c.types[2].shape) == 0) return result;

  const Shape& updates = c.types[2].shape;
  const Shape index_shape = b.type(indices).shape;
  const Value position = b.reshape(b.iota({DType::i64, {elements(index_shape)}}, 0), index_shape);
  const Value nobody = b.full({DType::i64, {c.types[0].shape[axis]}}, -1);
  const Value winner = b.add_node(Op::scatter, {nobody, indices, position},
                                  {{"axis", std::int64_t{0}}, {"kind", std::string("set")}});
  const Value won = b.compare(
      "eq", b.add_node(Op::gather, {winner, indices}, {{"axis", std::int64_t{0}}}), position);
  const Value mask = b.broadcast_in_dim(won, updates, range(axis, index_shape.size()));
  result[2] = b.select(mask, result[2], zeros(c, c.types[2]));
  return result;
}

}  // namespace weft::ir
