// How a contract kernel is blocked for caches: shared by the emitter of products and the formula
// of their scratch. Blocks of k are ir::dot_block long, because that is part of the meaning.
//
// Scratch of one thread, in this order: rows on their way into panels, panels of A, panels of B,
// and partial C. Rows and columns are padded to whole micro-tiles, so micro-kernels need no masks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "codegen/kernel.h"
#include "ir/reduce_order.h"

namespace weft::codegen {

inline constexpr std::int64_t block_rows = 96;       // of A packed at a time, at most
inline constexpr std::int64_t block_columns = 1024;  // of B packed at a time, at most
inline constexpr std::int64_t super_rows = 1152;     // rows whose partial C is held, at most
// Bounds of any target's micro-tile and vectors, in elements.
inline constexpr std::int64_t max_tile_rows = 8;
inline constexpr std::int64_t max_tile_columns = 64;
inline constexpr std::int64_t max_group = 8;     // rows that are transposed together
inline constexpr std::int64_t max_overrun = 16;  // steps of k that a transposition may write beyond

constexpr std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

// Elements of each part. Sizes that do not depend on the product come first.
inline constexpr std::int64_t row_buffer_elements = max_group * ir::dot_block;
inline constexpr std::int64_t packed_a_elements =
    (block_rows + max_tile_rows) * ir::dot_block + max_overrun * max_tile_rows;

constexpr std::int64_t packed_b_elements(std::int64_t columns) {
  return round_up(std::min(columns, block_columns), max_tile_columns) * ir::dot_block +
         max_overrun * max_tile_columns;
}
constexpr std::int64_t partial_c_elements(std::int64_t rows, std::int64_t columns) {
  return (std::min(rows, super_rows) + max_tile_rows) *
         round_up(std::min(columns, block_columns), max_tile_columns);
}

}  // namespace weft::codegen
