// Rows in shared memory: a warp copies the row that it reads by asynchronous copies of 16 bytes,
// all under way at once, and walks it there as often as the kernel does; what the kernel keeps for
// later sections lies there too, over a copied row where nothing reads that any more. So each row
// is read from device memory once, and registers do not limit its length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codegen/kernel.h"

namespace weft::codegen::cuda {

struct SharedRows {
  int warps = 0;            // of a block, each with rows of its own; 0: no rows in shared memory
  int capacity = 0;         // elements of a row: the launch's, rounded up so that few texts differ
  int unit = 0;             // bytes of an element, the largest of all that lie there
  int slots = 0;            // rows of a warp
  std::vector<int> copied;  // of each access, its slot; -1: read where it lies
  std::vector<int> kept;    // of each kept value, in the order of sections and their keeps

  bool any() const { return warps > 0; }
  int row_bytes() const { return capacity * unit; }
  int block_bytes() const { return warps * slots * row_bytes(); }
};

/// Static shared memory of a block, which every device has.
inline constexpr int shared_bytes = 48 << 10;

/// For kernels whose lanes lie along the row; offsets as in schedule().
SharedRows shared_rows(const Kernel& kernel, std::span<const std::int64_t> params,
                       std::span<const std::int64_t> offsets);

}  // namespace weft::codegen::cuda
