// How a contract kernel is blocked for caches: shared by the emitter of products and the formula
// of their scratch. Sums are cut into blocks of ir::dot_block, because that is part of the meaning;
// panels are deeper, so that a tile of C adds several such blocks while it is in the first cache.
//
// Scratch of one thread, in this order: rows on their way into panels, panels of A, panels of B,
// and C. Rows and columns are padded to whole micro-tiles, so micro-kernels need no masks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "codegen/kernel.h"
#include "ir/reduce_order.h"

namespace weft::codegen {

inline constexpr std::int64_t block_rows = 96;                  // of A packed at a time, at most
inline constexpr std::int64_t block_columns = 1024;             // of B packed at a time, at most
inline constexpr std::int64_t block_depth = 4 * ir::dot_block;  // steps of k packed at a time
inline constexpr std::int64_t super_rows = 1152;  // rows whose partial C is held, if k is deeper
// B is read where it lies, not packed, if its rows are contiguous and it is
// small, or few rows of A need it.
inline constexpr std::size_t in_place_bytes = 1 << 20;
inline constexpr std::int64_t in_place_rows = 128;
// Columns of C that one unit makes, where all rows together are one unit: whole panels of any
// target's micro-tile, as long as there are such.
inline constexpr std::int64_t unit_columns = 96;
// Bounds of any target's micro-tile and vectors, in elements.
inline constexpr std::int64_t max_tile_rows = 8;
inline constexpr std::int64_t max_tile_columns = 64;
inline constexpr std::int64_t max_group = 8;     // rows that are transposed together
inline constexpr std::int64_t max_overrun = 16;  // steps of k that a transposition may write beyond
inline constexpr std::int64_t panel_alignment = 16;
// Elements between rows on their way into panels; not a power of two, which caches dislike.
inline constexpr std::int64_t row_buffer_pitch = block_depth + 32;

constexpr std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

// Elements of each part, for a product of m x k times k x n.
inline constexpr std::int64_t row_buffer_elements = max_group * row_buffer_pitch;
constexpr std::int64_t packed_a_elements(std::int64_t k) {
  // Whole cache lines, so that the panels of B that follow begin with one.
  std::int64_t depth = round_up(std::min(k, block_depth), panel_alignment);
  return (block_rows + max_tile_rows) * depth + max_overrun * max_tile_rows;
}
constexpr std::int64_t packed_b_elements(std::int64_t n, std::int64_t k) {
  return round_up(std::min(n, block_columns), max_tile_columns) * std::min(k, block_depth) +
         max_overrun * max_tile_columns;
}
constexpr std::int64_t c_elements(std::int64_t m, std::int64_t n, std::int64_t k) {
  if (k <= block_depth) return (block_rows + max_tile_rows) * max_tile_columns;
  return (std::min(m, super_rows) + max_tile_rows) *
         round_up(std::min(n, block_columns), max_tile_columns);
}

}  // namespace weft::codegen
