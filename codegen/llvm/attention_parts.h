// What kernels of attention and of its gradients are made of: queries as lanes, products on
// register tiles, rows that are packed and turned. Scratch holds whole tiles
// (codegen/attention_scratch.h), so that tiles need no tails.
#pragma once

#include "codegen/attention_scratch.h"
#include "codegen/llvm/emitter.h"
#include "ir/scalar.h"

namespace weft::codegen::cpu {

/// results[line] = start + sum over steps of line[step] * vectors[step], by fma in order, where a
/// line's element meets all lanes.
struct LaneProduct {
  enum class Start : std::uint8_t { zero, results } start = Start::zero;
  Value* lines;               // how many; beyond the last one, it may be repeated
  Value* lines_at;            // step 0 of line 0
  Value* between_lines;       // elements
  Value* between_steps;       // elements
  bool whole_tiles = false;   // lines have memory up to a whole tile
  Value* vectors_at;          // at step 0
  Value* between_vectors;     // elements, of steps
  Value* steps;               // how many
  Value* results;             // of line 0, in memory of whole tiles
  Value* between_results;     // elements
  Emitter::Values factors{};  // of the results that are added to, a vector each; none: 1
};

class AttentionParts {
 protected:
  using Values = Emitter::Values;
  static constexpr std::int64_t group = ir::attention_queries;
  static constexpr int vectors = 2;  // of a tile; a group is a multiple of them on every target

  explicit AttentionParts(Emitter& e);

  /// body(a), then body(b): compiled once, as two turns of a loop.
  void for_both(const Values& a, const Values& b, const std::function<void(const Values&)>& body);
  /// body(lane) for the lanes of a group, `vectors` vectors at a time.
  void for_lanes(const std::function<void(Value* lane)>& body);
  void for_columns(Value* count, const std::function<void(Value* column)>& body);
  void multiply(const LaneProduct& product);
  /// -inf for scores of keys key + [0, count) that come after queries first_query + [lane, ..).
  void hide(Value* scores, Value* key, Value* count, Value* first_query, Value* lane);
  /// The largest of the scores and of `start` that are no NaN; one value for each vector.
  Values largest(Value* scores, Value* count, Value* lane, const Values& start);
  /// What scores are compared with.
  Value* reference(Value* largest);
  Value* exp(Value* x);

  // A group's rows of an array, whose number of columns is size(columns).
  struct Rows {
    int access;
    std::size_t axis;  // of the rows
    int columns;       // axis
  };
  struct Packing {
    Value* at;            // the first row
    Value* between_rows;  // elements
    Value* columns;       // how many
    Value* factor;        // of all elements
    Value *rows, *turned;
  };
  Packing packing(const Rows& from, Value* batch, Value* first, Value* factor, Value* rows,
                  Value* turned);
  /// A group's rows, of which only `count` exist (others repeat the last), times the factor: side
  /// by side in whole tiles at `rows`, and turned.
  void pack(const Packing& p, Value* count);
  /// Rows of what was computed as lanes, times the factor; through scratch at `rows`.
  void unpack(Value* turned, Value* rows, Value* factor, const Rows& to, Value* batch, Value* first,
              Value* count);
  void clear(Value* at, Value* elements);

  // Addresses. Offsets count elements.
  Value* row_of(const Rows& rows, Value* batch, Value* index);
  Value* stride_of(int access, std::size_t axis) { return e_.coef(strides(access)[axis]); }
  const std::vector<Coef>& strides(int access) const {
    return e_.kernel.accesses[static_cast<std::size_t>(access)].strides;
  }
  Value* row(const char* name);  // one value per query of the group, in the frame
  Value* whole(Value* size);     // as whole_tiles
  Value* rows_at(Value* at, Value* index) { return ahead(at, mul(index, e_.i64(group))); }
  Value* load(Value* at, Value* lane, int v = 0);
  void store(Value* x, Value* at, Value* lane, int v = 0);

  Value* scale();
  Value* zero() { return llvm::Constant::getNullValue(e_.vector(dtype_)); }
  Value* lowest() { return llvm::ConstantFP::getInfinity(e_.vector(dtype_), /*Negative=*/true); }
  Value* fma(Value* x, Value* y, Value* sum);
  Value* add(Value* a, Value* b) { return e_.b.CreateAdd(a, b); }
  Value* mul(Value* a, Value* b) { return e_.b.CreateMul(a, b); }
  Value* smin(Value* a, Value* b);
  Value* smax(Value* a, Value* b);
  Value* ceil_div(Value* a, Value* b);
  Value* ahead(Value* at, Value* elements) {
    return e_.b.CreateInBoundsGEP(e_.element(dtype_), at, elements);
  }
  llvm::Align alignment() const { return llvm::Align(size_of(dtype_)); }

  Emitter& e_;
  const Section& section_;
  DType dtype_;

 private:
  Values sum(const LaneProduct& product, Value* line, const Values& start);

  int lines_;  // of a tile
  ir::ScalarProgram exp_;
};

}  // namespace weft::codegen::cpu
