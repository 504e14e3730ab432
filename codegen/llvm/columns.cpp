// Sums of columns: one section walks the rows and reduces or scans them, nothing is kept. Register
// accumulators would take a few columns at a time, and memory would be read in short pieces, far
// apart. So a unit is a wide tile of columns whose accumulators lie in the scratch, in the
// first-level cache; rows are taken several at a time, each read as it lies. Every column still
// takes its rows in order.
#include <algorithm>

#include "codegen/kernel_values.h"
#include "codegen/llvm/memory.h"
#include "codegen/llvm/nest.h"
#include "codegen/llvm/scalar.h"
#include "codegen/llvm/sections.h"

namespace weft::codegen::cpu {
namespace {

using Values = Emitter::Values;

class Columns {
 public:
  explicit Columns(Emitter& e)
      : e_(e),
        lane_axis_(e.kernel.parallel_axes - 1),
        sections_(plan_sections(e.kernel, place(), place())) {
    while (sections_[over_].section->kind != Section::Kind::over) ++over_;
  }

  void emit() {
    length_ = e_.size(lane_axis_);
    Value* tile = tile_size();
    Value* offset = e_.i64(0);
    const BodyPlan& plan = sections_[over_].plan;
    sums_ = plan.reductions;
    sums_.insert(sums_.end(), plan.scans.begin(), plan.scans.end());
    for (const Inst* inst : sums_) {
      accumulators_.push_back(e_.b.CreateGEP(e_.b.getInt8Ty(), e_.scratch(), offset, "sums"));
      auto size = static_cast<std::int64_t>(size_of(inst->dtype));
      offset = e_.b.CreateAdd(offset, e_.b.CreateMul(tile, e_.i64(size)));
    }
    Values sizes;
    for (int axis = 0; axis < lane_axis_; ++axis) sizes.push_back(e_.size(axis));
    sizes.push_back(count_tiles(tile));
    emit_units(e_, sizes, [&](const Values& index) {
      index_.assign(index.begin(), index.end() - 1);
      index_.resize(static_cast<std::size_t>(e_.kernel.axes()));
      first_ = e_.b.CreateMul(index.back(), tile);
      limit_ =
          e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, e_.b.CreateAdd(first_, tile), length_);
      one_tile();
    });
  }

 private:
  // The innermost loop is over lanes, in every section.
  BodyPlace place() const {
    BodyPlace place;
    place.lane_axis = lane_axis_;
    place.moving.assign(static_cast<std::size_t>(e_.kernel.axes()), false);
    place.moving[static_cast<std::size_t>(lane_axis_)] = true;
    return place;
  }

  Value* count_tiles(Value* tile) {
    Value* rounded = e_.b.CreateAdd(length_, e_.b.CreateSub(tile, e_.i64(1)));
    return e_.b.CreateUDiv(rounded, tile);
  }

  // As codegen::column_tile.
  Value* tile_size() {
    Value* wide = e_.i64(widest_column_tile(e_.kernel));
    Value* units = count_tiles(wide);
    for (int axis = 0; axis < lane_axis_; ++axis) units = e_.b.CreateMul(units, e_.size(axis));
    Value* few = e_.b.CreateICmpSLT(units, e_.i64(column_units));
    return e_.b.CreateSelect(few, e_.i64(narrow_column_tile), wide);
  }

  // Rows at a time: reading several streams hides the way to memory, but each is a copy of the
  // body.
  int rows_at_once() const {
    int cost = sections_[over_].plan.cost;
    return cost <= 3 ? 8 : cost <= 8 ? 4 : 1;
  }

  void one_tile() {
    lanes("identity", [&](Value* lane, const Active&) {
      for (std::size_t r = 0; r < sums_.size(); ++r) {
        const Inst& inst = *sums_[r];
        Value* identity = e_.constant(inst.dtype, identity_bits(inst.monoid, inst.dtype));
        store_row(e_, inst.dtype, e_.splat(identity), sum_at(r, lane), nullptr, {});
      }
    });
    Value* rows = e_.size(lane_axis_ + 1);
    Value* done = e_.i64(0);
    if (int together = rows_at_once(); together > 1) {
      done = e_.b.CreateAnd(rows, e_.i64(-together));
      e_.loop({"rows", e_.i64(0), done, together}, [&](Value* row) { take_rows(row, together); });
    }
    e_.loop({"row", done, rows}, [&](Value* row) { take_rows(row, 1); });
    finish_tile();
  }

  // body(lane, active) for the vectors of the tile; masks only where they cost nothing or nothing
  // else is left.
  void lanes(const char* name, const std::function<void(Value* lane, const Active&)>& body,
             const std::function<void()>& prepare = {}) {
    Value* first = first_;
    if (!e_.target.masks || e_.kernel.streaming) {
      Value* span = e_.b.CreateAnd(e_.b.CreateSub(limit_, first_), e_.i64(-e_.width()));
      first = e_.b.CreateAdd(first_, span);
      e_.loop({name, first_, first, e_.width(), {}, prepare}, [&](Value* lane) { body(lane, {}); });
    }
    e_.loop({name, first, limit_, e_.width(), {}, prepare},
            [&](Value* lane) { body(lane, e_.active(e_.b.CreateSub(limit_, lane))); });
  }

  // Accumulators fill whole vectors, so they need no masks.
  Value* sum_at(std::size_t sum, Value* lane) {
    return e_.b.CreateGEP(e_.stored(sums_[sum]->dtype), accumulators_[sum],
                          e_.b.CreateSub(lane, first_));
  }

  void take_rows(Value* row, int count) {
    const BodyPlan& plan = sections_[over_].plan;
    Outers outers;
    std::vector<Body> before, bodies;
    std::vector<Values> index(static_cast<std::size_t>(count), index_);
    auto prepare = [&] {
      outers.clear();
      before.clear();
      bodies.clear();
      for (std::size_t k = 0; k < over_; ++k) {
        before.emplace_back(e_, sections_[k].plan, outers);
        before[k].hoist(index_, 1);
        pass_on(sections_[k], before[k], outers, 1, /*moving=*/false);
      }
      for (std::size_t k = 0; k < index.size(); ++k) {
        index[k].back() = e_.b.CreateAdd(row, e_.i64(static_cast<std::int64_t>(k)));
        bodies.emplace_back(e_, plan, outers);
        if (e_.kernel.distant) prefetch_rows(e_, bodies[k], lane_axis_);
        bodies[k].hoist(index[k], 1);
      }
    };
    auto at_lane = [&](Value* lane, const Active& active) {
      index_[static_cast<std::size_t>(lane_axis_)] = lane;
      for (std::size_t k = 0; k < over_; ++k) {
        before[k].step(index_);
        before[k].run(0, active);
        pass_on(sections_[k], before[k], outers, 1, /*moving=*/true);
      }
      Values sums;
      for (std::size_t r = 0; r < sums_.size(); ++r)
        sums.push_back(load_row(e_, sums_[r]->dtype, sum_at(r, lane), nullptr, {}));
      for (std::size_t k = 0; k < bodies.size(); ++k) {
        index[k][static_cast<std::size_t>(lane_axis_)] = lane;
        bodies[k].step(index[k]);
        bodies[k].scan_by([&](const Inst& scan, int, Value* x) {
          auto number = std::find(sums_.begin(), sums_.end(), &scan) - sums_.begin();
          Value*& sum = sums[static_cast<std::size_t>(number)];
          return sum = emit_combine(e_, scan.monoid, scan.dtype, sum, x);
        });
        bodies[k].run(0, active);
        for (std::size_t r = 0; r < plan.reductions.size(); ++r) {
          const Inst& inst = *plan.reductions[r];
          Value* value = bodies[k].vector(inst.args[0], 0);
          sums[r] = emit_combine(e_, inst.monoid, inst.dtype, sums[r], value);
        }
      }
      for (std::size_t r = 0; r < sums.size(); ++r)
        store_row(e_, sums_[r]->dtype, sums[r], sum_at(r, lane), nullptr, {});
    };
    lanes("lanes", at_lane, prepare);
  }

  // What comes before the rows is computed anew for what comes after them.
  void finish_tile() {
    Outers outers;
    std::vector<Body> bodies;
    auto each = [&](const std::function<void(const PlannedSection&, Body&)>& visit) {
      std::size_t next = 0;
      for (std::size_t k = 0; k < sections_.size(); ++k)
        if (k != over_) visit(sections_[k], bodies[next++]);
    };
    auto prepare = [&] {
      outers.clear();
      bodies.clear();
      for (std::size_t k = 0; k < sections_.size(); ++k)
        if (k != over_) bodies.emplace_back(e_, sections_[k].plan, outers);
      each([&](const PlannedSection& planned, Body& body) {
        body.hoist(index_, 1);
        pass_on(planned, body, outers, 1, /*moving=*/false);
      });
    };
    auto at_lane = [&](Value* lane, const Active& active) {
      index_[static_cast<std::size_t>(lane_axis_)] = lane;
      const auto& reductions = sections_[over_].plan.reductions;
      for (std::size_t r = 0; r < reductions.size(); ++r)
        outers[reductions[r]->result].values = {
            load_row(e_, reductions[r]->dtype, sum_at(r, lane), nullptr, {})};
      each([&](const PlannedSection& planned, Body& body) {
        body.step(index_);
        body.run(0, active);
        pass_on(planned, body, outers, 1, /*moving=*/true);
      });
    };
    lanes("sums", at_lane, prepare);
  }

  Emitter& e_;
  int lane_axis_;
  std::vector<PlannedSection> sections_;
  std::size_t over_ = 0;
  std::vector<const Inst*> sums_;  // reductions, then scans
  Values accumulators_;            // where those of each sum begin
  Value *length_ = nullptr, *first_ = nullptr, *limit_ = nullptr;
  Values index_;
};

}  // namespace

void emit_columns(Emitter& e) { Columns(e).emit(); }

}  // namespace weft::codegen::cpu
