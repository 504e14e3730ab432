// Elementwise kernels with arrays that are turned: along the lanes their elements lie far apart,
// but side by side along an outer axis, the near one (Kernel::turned_axis). Lane by lane such a
// kernel would touch a cache line per element. So it goes in tiles of `chunk` near indices by
// `tile_lanes_` lanes, tile after tile along the lanes, and within a tile in blocks of `width` near
// indices:
//
//   fill    what is read turned: as its rows lie, turned in registers into a block of the frame;
//   steps   the body, for every near index of the block; turned arrays stand in the frame;
//   flush   what is written turned: from the frame, turned back, as its rows lie.
//
// Rows of a tile are short, so hardware prefetchers see no streams; the rows of the next tile are
// prefetched by instructions, a few lines with every few rows that are read, into the second-level
// cache: rows of equal sets would push each other out of the first.
#include <algorithm>

#include "codegen/llvm/memory.h"
#include "codegen/llvm/nest.h"
#include "codegen/llvm/sections.h"
#include "codegen/llvm/turn.h"

namespace weft::codegen::cpu {
namespace {

using Values = Emitter::Values;

constexpr std::int64_t chunk = 256;  // near indices of a tile
// Lanes of a tile: whole lines of what is read and written as it lies, and few rows of what is
// turned. Where everything that is read is turned, more rows cost less than short lines.
constexpr std::int64_t few_lanes = 32, many_lanes = 64;

template <class List>
decltype(auto) at(List& list, int axis) {
  return list[static_cast<std::size_t>(axis)];
}

class Transposing {
 public:
  Transposing(Emitter& e, int near_axis)
      : e_(e),
        near_axis_(near_axis),
        lane_axis_(e.kernel.parallel_axes - 1),
        plan_(e.kernel, e.kernel.sections[0].body, place(), {}),
        vectors_(vectors_per_turn(e.target, plan_.cost)),
        tile_lanes_(rows_read(e.kernel, lane_axis_).empty() ? many_lanes : few_lanes) {
    for (const Inst& inst : e.kernel.sections[0].body)
      if (e.kernel.is_turned(inst, near_axis))
        turned_.push_back({.inst = &inst, .block = frame(inst.dtype, e.width(), tile_lanes_)});
  }

  // Units run along the near axis first, so that neighbours share chunks.
  void emit() {
    Values sizes;  // of what is not the near axis
    for (int axis = 0; axis < lane_axis_; ++axis)
      if (axis != near_axis_) sizes.push_back(e_.size(axis));
    sizes.push_back(tiles(e_.size(lane_axis_), across_tile));
    Value* units = tiles(e_.size(near_axis_), turned_rows);
    e_.if_then(e_.b.CreateICmpSLT(e_.begin(), e_.end()), "units", [&] {
      Value* last = e_.b.CreateUDiv(e_.b.CreateSub(e_.end(), e_.i64(1)), units);
      Emitter::Loop loop{"run", e_.b.CreateUDiv(e_.begin(), units),
                         e_.b.CreateAdd(last, e_.i64(1))};
      loop.certain = true;
      e_.loop(loop, [&](Value* run) {
        set_outer_index(decode_unit(e_, run, sizes));
        Value* start = e_.b.CreateMul(run, units);
        Value* first = larger(e_.b.CreateSub(e_.begin(), start), e_.i64(0));
        Value* limit = smaller(e_.b.CreateSub(e_.end(), start), units);
        near_limit_ = smaller(e_.b.CreateMul(limit, e_.i64(turned_rows)), e_.size(near_axis_));
        one_run(e_.b.CreateMul(first, e_.i64(turned_rows)));
      });
    });
  }

 private:
  struct Turned {
    const Inst* inst;
    Value* block;  // width rows, one per near index, of tile_lanes_ lanes
    // Of the array, in bytes: from lane to lane, and from the end of a tile's row to the next.
    Value *row_bytes = nullptr, *to_next_row = nullptr;
  };
  // What of an array's next tile is prefetched next, and where its row ends.
  struct Ahead {
    Value *line, *row_end;
  };

  BodyPlace place() const {
    BodyPlace place;
    place.lane_axis = lane_axis_;
    place.moving.assign(static_cast<std::size_t>(e_.kernel.axes()), false);
    at(place.moving, lane_axis_) = at(place.moving, near_axis_) = true;
    return place;
  }

  Value* frame(DType dtype, std::int64_t rows, std::int64_t columns) {
    auto elements = static_cast<unsigned>(rows * columns);
    return e_.stack(llvm::ArrayType::get(e_.stored(dtype), elements), "block");
  }
  Value* smaller(Value* a, Value* b) {
    return e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
  }
  Value* larger(Value* a, Value* b) {
    return e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, a, b);
  }
  Value* tiles(Value* size, std::int64_t tile) {
    return e_.b.CreateUDiv(e_.b.CreateAdd(size, e_.i64(tile - 1)), e_.i64(tile));
  }

  void set_outer_index(const Values& outer) {
    index_.assign(static_cast<std::size_t>(e_.kernel.axes()), nullptr);
    std::size_t next = 0;
    for (int axis = 0; axis < lane_axis_; ++axis)
      if (axis != near_axis_) at(index_, axis) = outer[next++];
    first_lane_ = e_.b.CreateMul(outer.back(), e_.i64(across_tile));
    lane_limit_ = smaller(e_.size(lane_axis_), e_.b.CreateAdd(first_lane_, e_.i64(across_tile)));
  }

  // All lanes, near indices [first, near_limit_).
  void one_run(Value* first) {
    Outers nothing;
    Body whole(e_, plan_, nothing), part(e_, plan_, nothing);
    for (Body* body : {&whole, &part})
      for (int access : rows_read(e_.kernel, lane_axis_)) {
        DType dtype = at(e_.kernel.accesses, access).dtype;
        body->prefetch(access,
                       {tile_lanes_ * static_cast<std::int64_t>(size_of(dtype)), Cache::second});
      }
    for (const Turned& turned : turned_)
      for (Body* body : {&whole, &part}) body->stand_in(*turned.inst, turned.block);
    if (e_.kernel.streaming) whole.store_past_caches();
    auto prepare = [&] {
      if (has_whole_tiles()) whole.hoist(index_, vectors_);
      part.hoist(index_, 1);
      rows_aligned_ = e_.kernel.streaming ? rows_aligned() : e_.b.getTrue();
    };
    e_.loop({"chunk", first, near_limit_, chunk, {}, prepare}, [&](Value* near) {
      near_start_ = near;
      near_end_ = smaller(e_.b.CreateAdd(near, e_.i64(chunk)), near_limit_);
      e_.loop({"tile", first_lane_, lane_limit_, tile_lanes_},
              [&](Value* lane) { one_tile(lane, whole, part); });
    });
  }

  // Streaming stores are whole vectors; elsewhere short bodies gain where masks cost something.
  bool has_whole_tiles() const { return e_.kernel.streaming || (vectors_ > 1 && !e_.target.masks); }

  // Does every row that is stored as it lies begin where a register may go past the caches? Tiles
  // do where rows do.
  Value* rows_aligned() {
    Value* aligned = nullptr;
    for (const Inst& inst : e_.kernel.sections[0].body) {
      const Access& a = e_.kernel.accesses[static_cast<std::size_t>(std::max(inst.access, 0))];
      if (inst.kind != Inst::Kind::store || !at(a.strides, lane_axis_).is_one()) continue;
      Value* first = element(inst.access, e_.i64(0), first_lane_);
      Value* stride = e_.b.CreateMul(e_.coef(at(a.strides, near_axis_)),
                                     e_.i64(static_cast<std::int64_t>(size_of(a.dtype))));
      Value* both = e_.b.CreateOr(e_.b.CreatePtrToInt(first, e_.b.getInt64Ty()), stride);
      Value* is = is_aligned(e_, a.dtype, both);
      aligned = aligned ? e_.b.CreateAnd(aligned, is) : is;
    }
    return aligned ? aligned : e_.b.getTrue();
  }

  void one_tile(Value* lane, Body& whole, Body& part) {
    lane_ = lane;
    Value* end = e_.b.CreateAdd(lane, e_.i64(tile_lanes_));
    lane_end_ = smaller(end, lane_limit_);
    Value* is_whole = e_.b.CreateAnd(rows_aligned_, e_.b.CreateICmpSLE(end, lane_limit_));
    std::vector<Turned*> loads, stores;
    for (Turned& turned : turned_)
      (turned.inst->kind == Inst::Kind::load ? loads : stores).push_back(&turned);
    Values ahead;
    for (Turned* load : loads) {
      Ahead start = start_ahead(*load);
      ahead.insert(ahead.end(), {start.line, start.row_end});
    }
    Emitter::Loop blocks{"block", near_start_, near_end_, e_.width(), ahead};
    blocks.certain = true;
    e_.loop(blocks, [&](Value* block, const Values& carried) {
      Values next;
      Value* count = e_.b.CreateSub(near_end_, block);
      Active active_near = e_.active(count);
      for (std::size_t k = 0; k < loads.size(); ++k) {
        Ahead after = fill(*loads[k], block, active_near, {carried[2 * k], carried[2 * k + 1]});
        next.insert(next.end(), {after.line, after.row_end});
      }
      Value* steps = smaller(count, e_.i64(e_.width()));
      auto run_whole = [&] { run_steps(block, steps, whole, vectors_, false); };
      auto run_part = [&] { run_steps(block, steps, part, e_.target.masks ? vectors_ : 1, true); };
      if (has_whole_tiles()) {
        e_.if_then(is_whole, "whole", run_whole, run_part);
      } else {
        run_part();
      }
      for (Turned* store : stores) flush(*store, block, active_near);
      return next;
    });
  }

  void run_steps(Value* block, Value* steps, Body& body, int vectors, bool masked) {
    auto one_turn = [&](Value* step, Value* lane) {
      at(index_, near_axis_) = e_.b.CreateAdd(block, step);
      at(index_, lane_axis_) = lane;
      body.step(index_);
      Value* in_block = e_.b.CreateMul(step, e_.i64(tile_lanes_));
      if (lane != lane_) in_block = e_.b.CreateAdd(in_block, e_.b.CreateSub(lane, lane_));
      for (const Turned& turned : turned_)
        body.stand_in(*turned.inst,
                      e_.b.CreateGEP(e_.stored(turned.inst->dtype), turned.block, in_block));
      for (int v = 0; v < vectors; ++v) {
        Value* left = e_.b.CreateSub(lane_end_, e_.b.CreateAdd(lane, e_.i64(v * e_.width())));
        body.run(v, masked ? e_.active(left) : Active{});
      }
    };
    Emitter::Loop loop{"step", e_.i64(0), steps};
    loop.certain = true;
    e_.loop(loop, [&](Value* step) {
      std::int64_t together = std::int64_t{vectors} * e_.width();
      if (together == tile_lanes_) return one_turn(step, lane_);
      Emitter::Loop lanes{"lanes", lane_, lane_end_, together};
      lanes.certain = true;
      e_.loop(lanes, [&](Value* lane) { one_turn(step, lane); });
    });
  }

  const Access& access(const Turned& turned) const {
    return at(e_.kernel.accesses, turned.inst->access);
  }

  // The element of an array at (near, lane).
  Value* element(int access, Value* near, Value* lane) {
    const Access& a = at(e_.kernel.accesses, access);
    Value* offset = e_.i64(0);
    for (int axis = 0; axis < lane_axis_; ++axis)
      offset =
          e_.add_scaled(offset, at(a.strides, axis), axis == near_axis_ ? near : at(index_, axis));
    offset = e_.add_scaled(offset, at(a.strides, lane_axis_), lane);
    return e_.b.CreateGEP(e_.stored(a.dtype), e_.pointer(access), offset);
  }

  std::int64_t bytes_of(const Turned& turned, std::int64_t elements) const {
    return elements * static_cast<std::int64_t>(size_of(turned.inst->dtype));
  }
  Value* bytes_of(const Turned& turned, Value* elements) {
    return e_.b.CreateMul(elements, e_.i64(bytes_of(turned, 1)));
  }
  Value* further(Value* pointer, Value* bytes) {
    return e_.b.CreateGEP(e_.b.getInt8Ty(), pointer, bytes);
  }

  // Behind the last tile of a chunk comes the first of the next.
  Ahead start_ahead(Turned& turned) {
    Value* next = e_.b.CreateAdd(lane_, e_.i64(tile_lanes_));
    Value* more = e_.b.CreateICmpSLT(next, lane_limit_);
    Value* near = e_.b.CreateSelect(more, near_start_, near_end_);
    Value* lane = e_.b.CreateSelect(more, next, first_lane_);
    Value* start = element(turned.inst->access, near, lane);
    Value* row = bytes_of(turned, e_.b.CreateSub(near_end_, near_start_));
    turned.row_bytes = bytes_of(turned, e_.coef(at(access(turned).strides, lane_axis_)));
    turned.to_next_row = e_.b.CreateSub(turned.row_bytes, row);
    return {start, further(start, row)};
  }

  // The lines that are as many bytes as some rows of the block, and where to go on.
  Ahead prefetch_some(const Turned& turned, const Ahead& ahead, int rows) {
    constexpr std::int64_t line = 64;
    std::int64_t bytes = bytes_of(turned, rows * e_.width()) / line * line;
    if (bytes == 0) bytes = line;
    prefetch(e_, ahead.line, bytes, Cache::second);
    Value* next = further(ahead.line, e_.i64(bytes));
    Value* wraps = e_.b.CreateICmpUGE(next, ahead.row_end);
    return {e_.b.CreateSelect(wraps, further(ahead.row_end, turned.to_next_row), next),
            e_.b.CreateSelect(wraps, further(ahead.row_end, turned.row_bytes), ahead.row_end)};
  }

  // Rows beyond the last lane are the last one again.
  Ahead fill(const Turned& turned, Value* near, const Active& active_near, const Ahead& ahead) {
    DType dtype = turned.inst->dtype;
    int together = rows_per_turn(dtype);
    const Coef& stride = at(access(turned).strides, lane_axis_);
    Value* first = element(turned.inst->access, near, lane_);
    Value* count = e_.b.CreateSub(lane_end_, lane_);
    Value* whole = e_.b.CreateICmpSGE(active_near.count, e_.i64(e_.width()));
    Emitter::Loop loop{"fill", e_.i64(0), count, together, {first, ahead.line, ahead.row_end}};
    loop.certain = true;
    Values after = e_.loop(loop, [&](Value* row, const Values& carried) -> Values {
      Values at = {carried[0]};
      for (int k = 1; k <= together; ++k) {
        Value* more = e_.b.CreateICmpSLT(e_.b.CreateAdd(row, e_.i64(k)), count);
        Value* step = e_.b.CreateSelect(more, e_.coef(stride), e_.i64(0));
        at.push_back(e_.b.CreateGEP(e_.stored(dtype), at.back(), step));
      }
      Value* from = at.back();
      at.pop_back();
      auto read = [&](const Active& active) {
        Values rows;
        for (Value* row : at)
          rows.push_back(to_stored(e_, dtype, load_row(e_, dtype, row, nullptr, active)));
        return rows;
      };
      // Masked loads are slow, so one branch chooses for all.
      Values rows = e_.if_else(
          whole, "whole", [&] { return read({}); }, [&] { return read(active_near); });
      turn_rows(e_, dtype, rows, e_.b.CreateGEP(e_.stored(dtype), turned.block, row), tile_lanes_);
      Ahead next = prefetch_some(turned, {carried[1], carried[2]}, together);
      return {from, next.line, next.row_end};
    });
    return {after[1], after[2]};
  }

  // Steps that the block lacks leave what was there, which is not stored.
  void flush(const Turned& turned, Value* near, const Active& active_near) {
    DType dtype = turned.inst->dtype;
    llvm::Type* type = e_.stored(dtype);
    Value* columns = frame(dtype, tile_lanes_, e_.width());
    int together = rows_per_turn(dtype);
    Emitter::Loop turning{"turn", e_.i64(0), e_.i64(tile_lanes_), e_.width()};
    turning.certain = true;
    e_.loop(turning, [&](Value* lane) {
      Emitter::Loop steps{"rows", e_.i64(0), e_.i64(e_.width()), together};
      steps.certain = true;
      e_.loop(steps, [&](Value* step) {
        Values rows;
        Value* from = e_.b.CreateGEP(
            type, turned.block, e_.b.CreateAdd(e_.b.CreateMul(step, e_.i64(tile_lanes_)), lane));
        for (int k = 0; k < together; ++k)
          rows.push_back(e_.b.CreateAlignedLoad(e_.vector(type),
                                                e_.b.CreateGEP(type, from, e_.i64(k * tile_lanes_)),
                                                llvm::Align(size_of(dtype))));
        Value* to = e_.b.CreateAdd(e_.b.CreateMul(lane, e_.i64(e_.width())), step);
        turn_rows(e_, dtype, rows, e_.b.CreateGEP(type, columns, to), e_.width());
      });
    });
    Emitter::Loop storing{"flush", e_.i64(0), e_.b.CreateSub(lane_end_, lane_)};
    storing.certain = true;
    Value* whole = e_.b.CreateICmpSGE(active_near.count, e_.i64(e_.width()));
    e_.loop(storing, [&](Value* lane) {
      Value* from = e_.b.CreateGEP(type, columns, e_.b.CreateMul(lane, e_.i64(e_.width())));
      Value* row = load_row(e_, dtype, from, nullptr, {});
      Value* to = element(turned.inst->access, near, e_.b.CreateAdd(lane_, lane));
      auto store = [&](const Active& active) {
        store_output_row(e_, dtype, row, to, nullptr, active);
      };
      if (!e_.kernel.streaming) return store(active_near);
      e_.if_then(
          whole, "whole", [&] { store({}); }, [&] { store(active_near); });
    });
  }

  Emitter& e_;
  int near_axis_, lane_axis_;
  BodyPlan plan_;
  int vectors_;
  std::int64_t tile_lanes_;
  std::vector<Turned> turned_;
  Values index_;
  Value *first_lane_ = nullptr, *lane_limit_ = nullptr, *near_limit_ = nullptr;  // of the run
  Value* rows_aligned_ = nullptr;                                                // likewise
  Value *lane_ = nullptr, *lane_end_ = nullptr;                                  // of the tile
  Value *near_start_ = nullptr, *near_end_ = nullptr;                            // of the chunk
};

}  // namespace

bool emit_transposing(Emitter& e) {
  int axis = e.kernel.turned_axis();
  if (axis < 0) return false;
  Transposing(e, axis).emit();
  return true;
}

}  // namespace weft::codegen::cpu
