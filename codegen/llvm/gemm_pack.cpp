#include "codegen/llvm/gemm_pack.h"

#include <bit>
#include <numeric>

#include "codegen/contract_blocks.h"

namespace weft::codegen::cpu {
namespace {

// Lanes go along k (and rows are transposed) if more of the factor's loads are contiguous there.
bool prefers_lanes_on_k(const Kernel& kernel, const Factor& factor) {
  int along_k = 0, along_lines = 0;
  for (const Inst& inst : factor.body) {
    if (inst.kind != Inst::Kind::load) continue;
    const Access& access = kernel.accesses[static_cast<std::size_t>(inst.access)];
    along_k += access.strides.back().is_one();
    along_lines += access.strides[static_cast<std::size_t>(factor.line_axis)].is_one();
  }
  return along_k > along_lines;
}

BodyPlan make_plan(const Kernel& kernel, const Factor& factor, bool lanes_on_k) {
  BodyPlace place;
  place.lane_axis = lanes_on_k ? kernel.parallel_axes : factor.line_axis;
  place.moving.assign(static_cast<std::size_t>(kernel.axes()), false);
  place.moving[static_cast<std::size_t>(place.lane_axis)] = true;
  return BodyPlan(kernel, factor.body, place, {}, std::array{factor.result});
}

}  // namespace

Packer::Packer(Emitter& emitter, const Factor& factor, const Panels& panels, Value* rows)
    : e_(emitter),
      factor_(factor),
      panels_(panels),
      lanes_on_k_(prefers_lanes_on_k(emitter.kernel, factor)),
      step_(std::gcd(panels.width, panels.tail_width)),
      plan_(make_plan(emitter.kernel, factor, lanes_on_k_)),
      rows_(rows) {
  int limit = lanes_on_k_ ? static_cast<int>(max_group) : e_.width();
  if (step_ > limit) step_ = std::gcd(step_, limit);
  group_ = static_cast<int>(std::bit_ceil(static_cast<unsigned>(step_)));
}

void Packer::pack(std::span<Value* const> index, const PackRange& range, Value* to) {
  index_.assign(index.begin(), index.end());
  range_ = range;
  to_ = to;
  if (lanes_on_k_) {
    e_.loop({.name = "pack", .first = e_.i64(0), .limit = range.lines, .step = step_},
            [&](Value* line) { pack_rows(line); });
  } else {
    e_.loop({.name = "pack", .first = e_.i64(0), .limit = range.depth},
            [&](Value* k) { pack_lines(k); });
  }
}

Packer::Spot Packer::spot(Value* line) {
  // A line's place within its panel; tail panels begin at a multiple of their width, because the
  // full width is one.
  auto within_panel = [&](int width) {
    return width == step_ ? e_.i64(0) : e_.b.CreateURem(line, e_.i64(width));
  };
  Value* width = e_.i64(panels_.width);
  Value* within = within_panel(panels_.width);
  if (panels_.full) {
    Value* in_full = e_.b.CreateICmpSLT(line, panels_.full);
    width = e_.b.CreateSelect(in_full, width, e_.i64(panels_.tail_width));
    within = e_.b.CreateSelect(in_full, within, within_panel(panels_.tail_width));
  }
  Value* base = e_.b.CreateMul(e_.b.CreateSub(line, within), range_.depth);
  return {ahead(to_, e_.b.CreateAdd(base, within)), width};
}

// Lanes on the lines: a step of k after another, each contiguous in the factor.
void Packer::pack_lines(Value* k) {
  auto line_axis = static_cast<std::size_t>(factor_.line_axis);
  Body body(e_, plan_, nothing_);
  index_.back() = e_.b.CreateAdd(range_.first_k, k);
  e_.loop({.name = "pack.lines",
           .first = e_.i64(0),
           .limit = range_.lines,
           .step = step_,
           .prepare = [&] { body.hoist(index_, 1); }},
          [&](Value* line) {
            index_[line_axis] = e_.b.CreateAdd(range_.first_line, line);
            body.step(index_);
            body.run(0, e_.active(e_.b.CreateSub(range_.lines, line)));
            Spot to = spot(line);
            Value* at = ahead(to.at, e_.b.CreateMul(k, to.stride));
            store(lanes(body.vector(factor_.result, 0), 0, step_), at);
          });
}

// Lanes on k: `step_` lines become rows of a small buffer, which is then transposed.
void Packer::pack_rows(Value* line) {
  auto line_axis = static_cast<std::size_t>(factor_.line_axis);
  Value* left = e_.b.CreateSub(range_.lines, line);
  Value* rows = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, left, e_.i64(step_));
  e_.loop({.name = "pack.row", .first = e_.i64(0), .limit = rows}, [&](Value* row) {
    Body body(e_, plan_, nothing_);
    Value* buffer = ahead(rows_, e_.b.CreateMul(row, e_.i64(row_buffer_pitch)));
    index_[line_axis] = e_.b.CreateAdd(range_.first_line, e_.b.CreateAdd(line, row));
    e_.loop({.name = "pack.k",
             .first = e_.i64(0),
             .limit = range_.depth,
             .step = e_.width(),
             .prepare = [&] { body.hoist(index_, 1); }},
            [&](Value* k) {
              index_.back() = e_.b.CreateAdd(range_.first_k, k);
              body.step(index_);
              body.run(0, e_.active(e_.b.CreateSub(range_.depth, k)));
              store(body.vector(factor_.result, 0), ahead(buffer, k));
            });
  });
  transpose_rows(spot(line));
}

void Packer::transpose_rows(const Spot& to) {
  e_.loop({.name = "transpose", .first = e_.i64(0), .limit = range_.depth, .step = e_.width()},
          [&](Value* k) {
            Emitter::Values vectors;
            for (int row = 0; row < group_; ++row) {
              Value* offset = e_.b.CreateAdd(k, e_.i64(row * row_buffer_pitch));
              vectors.push_back(e_.b.CreateAlignedLoad(e_.vector(factor_.dtype),
                                                       ahead(rows_, offset), llvm::Align(4)));
            }
            scatter(interleave(std::move(vectors)), to, k);
          });
}

// Stores steps k, k + 1, ... of which each vector holds a few, `group_` elements each. Where a
// group is wider than the panel's lines, the next step overwrites the rest; so the order is
// ascending.
void Packer::scatter(const Emitter::Values& columns, const Spot& to, Value* k) {
  Value* at = ahead(to.at, e_.b.CreateMul(k, to.stride));
  if (!panels_.full && panels_.width == group_) {
    for (Value* column : columns) {
      store(column, at);
      at = ahead(at, e_.i64(e_.width()));
    }
    return;
  }
  for (Value* column : columns) {
    for (int lane = 0; lane < e_.width(); lane += group_) {
      store(lanes(column, lane, group_), at);
      at = ahead(at, to.stride);
    }
  }
}

// From rows to steps of k: each round zips the first half of the sequence with the second, which
// rotates one bit of the row number from the top of an element's position to its bottom.
Emitter::Values Packer::interleave(Emitter::Values vectors) {
  std::vector<int> low, high;
  for (int lane = 0; lane < e_.width() / 2; ++lane) {
    for (auto* mask : {&low, &high}) {
      int from = lane + (mask == &high ? e_.width() / 2 : 0);
      mask->push_back(from);
      mask->push_back(from + e_.width());
    }
  }
  for (int round = 1; round < group_; round *= 2) {
    Emitter::Values zipped;
    std::size_t half = vectors.size() / 2;
    for (std::size_t k = 0; k < half; ++k) {
      zipped.push_back(e_.b.CreateShuffleVector(vectors[k], vectors[k + half], low));
      zipped.push_back(e_.b.CreateShuffleVector(vectors[k], vectors[k + half], high));
    }
    vectors = std::move(zipped);
  }
  return vectors;
}

Value* Packer::lanes(Value* vector, int first, int count) {
  if (count == e_.width()) return vector;
  std::vector<int> mask(static_cast<std::size_t>(count));
  std::iota(mask.begin(), mask.end(), first);
  return e_.b.CreateShuffleVector(vector, mask);
}

Value* Packer::ahead(Value* at, Value* elements) {
  return e_.b.CreateInBoundsGEP(e_.element(factor_.dtype), at, elements);
}

void Packer::store(Value* vector, Value* at) {
  e_.b.CreateAlignedStore(vector, at, llvm::Align(4));
}

}  // namespace weft::codegen::cpu
