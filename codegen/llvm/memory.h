// Reads and writes of vectors: contiguous, spread by offsets, under masks, and element by element.
#pragma once

#include <functional>
#include <span>

#include "codegen/llvm/emitter.h"

namespace weft::codegen::cpu {

/// Between registers, where a bool is i1, and memory, where it is a byte.
Value* to_stored(Emitter& e, DType dtype, Value* value);
Value* from_stored(Emitter& e, DType dtype, Value* value);

/// The element at `at`; with a mask (i1, may be null) 0 and untouched memory where it is off.
Value* load_one(Emitter& e, DType dtype, Value* at, Value* mask);
void store_one(Emitter& e, DType dtype, Value* value, Value* at, Value* mask);

/// Has the caches fetch the row that lies `elements` beyond `at`. It need not exist.
void prefetch_row(Emitter& e, DType dtype, Value* at, Value* elements);

/// width elements in a row. Lanes that are off read as anything (under `mask` as 0), and no memory
/// is touched for them.
Value* load_row(Emitter& e, DType dtype, Value* at, Value* mask, const Active& active);
void store_row(Emitter& e, DType dtype, Value* value, Value* at, Value* mask, const Active& active);
/// As store_row, for what a kernel leaves behind: a streaming kernel's whole vectors go past the
/// caches where they start at a multiple of their size.
void store_output_row(Emitter& e, DType dtype, Value* value, Value* at, Value* mask,
                      const Active& active);

/// width elements at `at` + offsets (<width x i64>, elements). Where stores collide the last lane
/// wins.
Value* load_spread(Emitter& e, DType dtype, Value* at, Value* offsets, Value* mask,
                   const Active& active);
void store_spread(Emitter& e, DType dtype, Value* value, Value* at, Value* offsets, Value* mask,
                  const Active& active);

/// each(lane, elements) for every lane that is on, in order; elements are those of `vectors`.
void for_each_lane(Emitter& e, std::span<Value* const> vectors, Value* mask, const Active& active,
                   const std::function<void(Value* lane, std::span<Value* const> elements)>& each);

}  // namespace weft::codegen::cpu
