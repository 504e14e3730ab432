// Packing of a product's factor into panels. A panel holds `width` consecutive rows of A or columns
// of B ("lines"); its step k holds their elements at k, side by side. What is packed is whatever
// the factor's body computes, so casts, scales, masks and transpositions cost no pass of their own.
#pragma once

#include "codegen/llvm/body.h"

namespace weft::codegen::cpu {

/// The lines and steps of k that are packed, as indices of the kernel's axes.
struct PackRange {
  Value* first_line;
  Value* lines;  // how many
  Value* first_k;
  Value* depth;  // how many steps of k
};

class Packer {
 public:
  /// `line_axis` is m or n. rows: scratch of row_buffer_elements.
  Packer(Emitter& emitter, std::span<const Inst> body, Reg result, DType dtype, int line_axis,
         Value* rows);

  /// Panels of `width` lines each, at `to`, one after another; `index` gives the batch axes. May
  /// write max_overrun steps beyond the last panel; lines beyond the last one hold anything.
  void pack(std::span<Value* const> index, const PackRange& range, int width, Value* to);

 private:
  bool lanes_on_k() const;
  void pack_transposed(Value* line, Value* lines, int width, Value* to);
  void fill_rows(Value* line, Value* lines, int group);
  void transpose_rows(int group, int width, Value* to);
  void pack_direct(Value* line, Value* lines, int width, Value* to);
  Emitter::Values interleave(Emitter::Values vectors);
  Value* part(Value* vector, int first, int count);
  void store(Value* vector, Value* at);
  Value* ahead(Value* at, Value* elements);

  Emitter& e_;
  DType dtype_;
  Reg result_;
  int line_axis_, k_axis_;
  BodyPlan plan_;
  Outers nothing_;
  Value* rows_;
  std::vector<Value*> index_;
  PackRange range_{};
};

}  // namespace weft::codegen::cpu
