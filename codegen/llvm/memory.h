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

/// The nearest cache that prefetching fills, by LLVM's number.
enum class Cache : unsigned { second = 2, first = 3 };
/// Has the caches fetch the lines of `bytes` bytes at `at`. They need not exist.
void prefetch(Emitter& e, Value* at, std::int64_t bytes, Cache cache);

/// width elements in a row. Lanes that are off read as anything (under `mask` as 0), and no memory
/// is touched for them.
Value* load_row(Emitter& e, DType dtype, Value* at, Value* mask, const Active& active);
void store_row(Emitter& e, DType dtype, Value* value, Value* at, Value* mask, const Active& active);
/// Of a vector in memory, what one register holds.
std::int64_t register_bytes(Emitter& e, DType dtype);
/// Is an address, or a distance, of so many bytes a multiple of a register's? Then vectors there
/// may go past the caches.
Value* is_aligned(Emitter& e, DType dtype, Value* bytes);
void store_past_caches(Emitter& e, DType dtype, Value* value, Value* at);
/// As store_row, for what a kernel leaves behind: a streaming kernel's whole vectors go past the
/// caches where they are aligned.
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
