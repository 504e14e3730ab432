// Rules for predicates, selection, bits and conversions.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "passes/simplify_rules.h"
#include "passes/splat.h"

namespace weft::passes {
namespace {

using namespace ir;

bool has_all_bits(const Literal& literal, bool set) {
  const DType dtype = literal.type().dtype;
  if (is_bool(dtype)) return (literal.int_at(0) != 0) == set;
  const std::byte want{static_cast<unsigned char>(set ? 0xff : 0)};
  return std::all_of(literal.data(), literal.data() + size_of(dtype),
                     [&](std::byte byte) { return byte == want; });
}

/// The operand whose bits are all set (or all clear), if there is one.
std::optional<std::size_t> operand_with_bits(Simplifier& s, const Node& node, bool set) {
  for (std::size_t k = 0; k < 2; ++k) {
    const Literal* literal = splat_literal(s.graph(), node.operands[k]);
    if (literal && has_all_bits(*literal, set)) return k;
  }
  return std::nullopt;
}

std::string opposite(const std::string& direction) {
  if (direction == "eq") return "ne";
  if (direction == "ne") return "eq";
  if (direction == "lt") return "ge";
  if (direction == "ge") return "lt";
  return direction == "le" ? "gt" : "le";
}

/// Every value of `from` is one of `to`.
bool holds_all_of(DType to, DType from) {
  const auto bits = [](DType t) { return static_cast<int>(8 * size_of(t)); };
  if (to == from || is_bool(from)) return true;
  if (is_bool(to)) return false;
  if (is_float(to)) {
    const int digits = to == DType::f64 ? 53 : to == DType::f32 ? 24 : to == DType::f16 ? 11 : 8;
    if (is_int(from)) return bits(from) <= digits;
    return to == DType::f64 || (to == DType::f32 && from != DType::f64);
  }
  if (!is_int(to) || !is_int(from)) return false;
  if (is_unsigned_int(to)) return is_unsigned_int(from) && bits(to) > bits(from);
  return bits(to) > bits(from);
}

}  // namespace

// x & 111.. => x;  x & 0 => 0
Value and_with_constant(Simplifier& s, const Node& node) {
  if (const auto k = operand_with_bits(s, node, true)) return node.operands[1 - *k];
  if (const auto k = operand_with_bits(s, node, false)) return node.operands[*k];
  return {};
}

// x | 0 => x;  x | 111.. => 111..
Value or_with_constant(Simplifier& s, const Node& node) {
  if (const auto k = operand_with_bits(s, node, false)) return node.operands[1 - *k];
  if (const auto k = operand_with_bits(s, node, true)) return node.operands[*k];
  return {};
}

// x ^ 0 => x;  x ^ 111.. => not x;  x ^ x => 0
Value xor_with_constant(Simplifier& s, const Node& node) {
  if (node.operands[0] == node.operands[1]) return s.full(node.types[0], 0);
  if (const auto k = operand_with_bits(s, node, false)) return node.operands[1 - *k];
  if (const auto k = operand_with_bits(s, node, true))
    return s.add(Op::not_, {node.operands[1 - *k]});
  return {};
}

// x << 0 => x, and so for both right shifts
Value shift_by_zero(Simplifier& s, const Node& node) {
  return is_splat_of(s.graph(), node.operands[1], 0) ? node.operands[0] : Value{};
}

// not not x => x
Value not_twice(Simplifier& s, const Node& node) {
  const Value x = node.operands[0];
  return s.is(x, Op::not_) ? s.node(x).operands[0] : Value{};
}

// not (a < b) => a >= b, where that is so: not for floats, whose NaN are in no order; but
// not (a == b) => a != b for all
Value not_of_compare(Simplifier& s, const Node& node) {
  const Node& compare = s.node(node.operands[0]);
  if (compare.op != Op::compare) return {};
  const std::string direction = compare.attrs.string("direction");
  const auto [a, b] = std::array{compare.operands[0], compare.operands[1]};
  const bool equality = direction == "eq" || direction == "ne";
  if (is_float(s.type(a).dtype) && !equality) return {};
  return s.add(Op::compare, {a, b}, {{"direction", opposite(direction)}});
}

// x == x => true, x < x => false, ...  (not for floats: NaN)
Value compare_with_itself(Simplifier& s, const Node& node) {
  if (node.operands[0] != node.operands[1]) return {};
  if (is_float(s.type(node.operands[0]).dtype)) return {};
  const std::string& direction = node.attrs.string("direction");
  const bool holds = direction == "eq" || direction == "le" || direction == "ge";
  return s.full(node.types[0], holds ? 1 : 0);
}

// select(true, a, b) => a;  select(false, a, b) => b
Value select_by_constant(Simplifier& s, const Node& node) {
  const Literal* predicate = splat_literal(s.graph(), node.operands[0]);
  if (!predicate) return {};
  return predicate->int_at(0) != 0 ? node.operands[1] : node.operands[2];
}

// select(p, a, a) => a
Value select_of_equals(Simplifier&, const Node& node) {
  return node.operands[1] == node.operands[2] ? node.operands[1] : Value{};
}

// select(not p, a, b) => select(p, b, a)
Value select_by_not(Simplifier& s, const Node& node) {
  const Node& predicate = s.node(node.operands[0]);
  if (predicate.op != Op::not_) return {};
  return s.add(Op::select, {predicate.operands[0], node.operands[2], node.operands[1]});
}

// select(p, select(p, a, b), c) => select(p, a, c), and likewise in the other branch
Value select_of_select(Simplifier& s, const Node& node) {
  const Value p = node.operands[0];
  const Node &a = s.node(node.operands[1]), &b = s.node(node.operands[2]);
  if (a.op == Op::select && a.operands[0] == p)
    return s.add(Op::select, {p, a.operands[1], node.operands[2]});
  if (b.op == Op::select && b.operands[0] == p)
    return s.add(Op::select, {p, node.operands[1], b.operands[2]});
  return {};
}

// select(p, true, false) => p;  select(p, false, true) => not p
Value select_true_false(Simplifier& s, const Node& node) {
  if (!is_bool(node.types[0].dtype)) return {};
  const Literal *a = splat_literal(s.graph(), node.operands[1]),
                *b = splat_literal(s.graph(), node.operands[2]);
  if (!a || !b || a->int_at(0) == b->int_at(0)) return {};
  return a->int_at(0) != 0 ? node.operands[0] : s.add(Op::not_, {node.operands[0]});
}

// convert(convert(x, B), C) => convert(x, C)  where B holds every value of x's dtype. From integers
// through floats to integers too small for them the first wraps and the second saturates.
Value convert_twice(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::convert) return {};
  const Value x = inner.operands[0];
  const DType from = s.type(x).dtype, through = inner.types[0].dtype, to = node.types[0].dtype;
  if (!holds_all_of(through, from)) return {};
  if (is_int(from) && is_float(through) && is_int(to) && !holds_all_of(to, from)) return {};
  return s.add(Op::convert, {x}, {{"dtype", to}});
}

// bitcast(bitcast(x, B), C) => bitcast(x, C)
Value bitcast_twice(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::bitcast) return {};
  return s.add(Op::bitcast, {inner.operands[0]}, {{"dtype", node.types[0].dtype}});
}

}  // namespace weft::passes
