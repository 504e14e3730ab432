// Packing of a product's factor into panels. A panel holds some consecutive rows of A or columns of
// B ("lines"); each step of k in it holds their elements at that k, side by side. What is packed is
// whatever the factor's body computes, so casts, scales, masks and transpositions cost no extra
// pass.
#pragma once

#include "codegen/llvm/body.h"

namespace weft::codegen::cpu {

/// How lines are divided into panels: the first `full` lines (null: all) into panels of `width`,
/// the others into panels of `tail_width`. Both are multiples of the step of the packer.
struct Panels {
  int width;
  int tail_width;
  Value* full = nullptr;
};

/// The part of a factor that is packed, as indices of the kernel's axes.
struct PackRange {
  Value* first_line;
  Value* lines;  // how many
  Value* first_k;
  Value* depth;  // steps of k
};

/// One factor of a product.
struct Factor {
  std::span<const Inst> body;
  Reg result;
  DType dtype;
  int line_axis;  // m or n
};

class Packer {
 public:
  /// rows: scratch of row_buffer_elements.
  Packer(Emitter& emitter, const Factor& factor, const Panels& panels, Value* rows);

  /// Panels one after another at `to`; `index` gives the batch axes. May write max_overrun steps
  /// beyond the last panel; lines beyond the range hold anything.
  void pack(std::span<Value* const> index, const PackRange& range, Value* to);

 private:
  struct Spot {
    Value* at;      // of a line's first step of k
    Value* stride;  // between steps
  };
  Spot spot(Value* line);
  void pack_rows(Value* line);
  void transpose_rows(const Spot& to);
  void scatter(const Emitter::Values& columns, const Spot& to, Value* k);
  void pack_lines(Value* k);
  Emitter::Values interleave(Emitter::Values vectors);
  Value* lanes(Value* vector, int first, int count);
  Value* ahead(Value* at, Value* elements);
  void store(Value* vector, Value* at);

  Emitter& e_;
  Factor factor_;
  Panels panels_;
  bool lanes_on_k_;
  int step_;   // lines packed at a time
  int group_;  // rows that are transposed together: step_, rounded up to a power of two
  BodyPlan plan_;
  Outers nothing_;
  Value* rows_;
  std::vector<Value*> index_;
  PackRange range_{};
  Value* to_ = nullptr;
};

}  // namespace weft::codegen::cpu
