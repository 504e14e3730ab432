// Rules for pad and concatenate, and for slices that look into them.
#include <algorithm>

#include "passes/simplify_rules.h"

namespace weft::passes {
namespace {

using namespace ir;

bool all_zero(const Ints& list) {
  return std::all_of(list.begin(), list.end(), [](auto x) { return x == 0; });
}

bool none_negative(const Ints& list) {
  return std::all_of(list.begin(), list.end(), [](auto x) { return x >= 0; });
}

/// `x` without the parts that hold no element.
std::vector<Value> parts_with_elements(Simplifier& s, const Node& node, std::int64_t axis) {
  std::vector<Value> parts;
  for (const Value& v : node.operands)
    if (s.type(v).shape[axis] != 0) parts.push_back(v);
  return parts;
}

/// b continues a along the axis: both are slices of one value, alike but for their range there.
bool continues(const Node& a, const Node& b, std::int64_t axis) {
  if (a.op != Op::slice || b.op != Op::slice || a.operands[0] != b.operands[0]) return false;
  const Ints &start_a = a.attrs.ints("start"), &start_b = b.attrs.ints("start");
  const Ints &limit_a = a.attrs.ints("limit"), &limit_b = b.attrs.ints("limit");
  const Ints& stride = a.attrs.ints("stride");
  if (stride != b.attrs.ints("stride")) return false;
  for (std::int64_t k = 0; k < std::ssize(start_a); ++k) {
    const bool fits = k == axis ? start_b[k] == start_a[k] + a.types[0].shape[k] * stride[k]
                                : start_a[k] == start_b[k] && limit_a[k] == limit_b[k];
    if (!fits) return false;
  }
  return true;
}

}  // namespace

// slice(concatenate(.., x, ..)) => slice(x)  where it takes from x alone
Value slice_of_concatenate(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::concatenate || node.types[0].elements() == 0) return {};
  const std::int64_t axis = inner.attrs.integer("axis");
  Ints start = node.attrs.ints("start"), limit = node.attrs.ints("limit");
  const Ints stride = node.attrs.ints("stride");
  const std::int64_t last = start[axis] + (node.types[0].shape[axis] - 1) * stride[axis];
  std::int64_t begin = 0;
  for (const Value& part : inner.operands) {
    const std::int64_t end = begin + s.type(part).shape[axis];
    if (start[axis] >= begin && last < end) {
      start[axis] -= begin;
      limit[axis] = last - begin + 1;
      return s.slice(part, start, limit, stride);
    }
    begin = end;
  }
  return {};
}

// slice(pad(x, v)) => slice(x)  where it takes nothing of the padding;
// slice(pad(x, v)) => broadcast(v)  where it takes nothing else  (no interior padding)
Value slice_of_pad(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::pad || !all_zero(inner.attrs.ints("interior"))) return {};
  if (node.types[0].elements() == 0) return {};
  const Value x = inner.operands[0], value = inner.operands[1];
  const Ints &low = inner.attrs.ints("low"), stride = node.attrs.ints("stride");
  Ints start = node.attrs.ints("start"), limit = node.attrs.ints("limit");
  bool inside = true;
  for (std::size_t k = 0; k < low.size(); ++k) {
    start[k] -= low[k];
    const std::int64_t last = start[k] + (node.types[0].shape[k] - 1) * stride[k];
    limit[k] = last + 1;
    const std::int64_t size = s.type(x).shape[k];
    if (last < 0 || start[k] >= size) return s.broadcast(value, Shape(node.types[0].shape), {});
    inside &= start[k] >= 0 && last < size;
  }
  return inside ? s.slice(x, start, limit, stride) : Value{};
}

// pad by nothing => x;  pad(x, v) => broadcast(v)  where x is empty
Value pad_nothing(Simplifier& s, const Node& node) {
  const Value x = node.operands[0];
  if (s.type(x).elements() == 0)
    return s.broadcast(node.operands[1], Shape(node.types[0].shape), {});
  if (!all_zero(node.attrs.ints("low")) || !all_zero(node.attrs.ints("high"))) return {};
  return s.type(x) == node.types[0] ? x : Value{};
}

// pad(x) => slice(x)  where it only crops
Value pad_that_crops(Simplifier& s, const Node& node) {
  const Ints &low = node.attrs.ints("low"), &high = node.attrs.ints("high");
  const auto crops = [](auto width) { return width <= 0; };
  if (!all_zero(node.attrs.ints("interior"))) return {};
  if (!std::all_of(low.begin(), low.end(), crops) || !std::all_of(high.begin(), high.end(), crops))
    return {};
  const Value x = node.operands[0];
  Ints start = low, limit = to_ints(s.type(x).shape);
  for (std::size_t k = 0; k < low.size(); ++k) {
    start[k] = -low[k];
    limit[k] += high[k];
    if (limit[k] < start[k]) return {};
  }
  return s.slice(x, start, limit, Ints(low.size(), 1));
}

// pad(pad(x, v, a), v, b) => pad(x, v, a + b)  (neither crops, no interior padding)
Value pad_twice(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  const Value value = node.operands[1];
  if (inner.op != Op::pad || inner.operands[1] != value) return {};
  for (const Node* pad : {&node, &inner})
    if (!none_negative(pad->attrs.ints("low")) || !none_negative(pad->attrs.ints("high")) ||
        !all_zero(pad->attrs.ints("interior")))
      return {};
  Ints low = node.attrs.ints("low"), high = node.attrs.ints("high");
  for (std::size_t k = 0; k < low.size(); ++k) {
    low[k] += inner.attrs.ints("low")[k];
    high[k] += inner.attrs.ints("high")[k];
  }
  const Ints interior(low.size(), 0);
  return s.add(Op::pad, {inner.operands[0], value},
               {{"low", low}, {"high", high}, {"interior", interior}});
}

// pad(broadcast(v), v) => broadcast(v)
Value pad_with_the_same(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::broadcast_in_dim || inner.operands[0] != node.operands[1]) return {};
  return s.broadcast(node.operands[1], Shape(node.types[0].shape), {});
}

// concatenate(x) => x;  parts without elements go
Value concatenate_nothing(Simplifier& s, const Node& node) {
  const std::int64_t axis = node.attrs.integer("axis");
  const std::vector<Value> parts = parts_with_elements(s, node, axis);
  if (parts.empty()) return node.operands[0];
  if (parts.size() == 1) return parts[0];
  if (parts.size() == node.operands.size()) return {};
  return s.add(Op::concatenate, parts, {{"axis", axis}});
}

// concatenate(.., concatenate(x, y), ..) => concatenate(.., x, y, ..)  along the same axis
Value concatenate_nested(Simplifier& s, const Node& node) {
  const std::int64_t axis = node.attrs.integer("axis");
  std::vector<Value> parts;
  for (const Value& v : node.operands) {
    const Node& part = s.node(v);
    if (part.op == Op::concatenate && part.attrs.integer("axis") == axis)
      parts.insert(parts.end(), part.operands.begin(), part.operands.end());
    else
      parts.push_back(v);
  }
  if (parts.size() == node.operands.size()) return {};
  return s.add(Op::concatenate, parts, {{"axis", axis}});
}

// concatenate(.., x[a:b], x[b:c], ..) => concatenate(.., x[a:c], ..)
Value concatenate_slices(Simplifier& s, const Node& node) {
  const std::int64_t axis = node.attrs.integer("axis");
  const std::vector<Value> operands = node.operands;
  std::vector<Value> parts{operands[0]};
  for (std::size_t k = 1; k < operands.size(); ++k) {
    const Node &last = s.node(parts.back()), &next = s.node(operands[k]);
    if (!continues(last, next, axis)) {
      parts.push_back(operands[k]);
      continue;
    }
    const Ints start = last.attrs.ints("start"), stride = last.attrs.ints("stride");
    parts.back() = s.slice(last.operands[0], start, Ints(next.attrs.ints("limit")), stride);
  }
  if (parts.size() == operands.size()) return {};
  return s.add(Op::concatenate, parts, {{"axis", axis}});
}

// concatenate(broadcast(v), broadcast(v), ..) => broadcast(v)  for a scalar v
Value concatenate_splats(Simplifier& s, const Node& node) {
  Value scalar;
  for (const Value& v : node.operands) {
    const Node& part = s.node(v);
    if (part.op != Op::broadcast_in_dim || s.type(part.operands[0]).rank() != 0) return {};
    if (scalar.valid() && part.operands[0] != scalar) return {};
    scalar = part.operands[0];
  }
  return s.broadcast(scalar, Shape(node.types[0].shape), {});
}

}  // namespace weft::passes
