#include "codegen/llvm/scans.h"

#include "codegen/kernel_values.h"
#include "codegen/llvm/scalar.h"
#include "ir/reduce_order.h"

namespace weft::codegen::cpu {

using Values = Emitter::Values;

int RowScans::block_vectors(const Emitter& e) {
  return static_cast<int>(ir::cumulative_block) / e.width();
}

Values RowScans::identities() const {
  Values values;
  for (const Inst* scan : plan_.scans)
    values.push_back(e_.splat(e_.constant(scan->dtype, identity_bits(scan->monoid, scan->dtype))));
  return values;
}

void RowScans::begin(std::span<Value* const> carried) {
  for (std::size_t k = 0; k < plan_.scans.size(); ++k) states_[plan_.scans[k]].carry = carried[k];
}

Values RowScans::carried() const {
  Values values;
  for (const Inst* scan : plan_.scans) values.push_back(states_.at(scan).carry);
  return values;
}

Value* RowScans::last_lane(Value* x) {
  return e_.b.CreateShuffleVector(
      x, std::vector<int>(static_cast<std::size_t>(e_.width()), e_.width() - 1));
}

// Steps h = 1, 2, 4, ... up to half a vector. Lanes that take no part are combined with the
// identity, one instruction less than to leave them out: it changes nothing but the sign of a zero,
// and so nothing of what the carry, which is never -0, is added to.
Value* RowScans::within_vector(const Inst& scan, Value* x) {
  Value* identity = e_.splat(e_.constant(scan.dtype, identity_bits(scan.monoid, scan.dtype)));
  for (int h = 1; h < e_.width(); h *= 2) {
    std::vector<int> from;
    for (int lane = 0; lane < e_.width(); ++lane)
      from.push_back((lane & h) ? (lane & ~(2 * h - 1)) + h - 1 : e_.width());
    Value* before = e_.b.CreateShuffleVector(x, identity, from);
    x = emit_combine(e_, scan.monoid, scan.dtype, before, x);
  }
  return x;
}

Value* RowScans::take_in_order(const Inst& scan, Value* x) {
  Value*& carry = states_.at(&scan).carry;
  Value* sum = e_.b.CreateExtractElement(carry, std::uint64_t{0});
  for (int lane = 0; lane < e_.width(); ++lane) {
    const auto number = static_cast<std::uint64_t>(lane);
    sum = emit_combine(e_, scan.monoid, scan.dtype, sum, e_.b.CreateExtractElement(x, number));
    x = e_.b.CreateInsertElement(x, sum, number);
  }
  carry = e_.splat(sum);
  return x;
}

Value* RowScans::take(const Inst& scan, int v, Value* x) {
  if (ir::cumulative_in_order(scan.monoid)) return take_in_order(scan, x);
  State& state = states_.at(&scan);
  const int vectors = block_vectors(e_), place = v % vectors;
  if (place == 0) state.ends.clear();
  x = within_vector(scan, x);
  Values ends{last_lane(x)};
  for (int h = 1; h < vectors; h *= 2) {
    if (place & h) {
      const int before = (place & ~(2 * h - 1)) + h - 1;
      const Values& other = state.ends[static_cast<std::size_t>(before)];
      x = emit_combine(e_, scan.monoid, scan.dtype, other[ends.size() - 1], x);
    }
    ends.push_back(vectors > 1 ? last_lane(x) : ends.back());
  }
  Value* end = ends.back();
  state.ends.push_back(std::move(ends));
  Value* carry = state.carry;
  if (place == vectors - 1) state.carry = emit_combine(e_, scan.monoid, scan.dtype, carry, end);
  return emit_combine(e_, scan.monoid, scan.dtype, carry, x);
}

}  // namespace weft::codegen::cpu
