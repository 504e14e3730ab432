// What a launch lets the text of its kernel assume, and the grid that runs it. Texts of equal
// schedules serve every launch that has them; sizes stay run-time arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "codegen/cuda/rows.h"
#include "codegen/kernel.h"
#include "codegen/program.h"

namespace weft::codegen::cuda {

inline constexpr int turned_side = 32;          // of a square of two axes
inline constexpr int turned_rows_per_turn = 8;  // that a block of threads takes at once
inline constexpr int pack_size = 4;  // elements of the last axis that a thread takes together

struct Schedule {
  /// Every index, address and parameter fits 31 bits.
  bool narrow = false;
  /// Elementwise kernels: a thread takes packs of the last axis, `copies` of them at a time, so
  /// that so many accesses of 16 bytes are in flight. 0: single elements.
  int copies = 0;
  /// The last axis may end inside a pack.
  bool ragged = false;
  std::vector<bool> packed;  // accesses that move whole packs
  SharedRows rows;           // lanes along the row
  /// Elementwise kernels: arrays that lie side by side along this axis go through shared memory in
  /// squares; -1: none do.
  int turned = -1;

  bool in_packs() const { return copies > 0; }
};

/// params and offsets (in elements, of each access from memory that is aligned to 64 bytes) are a
/// launch's.
Schedule schedule(const Kernel& kernel, std::span<const std::int64_t> params,
                  std::span<const std::int64_t> offsets);

/// Of a launch of a program.
Schedule schedule(const Launch& launch);

struct LaunchShape {
  unsigned blocks = 1, threads = 1;
  std::size_t scratch_bytes = 0;  // of device memory, for rows that are kept
};
/// Nothing is to be launched where the kernel has no index (blocks is 0).
LaunchShape launch_shape(const Kernel& kernel, const Schedule& schedule,
                         std::span<const std::int64_t> params);
LaunchShape launch_shape(const Launch& launch);

}  // namespace weft::codegen::cuda
