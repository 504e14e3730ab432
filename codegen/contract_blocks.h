// How a contract kernel is blocked for caches: shared by the emitter of products and by the formula
// of their scratch. Blocks of k are ir::dot_block long, because that is part of the meaning.
//
// Scratch of one thread, in this order: panels of A, panels of B, partial C (several blocks of k)
// or a block of it. Rows are padded to whole micro-tiles, so micro-kernels need no masks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "codegen/kernel.h"
#include "ir/reduce_order.h"

namespace weft::codegen {

inline constexpr std::int64_t block_rows = 192;      // of A packed at a time, at most
inline constexpr std::int64_t block_columns = 1024;  // of B packed at a time, at most
inline constexpr std::int64_t super_rows = 1152;     // rows whose partial C is held, at most
inline constexpr std::int64_t max_tile_rows = 16;    // bounds of any target's micro-tile
inline constexpr std::int64_t max_tile_columns = 64;

constexpr std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

/// Elements of each part of the scratch, for a product of m x n results.
constexpr std::int64_t packed_a_elements() { return (block_rows + max_tile_rows) * ir::dot_block; }
constexpr std::int64_t packed_b_elements(std::int64_t n) {
  return round_up(std::min(n, block_columns), max_tile_columns) * ir::dot_block;
}
constexpr std::int64_t partial_c_elements(std::int64_t m, std::int64_t n) {
  return (std::min(m, super_rows) + max_tile_rows) *
         round_up(std::min(n, block_columns), max_tile_columns);
}

}  // namespace weft::codegen
