// Elementwise kernels that read an array across its rows: along the lanes its elements lie far
// apart, but side by side along an outer axis (the near one). Lane by lane such a kernel would
// touch a cache line per element. So it takes blocks of width x width: reads the array's rows as
// they lie, turns the block in registers, leaves it in the frame, and runs the body once per near
// index on it.
#include "codegen/llvm/memory.h"
#include "codegen/llvm/nest.h"
#include "codegen/llvm/sections.h"

namespace weft::codegen::cpu {
namespace {

using Values = Emitter::Values;

template <class List>
decltype(auto) at(List& list, int axis) {
  return list[static_cast<std::size_t>(axis)];
}

const Access& access_of(const Kernel& kernel, const Inst& load) {
  return kernel.accesses[static_cast<std::size_t>(load.access)];
}

// Is it a plain load whose elements lie apart on the lane axis and side by side on `axis`?
bool is_turned(const Emitter& e, const Inst& inst, int axis) {
  if (inst.kind != Inst::Kind::load || inst.args.size() != 1 || inst.args[0] >= 0) return false;
  if (!e.target.gathers || size_of(inst.dtype) < 4) return false;
  const std::vector<Coef>& strides = access_of(e.kernel, inst).strides;
  return at(strides, axis).is_one() &&
         at(strides, e.kernel.parallel_axes - 1).kind == Coef::Kind::param;
}

class Transposing {
 public:
  Transposing(Emitter& e, int near_axis)
      : e_(e),
        near_axis_(near_axis),
        lane_axis_(e.kernel.parallel_axes - 1),
        body_inst_(e.kernel.sections[0].body),
        plan_(e.kernel, body_inst_, place(), {}),
        body_(e, plan_, nothing_) {
    for (const Inst& inst : body_inst_)
      if (is_turned(e, inst, near_axis)) {
        auto* block = llvm::ArrayType::get(e.vector(inst.dtype), static_cast<unsigned>(e.width()));
        turned_.push_back({&inst, e.stack(block, "block")});
      }
  }

  // Units run along the near axis first, so that neighbours share blocks.
  void emit() {
    Value* near_size = e_.size(near_axis_);
    Value* tiles = e_.b.CreateUDiv(e_.b.CreateAdd(e_.size(lane_axis_), e_.i64(across_tile - 1)),
                                   e_.i64(across_tile));
    Values sizes;  // of what is not the near axis
    for (int axis = 0; axis < lane_axis_; ++axis)
      if (axis != near_axis_) sizes.push_back(e_.size(axis));
    sizes.push_back(tiles);
    e_.if_then(e_.b.CreateICmpSLT(e_.begin(), e_.end()), "units", [&] {
      Value* last = e_.b.CreateUDiv(e_.b.CreateSub(e_.end(), e_.i64(1)), near_size);
      Emitter::Loop loop{"run", e_.b.CreateUDiv(e_.begin(), near_size),
                         e_.b.CreateAdd(last, e_.i64(1))};
      loop.certain = true;
      e_.loop(loop, [&](Value* run) {
        set_outer_index(decode_unit(e_, run, sizes));
        Value* start = e_.b.CreateMul(run, near_size);
        Value* first = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax,
                                                  e_.b.CreateSub(e_.begin(), start), e_.i64(0));
        near_limit_ = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin,
                                                 e_.b.CreateSub(e_.end(), start), near_size);
        e_.loop({"near", first, near_limit_, e_.width(), {}, [&] { body_.hoist(index_, 1); }},
                [&](Value* near) { blocks(near); });
      });
    });
  }

 private:
  struct Turned {
    const Inst* load;
    Value* block;  // width rows of width elements near each other, one row per lane
  };

  BodyPlace place() const {
    BodyPlace place;
    place.lane_axis = lane_axis_;
    place.moving.assign(static_cast<std::size_t>(e_.kernel.axes()), false);
    at(place.moving, lane_axis_) = at(place.moving, near_axis_) = true;
    return place;
  }
  void set_outer_index(const Values& outer) {
    index_.assign(static_cast<std::size_t>(e_.kernel.axes()), nullptr);
    std::size_t next = 0;
    for (int axis = 0; axis < lane_axis_; ++axis)
      if (axis != near_axis_) at(index_, axis) = outer[next++];
    first_lane_ = e_.b.CreateMul(outer.back(), e_.i64(across_tile));
    lane_limit_ = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, e_.size(lane_axis_),
                                             e_.b.CreateAdd(first_lane_, e_.i64(across_tile)));
  }

  // Near indices [near, near + width), all lanes of the tile.
  void blocks(Value* near) {
    Value* count = e_.b.CreateSub(near_limit_, near);
    Active active_near = e_.active(count);
    Value* steps = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, count, e_.i64(e_.width()));
    e_.loop({"block", first_lane_, lane_limit_, e_.width()}, [&](Value* lane) {
      for (const Turned& turned : turned_) fill(turned, near, lane, active_near);
      Active active = e_.active(e_.b.CreateSub(lane_limit_, lane));
      Emitter::Loop loop{"step", e_.i64(0), steps};
      loop.certain = true;
      e_.loop(loop, [&](Value* step) {
        at(index_, near_axis_) = e_.b.CreateAdd(near, step);
        at(index_, lane_axis_) = lane;
        body_.step(index_);
        for (const Turned& turned : turned_) {
          DType dtype = turned.load->dtype;
          Value* column = e_.b.CreateGEP(e_.stored(dtype), turned.block, step);
          body_.provide(
              *turned.load,
              load_spread(e_, dtype, column,
                          e_.b.CreateMul(e_.iota(64), e_.splat(e_.i64(e_.width()))), nullptr, {}));
        }
        body_.run(0, active);
      });
    });
  }

  // Rows beyond the last lane are the last one again.
  void fill(const Turned& turned, Value* near, Value* lane, const Active& active_near) {
    const Access& access = access_of(e_.kernel, *turned.load);
    Value* base = near;
    for (int axis = 0; axis < lane_axis_; ++axis)
      if (axis != near_axis_)
        base = e_.add_scaled(base, at(access.strides, axis), at(index_, axis));
    Value* last = e_.b.CreateSub(lane_limit_, e_.i64(1));
    llvm::Type* type = e_.vector(access.dtype);
    Emitter::Loop loop{"copy", e_.i64(0), e_.i64(e_.width())};
    loop.certain = true;
    e_.loop(loop, [&](Value* r) {
      Value* row = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, e_.b.CreateAdd(lane, r), last);
      Value* offset = e_.add_scaled(base, at(access.strides, lane_axis_), row);
      Value* from =
          e_.b.CreateGEP(e_.stored(access.dtype), e_.pointer(turned.load->access), offset);
      Value* loaded = load_row(e_, access.dtype, from, active_near.mask, {});
      e_.b.CreateAlignedStore(loaded, e_.b.CreateGEP(type, turned.block, r), llvm::Align(16));
    });
  }

  Emitter& e_;
  int near_axis_, lane_axis_;
  const std::vector<Inst>& body_inst_;
  BodyPlan plan_;
  Outers nothing_;
  Body body_;
  std::vector<Turned> turned_;
  Values index_;
  Value *first_lane_ = nullptr, *lane_limit_ = nullptr, *near_limit_ = nullptr;
};

}  // namespace

bool emit_transposing(Emitter& e) {
  const Kernel& kernel = e.kernel;
  if (kernel.row_axis || kernel.sections.size() != 1) return false;
  for (const Inst& inst : kernel.sections[0].body)
    for (int axis = 0; axis < kernel.parallel_axes - 1; ++axis)
      if (is_turned(e, inst, axis)) {
        Transposing(e, axis).emit();
        return true;
      }
  return false;
}

}  // namespace weft::codegen::cpu
