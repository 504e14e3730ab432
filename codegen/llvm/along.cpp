// Kernels with lanes on the row axis: softmax, layer_norm, sums of rows. One unit is one row.
//
// A reduction has 32 lanes (ir/reduce_order.h), so 32 / width vectors of accumulators. Short bodies
// take that many vectors per turn. Others take one and rotate the accumulators instead, so that one
// copy of the body serves all of them; such a loop always runs a multiple of 32 / width turns,
// which brings each accumulator back to its place. A loop without masks does the whole groups of
// lanes, one with masks what is left, or everything where the body is long.
#include <algorithm>

#include "codegen/kernel_values.h"
#include "codegen/llvm/memory.h"
#include "codegen/llvm/nest.h"
#include "codegen/llvm/scalar.h"
#include "codegen/llvm/scans.h"
#include "codegen/llvm/sections.h"
#include "ir/reduce_order.h"

namespace weft::codegen::cpu {
namespace {

using Values = Emitter::Values;

// Bodies up to this cost have a loop without masks: masked loads cost exp of a row a sixth of its
// time, but longer bodies hide it, and a second copy of them takes long to compile.
constexpr int longest_whole_body = 60;

/// Is it the same in whatever way neighbours are taken together? (NaN and zeros of both signs too.)
bool is_extreme(const Inst& reduce) { return reduce.monoid == "max" || reduce.monoid == "min"; }

class Along {
 public:
  explicit Along(Emitter& e)
      : e_(e),
        row_axis_(e.kernel.parallel_axes),
        group_(static_cast<int>(ir::reduce_lanes) / e.width()),
        sections_(plan_sections(e.kernel, place(false), place(true))) {}

  void emit() {
    length_ = e_.size(row_axis_);
    Value* padded = e_.b.CreateAnd(e_.b.CreateAdd(length_, e_.i64(ir::reduce_lanes - 1)),
                                   e_.i64(-ir::reduce_lanes));
    outers_ = place_kept(e_, sections_, padded);
    Values sizes;
    for (int axis = 0; axis < row_axis_; ++axis) sizes.push_back(e_.size(axis));
    emit_units(e_, sizes, [&](const Values& index) {
      index_ = index;
      index_.push_back(nullptr);
      for (const PlannedSection& planned : sections_) {
        if (planned.section->kind == Section::Kind::once) {
          once(planned);
        } else {
          over(planned);
        }
      }
    });
  }

 private:
  // Outside of the row there are no lanes: one row's arithmetic is scalar.
  BodyPlace place(bool over) const {
    BodyPlace place;
    place.moving.assign(static_cast<std::size_t>(row_axis_) + 1, false);
    if (over) {
      place.lane_axis = row_axis_;
      place.moving.back() = true;
    }
    return place;
  }

  void once(const PlannedSection& planned) {
    Body body(e_, planned.plan, outers_);
    body.hoist(index_, 1);
    body.step(index_);
    body.run(0, {});
    for (Reg reg : planned.passed_on) outers_[reg].values = {body.value(reg, 0)};
  }

  void over(const PlannedSection& planned) {
    const BodyPlan& plan = planned.plan;
    bool reduces = !plan.reductions.empty();
    Values accumulators;  // of each reduction, group_ vectors
    for (const Inst* inst : plan.reductions) {
      Value* identity = e_.constant(inst->dtype, identity_bits(inst->monoid, inst->dtype));
      accumulators.insert(accumulators.end(), static_cast<std::size_t>(group_), e_.splat(identity));
    }
    RowScans scans(e_, plan);
    Values identities = scans.identities();
    accumulators.insert(accumulators.end(), identities.begin(), identities.end());
    // Scans take whole blocks.
    int fewest = plan.scans.empty() ? 1 : RowScans::block_vectors(e_);
    if (fewest > 1 && reduces) fewest = group_;
    Value* first = e_.i64(0);
    if (plan.cost <= longest_whole_body) {
      int vectors = std::max(vectors_per_turn(e_.target, plan.cost), fewest);
      int group = reduces ? group_ : vectors;
      if (vectors > 1 && reduces &&
          std::all_of(plan.reductions.begin(), plan.reductions.end(),
                      [](const Inst* inst) { return is_extreme(*inst); }))
        group *= 2;
      Value* whole = e_.b.CreateAnd(length_, e_.i64(-std::int64_t{group} * e_.width()));
      accumulators =
          turns(planned, {first, whole, vectors > 1 ? group : 1, false}, accumulators, scans);
      first = whole;
    }
    Value* limit = length_;
    if (reduces) {
      Value* rest = e_.b.CreateAdd(e_.b.CreateSub(length_, first), e_.i64(ir::reduce_lanes - 1));
      limit = e_.b.CreateAdd(first, e_.b.CreateAnd(rest, e_.i64(-ir::reduce_lanes)));
    }
    accumulators = turns(planned, {first, limit, fewest, true}, accumulators, scans);
    for (std::size_t r = 0; r < plan.reductions.size(); ++r)
      outers_[plan.reductions[r]->result].values = {
          combine_lanes(*plan.reductions[r], group_of(accumulators, r))};
  }

  Values group_of(const Values& accumulators, std::size_t reduction) const {
    auto first = accumulators.begin() + static_cast<std::ptrdiff_t>(reduction) * group_;
    return Values(first, first + group_);
  }

  struct Turns {
    Value *first, *limit;
    int vectors;  // of each turn; where they are fewer than the accumulators, these rotate
    bool masked;
  };
  Values turns(const PlannedSection& planned, const Turns& which, const Values& accumulators,
               RowScans& scans) {
    Body body(e_, planned.plan, outers_);
    body.scan_by([&](const Inst& scan, int v, Value* x) { return scans.take(scan, v, x); });
    const std::size_t sums = planned.plan.reductions.size() * static_cast<std::size_t>(group_);
    if (planned.plan.cost > longest_whole_body) body.expect_whole();
    if (e_.kernel.distant) prefetch_rows(e_, body, row_axis_);
    Emitter::Loop loop{which.masked ? "part" : "row",
                       which.first,
                       which.limit,
                       std::int64_t{which.vectors} * e_.width(),
                       accumulators,
                       [&] { body.hoist(index_, which.vectors); }};
    return e_.loop(loop, [&](Value* j, const Values& carried) {
      body.step(at(j));
      Values next(carried.begin(), carried.begin() + static_cast<std::ptrdiff_t>(sums));
      scans.begin(std::span(carried).subspan(sums));
      for (int v = 0; v < which.vectors; ++v) {
        Active active;
        if (which.masked) {
          Value* begun = e_.b.CreateAdd(j, e_.i64(std::int64_t{v} * e_.width()));
          active = e_.active(e_.b.CreateSub(length_, begun));
        }
        body.run(v, active);
        keep(planned, body, j, v);
        for (std::size_t r = 0; r < planned.plan.reductions.size(); ++r) {
          const Inst& inst = *planned.plan.reductions[r];
          auto into = next.begin() + static_cast<std::ptrdiff_t>(r) * group_ + v % group_;
          Value* value = body.vector(inst.args[0], v);
          // An extreme may first be taken of the turn, which makes the chain of turns shorter.
          if (v + group_ < which.vectors && is_extreme(inst)) continue;
          if (v >= group_ && is_extreme(inst))
            value = emit_combine(e_, inst.monoid, inst.dtype, body.vector(inst.args[0], v - group_),
                                 value);
          Value* combined = emit_combine(e_, inst.monoid, inst.dtype, *into, value);
          *into = active ? e_.b.CreateSelect(active.mask, combined, *into) : combined;
          if (which.vectors < group_) std::rotate(into, into + 1, into + group_);
        }
      }
      Values scanned = scans.carried();
      next.insert(next.end(), scanned.begin(), scanned.end());
      return next;
    });
  }

  std::vector<Value*> at(Value* j) const {
    std::vector<Value*> index = index_;
    index.back() = j;
    return index;
  }

  void keep(const PlannedSection& planned, Body& body, Value* j, int v) {
    for (Reg reg : planned.section->keeps) {
      DType dtype = planned.plan.dtype(reg);
      store_row(e_, dtype, body.vector(reg, v), kept_address(e_, outers_.at(reg), dtype, j, v),
                nullptr, {});
    }
  }

  // lane[l] op= lane[l + h] for h = 16, 8, 4, 2, 1.
  Value* combine_lanes(const Inst& inst, Values vectors) {
    while (vectors.size() > 1) {
      std::size_t half = vectors.size() / 2;
      for (std::size_t k = 0; k < half; ++k)
        vectors[k] = emit_combine(e_, inst.monoid, inst.dtype, vectors[k], vectors[k + half]);
      vectors.resize(half);
    }
    Value* value = vectors[0];
    for (int half = e_.width() / 2; half > 0; half /= 2) {
      std::vector<int> low, high;
      for (int lane = 0; lane < half; ++lane) {
        low.push_back(lane);
        high.push_back(lane + half);
      }
      value = emit_combine(e_, inst.monoid, inst.dtype, e_.b.CreateShuffleVector(value, low),
                           e_.b.CreateShuffleVector(value, high));
    }
    return e_.b.CreateExtractElement(value, e_.i64(0));
  }

  Emitter& e_;
  int row_axis_;
  int group_;
  std::vector<PlannedSection> sections_;
  Value* length_ = nullptr;
  Outers outers_;
  Values index_;
};

}  // namespace

void emit_along(Emitter& e) { Along(e).emit(); }

}  // namespace weft::codegen::cpu
