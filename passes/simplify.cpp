// Algebra that costs nothing: rules that give equal results to the bit, for infinities and signed
// zeros too; a NaN stays a NaN, of which IEEE leaves sign and payload open. The table below is the
// whole list; the algebra stands above each rule.
#include <array>
#include <vector>

#include "passes/pipeline.h"
#include "passes/simplifier.h"
#include "passes/simplify_rules.h"

namespace weft::passes {
namespace {

using namespace ir;

struct Entry {
  Op op;
  SimplifyRule rule;
};

constexpr Entry table[] = {
    {Op::constant, splat_constant},

    {Op::add, add_zero},
    {Op::add, add_constants},
    {Op::add, add_negative},
    {Op::sub, subtract_zero},
    {Op::sub, subtract_negative},
    {Op::sub, subtract_itself},
    {Op::mul, multiply_by_one},
    {Op::mul, multiply_by_zero},
    {Op::mul, multiply_negatives},
    {Op::div, divide_by_one},
    {Op::div, divide_by_power_of_two},
    {Op::neg, negate_twice},
    {Op::abs, absolute_of_absolute},
    {Op::floor, round_twice},
    {Op::ceil, round_twice},
    {Op::round, round_twice},
    {Op::max, combine_with_itself},
    {Op::min, combine_with_itself},
    {Op::and_, combine_with_itself},
    {Op::and_, and_with_constant},
    {Op::or_, combine_with_itself},
    {Op::or_, or_with_constant},
    {Op::xor_, xor_with_constant},
    {Op::shift_left, shift_by_zero},
    {Op::shift_right_logical, shift_by_zero},
    {Op::shift_right_arithmetic, shift_by_zero},
    {Op::not_, not_twice},
    {Op::not_, not_of_compare},
    {Op::compare, compare_with_itself},
    {Op::select, select_by_constant},
    {Op::select, select_of_equals},
    {Op::select, select_by_not},
    {Op::select, select_of_select},
    {Op::select, select_true_false},
    {Op::convert, convert_twice},
    {Op::bitcast, bitcast_twice},

    {Op::broadcast_in_dim, broadcast_unit_axes},
    {Op::broadcast_in_dim, broadcast_twice},
    {Op::reshape, reshape_of_broadcast},
    {Op::transpose, transpose_unit_axes},
    {Op::transpose, transpose_of_unit_reshape},
    {Op::transpose, transpose_of_broadcast},
    {Op::transpose, transpose_of_dot},
    {Op::slice, slice_twice},
    {Op::slice, slice_of_broadcast},
    {Op::slice, slice_of_concatenate},
    {Op::slice, slice_of_pad},
    {Op::reverse, reverse_twice},
    {Op::reverse, reverse_of_broadcast},

    {Op::pad, pad_nothing},
    {Op::pad, pad_that_crops},
    {Op::pad, pad_twice},
    {Op::pad, pad_with_the_same},
    {Op::concatenate, concatenate_nothing},
    {Op::concatenate, concatenate_nested},
    {Op::concatenate, concatenate_slices},
    {Op::concatenate, concatenate_splats},

    {Op::reduce, reduce_unit_axes},
    {Op::reduce, reduce_nothing},
    {Op::reduce, reduce_of_unit_reshape},
    {Op::reduce, reduce_of_repeated},
    {Op::dot_general, dot_of_transposes},
};

}  // namespace

std::span<const SimplifyRule> rules_of(Op op) {
  using Rules = std::array<std::vector<SimplifyRule>, op_count>;
  static const Rules by_op = [] {
    Rules rules;
    for (const Entry& entry : table)
      rules[static_cast<std::size_t>(entry.op)].push_back(entry.rule);
    for (const OpDef& def : all_ops())
      if (def.kind == Kind::elementwise)
        for (const SimplifyRule rule : {elementwise_of_broadcasts, elementwise_of_unit_reshapes})
          rules[static_cast<std::size_t>(def.op)].push_back(rule);
    return rules;
  }();
  return by_op[static_cast<std::size_t>(op)];
}

Simplifier::Simplifier(const Graph& from) : from_(from), b_(from.name(), from.size()) {}

Value Simplifier::add(Op op, std::span<const Value> operands, Attributes attrs) {
  return simplified(b_.add_node(op, operands, std::move(attrs)));
}

Value Simplifier::broadcast(Value x, const Shape& shape, const Ints& dims) {
  return simplified(b_.broadcast_in_dim(x, shape, dims));
}

Value Simplifier::reshape(Value x, const Shape& shape) { return simplified(b_.reshape(x, shape)); }

Value Simplifier::transpose(Value x, const Ints& permutation) {
  return simplified(b_.transpose(x, permutation));
}

Value Simplifier::slice(Value x, const Ints& start, const Ints& limit, const Ints& stride) {
  return simplified(b_.slice(x, start, limit, stride));
}

Value Simplifier::simplified(Value v) {
  if (simplified_.size() < b_.size()) {
    simplified_.resize(b_.size());
    readers_.resize(b_.size());
  }
  if (const Value known = simplified_[v.node]; known.valid()) return known;
  simplified_[v.node] = v;  // a rule that comes back to this node finds it as it is
  for (const SimplifyRule rule : rules_of(node(v).op)) {
    const Value better = rule(*this, node(v));
    if (!better.valid() || better == v) continue;
    simplified_.resize(b_.size());
    readers_.resize(b_.size());
    return simplified_[v.node] = better;
  }
  return v;
}

Graph Simplifier::run() {
  std::vector<std::uint32_t> readers(from_.size());
  for (const Node& node : from_.nodes())
    for (const Value& v : node.operands) ++readers[v.node];
  for (const Value& v : from_.results()) ++readers[v.node];

  std::vector<Value> map(from_.size());
  const auto moved = [&](Value v) {
    return Value{map[v.node].node, map[v.node].result + v.result};
  };
  const std::vector<bool> live = from_.live();
  for (std::uint32_t id = 0; id < from_.size(); ++id) {
    if (!live[id] && from_.node(id).op != Op::parameter) continue;
    b_.set_location(from_.node(id).where);
    map[id] = simplified(copy_node(b_, from_, id, map));
    readers_.resize(b_.size());
    readers_[map[id].node] += readers[id];
  }
  std::vector<Value> results;
  for (const Value& v : from_.results()) results.push_back(moved(v));
  return b_.finish(std::move(results));
}

Graph simplify(const Graph& graph) { return dce(Simplifier(graph).run()); }

}  // namespace weft::passes
