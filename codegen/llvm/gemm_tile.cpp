#include "codegen/llvm/gemm_tile.h"

#include <algorithm>

#include "ir/reduce_order.h"
#include "llvm/IR/Intrinsics.h"

namespace weft::codegen::cpu {

// Accumulators should number well above latency times throughput of fma (8) and leave registers for
// a row of B and one broadcast element of A. More columns than rows need fewer loads, because a
// vector load of B serves all rows. Measured on AVX-512: 8x3 registers 90% of peak, 12x2 85%.
Tile choose_tile(const Target& target, DType dtype) {
  int bits = target.width * static_cast<int>(size_of(dtype)) * 8;
  int registers_per_vector = std::max(1, bits / target.vector_bits);
  bool many = target.registers >= 32;
  switch (registers_per_vector) {
    case 1:
      return {many ? 8 : 4, 3};
    case 2:
      return {target.width >= 8 ? 6 : 4, many ? 2 : 1};
    default:
      return {4, 1};
  }
}

namespace {

class TileEmitter {
 public:
  TileEmitter(Emitter& e, DType dtype, const Tile& tile, const LeftFactor& left,
              const RightFactor& right, const TileBounds& bounds)
      : e_(e), dtype_(dtype), tile_(tile), left_(left), right_(right), bounds_(bounds) {}

  void run(Value* depth, const TileMemory& from, const TileMemory& to) {
    Value* at_least_one = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, depth, e_.i64(1));
    e_.loop({.name = "sum",
             .first = e_.i64(0),
             .limit = at_least_one,
             .step = ir::dot_block,
             .carried = {left_.at, right_.at, from.at, from.stride}},
            [&](Value* k, const Emitter::Values& now) {
              Value* left = e_.b.CreateSub(depth, k);
              Value* block =
                  e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, left, e_.i64(ir::dot_block));
              Emitter::Values end = sum(now[0], now[1], block);
              add_into({end.begin() + 2, end.end()}, {now[2], now[3]}, to);
              return Emitter::Values{end[0], end[1], to.at, to.stride};
            });
  }

 private:
  // Where both factors go on after one block of k, and its sums, row by row.
  Emitter::Values sum(Value* a, Value* b, Value* depth) {
    Emitter::Values start{a, b};
    Value* zero = llvm::Constant::getNullValue(e_.vector(dtype_));
    start.resize(2 + static_cast<std::size_t>(tile_.rows * tile_.vectors), zero);
    return e_.loop({.name = "k", .first = e_.i64(0), .limit = depth, .carried = start},
                   [&](Value*, const Emitter::Values& now) { return step(now); });
  }

  // All is read before anything is written, because rows may lie in the same place.
  void add_into(const Emitter::Values& sums, const TileMemory& from, const TileMemory& to) {
    Emitter::Values totals;
    for (int row = 0; row < tile_.rows; ++row) {
      Value* source = row_address(from, row);
      for (int v = 0; v < tile_.vectors; ++v) {
        Value* at = ahead(source, v * e_.width());
        Value* old = is_cut(v) && bounds_.mask ? load_masked(at, bounds_.mask) : load(at);
        Value* sum = sums[totals.size()];
        totals.push_back(is_float(dtype_) ? e_.b.CreateFAdd(old, sum) : e_.b.CreateAdd(old, sum));
      }
    }
    auto total = totals.begin();
    for (int row = 0; row < tile_.rows; ++row) {
      Value* target = row_address(to, row);
      for (int v = 0; v < tile_.vectors; ++v, ++total) {
        Value* at = ahead(target, v * e_.width());
        if (is_cut(v) && bounds_.mask)
          e_.b.CreateMaskedStore(*total, at, alignment(), bounds_.mask);
        else
          e_.b.CreateAlignedStore(*total, at, alignment());
      }
    }
  }

  Emitter::Values step(const Emitter::Values& now) {
    Value *a = now[0], *b = now[1];
    Emitter::Values columns, next{ahead(a, left_.step), ahead(b, right_.step)};
    for (int v = 0; v < tile_.vectors; ++v) {
      Value* at = ahead(b, v * e_.width());
      columns.push_back(is_cut(v) && right_.mask ? load_masked(at, right_.mask) : load(at));
    }
    for (Value* offset : left_.row_offsets) {
      Value* element = e_.b.CreateAlignedLoad(e_.element(dtype_), ahead(a, offset), alignment());
      Value* x = e_.splat(element);
      for (Value* column : columns) next.push_back(multiply_add(x, column, now[next.size()]));
    }
    return next;
  }

  Value* multiply_add(Value* x, Value* y, Value* sum) {
    if (!is_float(dtype_)) return e_.b.CreateAdd(e_.b.CreateMul(x, y), sum);
    return e_.b.CreateIntrinsic(llvm::Intrinsic::fma, {x->getType()}, {x, y, sum});
  }

  Value* row_address(const TileMemory& memory, int row) {
    Value* index = e_.i64(row);
    if (bounds_.last_row)
      index = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, index, bounds_.last_row);
    Value* offset = e_.b.CreateMul(memory.stride, index);
    return e_.b.CreateInBoundsGEP(e_.element(dtype_), memory.at, offset);
  }
  // Not inbounds: after the last step the factors may lie beyond their memory.
  Value* ahead(Value* at, Value* elements) {
    return e_.b.CreateGEP(e_.element(dtype_), at, elements);
  }
  Value* ahead(Value* at, int elements) { return ahead(at, e_.i64(elements)); }
  bool is_cut(int v) const { return v == tile_.vectors - 1; }  // may be partial
  Value* load_masked(Value* at, Value* mask) {
    llvm::Type* type = e_.vector(dtype_);
    return e_.b.CreateMaskedLoad(type, at, alignment(), mask, llvm::Constant::getNullValue(type));
  }
  Value* load(Value* at) { return e_.b.CreateAlignedLoad(e_.vector(dtype_), at, alignment()); }
  llvm::Align alignment() const { return llvm::Align(size_of(dtype_)); }

  Emitter& e_;
  DType dtype_;
  Tile tile_;
  const LeftFactor& left_;
  const RightFactor& right_;
  const TileBounds& bounds_;
};

}  // namespace

void emit_tile(Emitter& e, DType dtype, const Tile& tile, const LeftFactor& left,
               const RightFactor& right, Value* depth, const TileMemory& from, const TileMemory& to,
               const TileBounds& bounds) {
  TileEmitter(e, dtype, tile, left, right, bounds).run(depth, from, to);
}

}  // namespace weft::codegen::cpu
