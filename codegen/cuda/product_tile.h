// How a product is divided on the device: a block computes a square tile of the result, a thread a
// square of it in registers; both factors pass through shared memory in slices of k. Slices end
// where a block of ir::dot_block ends, so that sums are cut where their meaning cuts them.
#pragma once

#include "ir/reduce_order.h"

namespace weft::codegen::cuda {

inline constexpr int tile_side = 64;              // rows and columns of the result per block
inline constexpr int thread_side = 4;             // and per thread
inline constexpr int tile_depth = 16;             // steps of k in shared memory at a time
inline constexpr int tile_pitch = tile_side + 4;  // keeps stores along k off one bank
inline constexpr int product_threads = (tile_side / thread_side) * (tile_side / thread_side);
static_assert(ir::dot_block % tile_depth == 0);
static_assert(tile_side * tile_depth % product_threads == 0);

}  // namespace weft::codegen::cuda
