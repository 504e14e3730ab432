// Kernels with lanes on the last parallel axis: chains of elementwise operations, and with a row
// axis sums of columns and softmax over an outer axis. One unit is a tile of that axis.
//
// Vectors of whole tiles go several at a time without masks; what remains, or everything where the
// body is long, goes one at a time under a mask.
#include <map>

#include "codegen/kernel_values.h"
#include "codegen/llvm/memory.h"
#include "codegen/llvm/nest.h"
#include "codegen/llvm/scalar.h"
#include "codegen/llvm/sections.h"

namespace weft::codegen::cpu {
namespace {

using Values = Emitter::Values;

class Across {
 public:
  explicit Across(Emitter& e)
      : e_(e),
        lane_axis_(e.kernel.parallel_axes - 1),
        tile_(e.kernel.row_axis ? across_row_tile : across_tile),
        sections_(plan_sections(e.kernel, place(!e.kernel.row_axis, false), place(false, true))) {}

  void emit() {
    length_ = e_.size(lane_axis_);
    if (e_.kernel.row_axis)
      kept_ = place_kept(e_, sections_,
                         e_.b.CreateMul(e_.size(lane_axis_ + 1), e_.i64(across_row_tile)));
    if (lane_axis_ == 0) {
      // Units follow each other in memory, so all of them are one stretch of the axis.
      if (!e_.kernel.row_axis) return stretch({}, start_of(e_.begin()), start_of(e_.end()));
    }
    Values sizes;
    for (int axis = 0; axis < lane_axis_; ++axis) sizes.push_back(e_.size(axis));
    sizes.push_back(e_.b.CreateUDiv(e_.b.CreateAdd(length_, e_.i64(tile_ - 1)), e_.i64(tile_)));
    emit_units(e_, sizes, [&](const Values& index) {
      Value* first = start_of(index.back());
      stretch({index.begin(), index.end() - 1}, first, e_.b.CreateAdd(first, e_.i64(tile_)));
    });
  }

 private:
  BodyPlace place(bool lane_moves, bool row_moves) const {
    BodyPlace place;
    place.lane_axis = lane_axis_;
    place.moving.assign(static_cast<std::size_t>(e_.kernel.axes()), false);
    place.moving[static_cast<std::size_t>(lane_axis_)] = lane_moves;
    if (e_.kernel.row_axis) place.moving.back() = row_moves;
    return place;
  }

  Value* start_of(Value* tile) { return e_.b.CreateMul(tile, e_.i64(tile_)); }

  // Elements [first, limit) of the lane axis, as far as it goes.
  void stretch(const Values& outer, Value* first, Value* limit) {
    index_ = outer;
    index_.resize(static_cast<std::size_t>(e_.kernel.axes()));
    first_ = first;
    limit = smaller(limit, length_);
    if (e_.kernel.streaming && !e_.kernel.row_axis) return past_caches(first, limit);
    if (vectors_at_once() > 1 || e_.kernel.streaming) {
      Value* whole = whole_end(first, limit);
      lane_loop("whole", first, whole, vectors_at_once(), nullptr);
      first = whole;
    }
    lane_loop("part", first, limit, 1, limit);
  }

  // What goes past the caches are whole, aligned vectors. So some lanes come before them, some
  // after, and one loop does both.
  void past_caches(Value* first, Value* limit) {
    Value* aligned = nullptr;  // where the first result is
    Value* all = e_.b.getTrue();
    for (int access = 0; access < static_cast<int>(e_.kernel.accesses.size()); ++access) {
      if (!is_stored_row(access)) continue;
      if (!aligned) {
        Value* missing = e_.b.CreateNeg(address(access, first));
        aligned = smaller(limit, e_.b.CreateAdd(first, elements_beyond(access, missing)));
      } else {
        Value* beyond = elements_beyond(access, address(access, aligned));
        all = e_.b.CreateAnd(all, e_.b.CreateICmpEQ(beyond, e_.i64(0)));
      }
    }
    if (!aligned) aligned = first;
    Value* whole = e_.b.CreateSelect(all, whole_end(aligned, limit), aligned);
    Emitter::Loop loop{"pass", e_.i64(0), e_.i64(2)};
    loop.certain = true;
    e_.loop(loop, [&](Value* pass) {
      Value* before = e_.b.CreateICmpEQ(pass, e_.i64(0));
      Value* end = e_.b.CreateSelect(before, aligned, limit);
      lane_loop("part", e_.b.CreateSelect(before, first, whole), end, 1, end);
      lane_loop("whole", aligned, e_.b.CreateSelect(before, whole, aligned), vectors_at_once(),
                nullptr);
    });
  }

  bool is_stored_row(int access) const {
    const Access& a = e_.kernel.accesses[static_cast<std::size_t>(access)];
    return a.written && a.strides[static_cast<std::size_t>(lane_axis_)].is_one();
  }

  Value* address(int access, Value* lane) {
    const Access& a = e_.kernel.accesses[static_cast<std::size_t>(access)];
    Value* offset = lane;
    for (int axis = 0; axis < lane_axis_; ++axis) {
      auto number = static_cast<std::size_t>(axis);
      offset = e_.add_scaled(offset, a.strides[number], index_[number]);
    }
    Value* at = e_.b.CreateGEP(e_.stored(a.dtype), e_.pointer(access), offset);
    return e_.b.CreatePtrToInt(at, e_.b.getInt64Ty());
  }
  // How many elements an address lies beyond an aligned one.
  Value* elements_beyond(int access, Value* address) {
    DType dtype = e_.kernel.accesses[static_cast<std::size_t>(access)].dtype;
    Value* within = e_.b.CreateAnd(address, e_.i64(register_bytes(e_, dtype) - 1));
    return e_.b.CreateUDiv(within, e_.i64(static_cast<std::int64_t>(size_of(dtype))));
  }

  Value* smaller(Value* a, Value* b) {
    return e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
  }
  Value* whole_end(Value* first, Value* limit) {
    std::int64_t step = std::int64_t{vectors_at_once()} * e_.width();
    return e_.b.CreateAdd(first, e_.b.CreateAnd(e_.b.CreateSub(limit, first), e_.i64(-step)));
  }

  int vectors_at_once() const {
    int cost = 0;
    std::size_t reductions = 0;
    for (const PlannedSection& planned : sections_) {
      cost = std::max(cost, planned.plan.cost);
      reductions = std::max(reductions, planned.plan.reductions.size() + planned.plan.scans.size());
    }
    int vectors = vectors_per_turn(e_.target, cost);
    if (!e_.kernel.row_axis) return vectors;
    vectors = std::min(vectors, static_cast<int>(tile_) / e_.width());
    while (vectors > 1 && vectors * static_cast<int>(reductions) > e_.target.registers / 2)
      vectors /= 2;
    return vectors;
  }

  // With `end`, lanes at and beyond it are off.
  void lane_loop(const char* name, Value* first, Value* limit, int vectors, Value* end) {
    std::int64_t step = std::int64_t{vectors} * e_.width();
    auto active_at = [&](Value* lane) {
      return end ? e_.active(e_.b.CreateSub(end, lane)) : Active{};
    };
    auto lane_index = [&](Value* lane) { index_[static_cast<std::size_t>(lane_axis_)] = lane; };
    if (e_.kernel.row_axis) {
      e_.loop({name, first, limit, step}, [&](Value* lane) {
        lane_index(lane);
        rows(vectors, active_at(lane));
      });
      return;
    }
    Outers outers;
    std::vector<Body> bodies;
    for (const PlannedSection& planned : sections_) {
      bodies.emplace_back(e_, planned.plan, outers);
      if (!e_.kernel.streaming) {
        // Where there is no loop without masks.
        if (end && vectors_at_once() == 1) bodies.back().expect_whole();
        continue;
      }
      prefetch_rows(e_, bodies.back(), lane_axis_);
      if (!end) bodies.back().store_past_caches();
    }
    auto prepare = [&] {
      for (std::size_t k = 0; k < bodies.size(); ++k) {
        bodies[k].hoist(index_, vectors);
        pass_on(sections_[k], bodies[k], outers, vectors, /*moving=*/false);
      }
    };
    e_.loop({name, first, limit, step, {}, prepare}, [&](Value* lane) {
      lane_index(lane);
      for (std::size_t k = 0; k < bodies.size(); ++k) {
        run_once(sections_[k], bodies[k], outers, vectors, active_at(lane));
      }
    });
  }

  void run_once(const PlannedSection& planned, Body& body, Outers& outers, int vectors,
                const Active& active) {
    body.step(index_);
    for (int v = 0; v < vectors; ++v) body.run(v, active);
    pass_on(planned, body, outers, vectors, /*moving=*/true);
  }

  // All sections for some vectors of one tile.
  void rows(int vectors, const Active& active) {
    Outers outers = kept_;
    Value* within = e_.b.CreateSub(index_[static_cast<std::size_t>(lane_axis_)], first_);
    for (const PlannedSection& planned : sections_)
      for (Reg reg : planned.section->keeps) {
        Outer& outer = outers[reg];
        outer.kept = e_.b.CreateGEP(e_.stored(planned.plan.dtype(reg)), outer.kept, within);
        outer.row_stride = e_.i64(across_row_tile);
      }
    for (const PlannedSection& planned : sections_) {
      Body body(e_, planned.plan, outers);
      if (planned.section->kind == Section::Kind::once) {
        body.hoist(index_, vectors, active);
        pass_on(planned, body, outers, vectors, /*moving=*/false);
        run_once(planned, body, outers, vectors, active);
      } else {
        over(planned, body, outers, vectors, active);
      }
    }
  }

  void over(const PlannedSection& planned, Body& body, Outers& outers, int vectors,
            const Active& active) {
    auto count = static_cast<std::size_t>(vectors);
    const std::vector<const Inst*>& reductions = planned.plan.reductions;
    Values accumulators;
    for (const Inst* inst : reductions) {
      Value* identity = e_.constant(inst->dtype, identity_bits(inst->monoid, inst->dtype));
      accumulators.insert(accumulators.end(), count, e_.splat(identity));
    }
    std::map<const Inst*, std::size_t> scans;  // where those of vector 0 are
    for (const Inst* inst : planned.plan.scans) {
      scans[inst] = accumulators.size();
      Value* identity = e_.constant(inst->dtype, identity_bits(inst->monoid, inst->dtype));
      accumulators.insert(accumulators.end(), count, e_.splat(identity));
    }
    Values next;
    body.scan_by([&](const Inst& scan, int v, Value* x) {
      Value*& sum = next[scans.at(&scan) + static_cast<std::size_t>(v)];
      return sum = emit_combine(e_, scan.monoid, scan.dtype, sum, x);
    });
    Emitter::Loop loop{"row", e_.i64(0),    e_.size(lane_axis_ + 1),
                       1,     accumulators, [&] { body.hoist(index_, vectors, active); }};
    accumulators = e_.loop(loop, [&](Value* row, const Values& carried) {
      next = carried;
      index_.back() = row;
      body.step(index_);
      for (std::size_t v = 0; v < count; ++v) {
        body.run(static_cast<int>(v), active);
        keep(planned, body, outers, row, static_cast<int>(v));
        for (std::size_t r = 0; r < reductions.size(); ++r) {
          Value*& into = next[r * count + v];
          Value* value = body.vector(reductions[r]->args[0], static_cast<int>(v));
          into = emit_combine(e_, reductions[r]->monoid, reductions[r]->dtype, into, value);
        }
      }
      return next;
    });
    for (std::size_t r = 0; r < reductions.size(); ++r) {
      auto first = accumulators.begin() + static_cast<std::ptrdiff_t>(r * count);
      outers[reductions[r]->result].values = Values(first, first + vectors);
    }
  }

  void keep(const PlannedSection& planned, Body& body, const Outers& outers, Value* row, int v) {
    for (Reg reg : planned.section->keeps) {
      DType dtype = planned.plan.dtype(reg);
      store_row(e_, dtype, body.vector(reg, v), kept_address(e_, outers.at(reg), dtype, row, v),
                nullptr, {});
    }
  }

  Emitter& e_;
  int lane_axis_;
  std::int64_t tile_;
  std::vector<PlannedSection> sections_;
  Value* length_ = nullptr;
  Value* first_ = nullptr;  // of the tile
  Outers kept_;
  Values index_;
};

}  // namespace

void emit_across(Emitter& e) {
  if (e.kernel.sums_columns()) return emit_columns(e);
  if (!emit_transposing(e)) Across(e).emit();
}

}  // namespace weft::codegen::cpu
