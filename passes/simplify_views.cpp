// Rules for views of views. Normal forms: a broadcast reads something without axes of size 1 and
// repeats it; a reshape that only adds or drops such axes comes after transposes.
#include <algorithm>

#include "passes/axes.h"
#include "passes/simplify_rules.h"

namespace weft::passes {
namespace {

using namespace ir;

/// Neighbouring axes that a reshape turns into neighbouring axes, as few as possible: [from_begin,
/// from_end) becomes [to_begin, to_end).
struct ReshapeGroup {
  std::size_t from_begin, from_end, to_begin, to_end;
};

/// Empty where a size is 0 (any grouping would do) or there are no axes.
std::vector<ReshapeGroup> reshape_groups(const Shape& from, const Shape& to) {
  std::vector<ReshapeGroup> groups;
  if (elements(from) == 0) return groups;
  std::size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    ReshapeGroup group{i, i, j, j};
    std::int64_t a = from[i++], b = to[j++];
    while (a != b) {
      if (a < b)
        a *= from[i++];
      else
        b *= to[j++];
    }
    group.from_end = i;
    group.to_end = j;
    groups.push_back(group);
  }
  return groups;  // what is left on either side has size 1
}

bool is_unit_reshape(Simplifier& s, const Node& node) {
  return node.op == Op::reshape &&
         same_but_for_unit_axes(s.type(node.operands[0]).shape, node.types[0].shape);
}

/// How broadcast(x, dims) looks after a reshape to `to`: x reshaped, and where its axes go then.
struct ReshapedBroadcast {
  Shape source;
  Ints dims;
};

/// False where a group mixes axes of x with repeated ones.
bool reshape_broadcast(const Shape& from, const Ints& dims, const Shape& to,
                       ReshapedBroadcast& result) {
  for (const ReshapeGroup& group : reshape_groups(from, to)) {
    bool of_source = false, repeated = false;
    for (std::size_t axis = group.from_begin; axis < group.from_end; ++axis) {
      if (from[axis] == 1) continue;
      const bool own = contains(dims, static_cast<std::int64_t>(axis));
      of_source |= own;
      repeated |= !own;
    }
    if (of_source && repeated) return false;
    if (!of_source) continue;
    for (std::size_t axis = group.to_begin; axis < group.to_end; ++axis) {
      if (to[axis] == 1) continue;
      result.source.push_back(to[axis]);
      result.dims.push_back(static_cast<std::int64_t>(axis));
    }
  }
  return true;
}

}  // namespace

// broadcast(x) => broadcast(reshape(x))  so that x has no axis of size 1;
// broadcast(x) => reshape(x)  where nothing is repeated
Value broadcast_unit_axes(Simplifier& s, const Node& node) {
  const Value x = node.operands[0];
  const Shape from = s.type(x).shape, shape = node.types[0].shape;
  if (same_but_for_unit_axes(from, shape)) return s.reshape(x, shape);
  const Ints wide = wide_axes(from);
  if (wide.size() == from.size()) return {};
  const Ints dims = node.attrs.ints("dims");
  Ints wide_dims;
  for (const std::int64_t axis : wide) wide_dims.push_back(dims[axis]);
  return s.broadcast(s.reshape(x, select_axes(from, wide)), shape, wide_dims);
}

// broadcast(broadcast(x)) => broadcast(x)
Value broadcast_twice(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::broadcast_in_dim) return {};
  const Ints& outer_dims = node.attrs.ints("dims");
  Ints dims = inner.attrs.ints("dims");
  for (std::int64_t& axis : dims) axis = outer_dims[axis];
  return s.broadcast(inner.operands[0], Shape(node.types[0].shape), dims);
}

// reshape(broadcast(x)) => broadcast(reshape(x))  where axes of x and repeated axes stay apart
Value reshape_of_broadcast(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::broadcast_in_dim) return {};
  const Value x = inner.operands[0];
  const Shape to = node.types[0].shape;
  if (s.type(x).rank() == 0) return s.broadcast(x, to, {});
  ReshapedBroadcast result;
  if (elements(to) == 0) return {};
  if (!reshape_broadcast(inner.types[0].shape, inner.attrs.ints("dims"), to, result)) return {};
  return s.broadcast(s.reshape(x, result.source), to, result.dims);
}

// transpose(x) => reshape(x)  where only axes of size 1 change places
Value transpose_unit_axes(Simplifier& s, const Node& node) {
  const Value x = node.operands[0];
  const Shape& from = s.type(x).shape;
  std::int64_t last = -1;
  for (const std::int64_t axis : node.attrs.ints("permutation")) {
    if (from[axis] == 1) continue;
    if (axis < last) return {};
    last = axis;
  }
  return s.reshape(x, Shape(node.types[0].shape));
}

// transpose(reshape(x)) => reshape(transpose(x))  for a reshape that adds or drops axes of size 1
Value transpose_of_unit_reshape(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (!is_unit_reshape(s, inner)) return {};
  const Value x = inner.operands[0];
  const Shape& middle = inner.types[0].shape;
  const Ints middle_wide = wide_axes(middle);
  const Ints from_wide = wide_axes(s.type(x).shape);
  // The wide axes of x in their new order; its axes of size 1 come last.
  Ints permutation;
  for (const std::int64_t axis : node.attrs.ints("permutation")) {
    if (middle[axis] == 1) continue;
    const auto at = std::find(middle_wide.begin(), middle_wide.end(), axis);
    permutation.push_back(from_wide[at - middle_wide.begin()]);
  }
  for (const std::int64_t axis : other_axes(s.type(x).shape.size(), from_wide))
    permutation.push_back(axis);
  const Shape to = node.types[0].shape;
  return s.reshape(s.transpose(x, permutation), to);
}

// transpose(broadcast(x)) => broadcast(transpose(x))
Value transpose_of_broadcast(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::broadcast_in_dim) return {};
  const Value x = inner.operands[0];
  const Ints& dims = inner.attrs.ints("dims");
  const Ints& permutation = node.attrs.ints("permutation");
  Ints order, new_dims;  // of x's axes
  for (std::size_t k = 0; k < permutation.size(); ++k) {
    const auto at = std::find(dims.begin(), dims.end(), permutation[k]);
    if (at == dims.end()) continue;
    order.push_back(at - dims.begin());
    new_dims.push_back(static_cast<std::int64_t>(k));
  }
  const Shape to = node.types[0].shape;
  return s.broadcast(s.transpose(x, order), to, new_dims);
}

// slice(slice(x)) => slice(x)
Value slice_twice(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::slice) return {};
  const Ints &outer_start = node.attrs.ints("start"), &outer_stride = node.attrs.ints("stride");
  Ints start = inner.attrs.ints("start"), stride = inner.attrs.ints("stride"), limit = start;
  for (std::size_t k = 0; k < start.size(); ++k) {
    const std::int64_t taken = node.types[0].shape[k];
    start[k] += outer_start[k] * stride[k];
    stride[k] *= outer_stride[k];
    // Where nothing is taken, the start may lie past the end.
    if (taken == 0) start[k] = inner.attrs.ints("start")[k];
    limit[k] = taken == 0 ? start[k] : start[k] + (taken - 1) * stride[k] + 1;
  }
  return s.slice(inner.operands[0], start, limit, stride);
}

// slice(broadcast(x)) => broadcast(slice(x))
Value slice_of_broadcast(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::broadcast_in_dim) return {};
  const Value x = inner.operands[0];
  const Ints dims = inner.attrs.ints("dims");
  Ints start, limit, stride;
  for (const std::int64_t axis : dims) {
    start.push_back(node.attrs.ints("start")[axis]);
    limit.push_back(node.attrs.ints("limit")[axis]);
    stride.push_back(node.attrs.ints("stride")[axis]);
  }
  const Shape to = node.types[0].shape;
  return s.broadcast(s.slice(x, start, limit, stride), to, dims);
}

// reverse(reverse(x, a), b) => reverse(x, axes in just one of a and b)
Value reverse_twice(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::reverse) return {};
  const Ints &outer_axes = node.attrs.ints("axes"), &inner_axes = inner.attrs.ints("axes");
  Ints axes;
  for (std::int64_t axis = 0; axis < node.types[0].rank(); ++axis)
    if (contains(outer_axes, axis) != contains(inner_axes, axis)) axes.push_back(axis);
  const Value x = inner.operands[0];
  return axes.empty() ? x : s.add(Op::reverse, {x}, {{"axes", axes}});
}

// reverse(broadcast(x)) => broadcast(reverse(x))
Value reverse_of_broadcast(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::broadcast_in_dim) return {};
  const Value x = inner.operands[0];
  const Ints dims = inner.attrs.ints("dims");
  Ints axes;
  for (std::size_t k = 0; k < dims.size(); ++k)
    if (contains(node.attrs.ints("axes"), dims[k])) axes.push_back(static_cast<std::int64_t>(k));
  const Shape to = node.types[0].shape;
  return s.broadcast(axes.empty() ? x : s.add(Op::reverse, {x}, {{"axes", axes}}), to, dims);
}

}  // namespace weft::passes
