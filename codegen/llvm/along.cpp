// Kernels with lanes on the row axis: softmax, layer_norm, sums of rows. One unit is one row.
//
// A reduction has 32 lanes (ir/reduce_order.h), so 32 / width vectors of accumulators. The loop
// without masks takes whole groups of 32 elements. The loop with masks takes one vector per turn
// and rotates the accumulators instead, so that one copy of the body serves all of them; it always
// runs a multiple of 32 / width turns, which brings each accumulator back to its place.
#include "codegen/kernel_values.h"
#include "codegen/llvm/memory.h"
#include "codegen/llvm/nest.h"
#include "codegen/llvm/scalar.h"
#include "codegen/llvm/sections.h"
#include "ir/reduce_order.h"

namespace weft::codegen::cpu {
namespace {

using Values = Emitter::Values;

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
    Value* first = e_.i64(0);
    int vectors = vectors_per_turn(e_.target, plan.cost);
    if (vectors > 1) {
      if (reduces) vectors = std::max(vectors, group_);
      Value* whole = e_.b.CreateAnd(length_, e_.i64(-std::int64_t{vectors} * e_.width()));
      accumulators = whole_turns(planned, first, whole, vectors, accumulators);
      first = whole;
    }
    Value* limit = length_;
    if (reduces) {
      Value* rest = e_.b.CreateAdd(e_.b.CreateSub(length_, first), e_.i64(ir::reduce_lanes - 1));
      limit = e_.b.CreateAdd(first, e_.b.CreateAnd(rest, e_.i64(-ir::reduce_lanes)));
    }
    accumulators = masked_turns(planned, first, limit, accumulators);
    for (std::size_t r = 0; r < plan.reductions.size(); ++r)
      outers_[plan.reductions[r]->result].values = {
          combine_lanes(*plan.reductions[r], group_of(accumulators, r))};
  }

  Values group_of(const Values& accumulators, std::size_t reduction) const {
    auto first = accumulators.begin() + static_cast<std::ptrdiff_t>(reduction) * group_;
    return Values(first, first + group_);
  }

  Values whole_turns(const PlannedSection& planned, Value* first, Value* limit, int vectors,
                     const Values& accumulators) {
    Body body(e_, planned.plan, outers_);
    Emitter::Loop loop{"row",        first,
                       limit,        std::int64_t{vectors} * e_.width(),
                       accumulators, [&] { body.hoist(index_, vectors); }};
    return e_.loop(loop, [&](Value* j, const Values& carried) {
      Values next = carried;
      std::vector<Value*> index = at(j);
      body.step(index);
      for (int v = 0; v < vectors; ++v) {
        body.run(v, {});
        keep(planned, body, j, v);
        for (std::size_t r = 0; r < planned.plan.reductions.size(); ++r) {
          const Inst& inst = *planned.plan.reductions[r];
          Value*& into =
              next[r * static_cast<std::size_t>(group_) + static_cast<std::size_t>(v % group_)];
          into = emit_combine(e_, inst.monoid, inst.dtype, into, body.vector(inst.args[0], v));
        }
      }
      return next;
    });
  }

  Values masked_turns(const PlannedSection& planned, Value* first, Value* limit,
                      const Values& accumulators) {
    Body body(e_, planned.plan, outers_);
    Emitter::Loop loop{"part",     first,        limit,
                       e_.width(), accumulators, [&] { body.hoist(index_, 1); }};
    return e_.loop(loop, [&](Value* j, const Values& carried) {
      Active active = e_.active(e_.b.CreateSub(length_, j));
      body.step(at(j));
      body.run(0, active);
      keep(planned, body, j, 0);
      Values next;
      for (std::size_t r = 0; r < planned.plan.reductions.size(); ++r) {
        const Inst& inst = *planned.plan.reductions[r];
        Values group = group_of(carried, r);
        Value* value = body.vector(inst.args[0], 0);
        Value* combined = emit_combine(e_, inst.monoid, inst.dtype, group[0], value);
        next.insert(next.end(), group.begin() + 1, group.end());
        next.push_back(e_.b.CreateSelect(active.mask, combined, group[0]));
      }
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
