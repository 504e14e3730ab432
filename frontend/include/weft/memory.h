// How much of the CPU's memory tensors use, and what is kept for those to come. Memory of CUDA
// devices is not in it.
#pragma once

#include <cstddef>

#include <weft/error.h>

namespace weft {

/// Bytes of all threads, exact but for what other threads did last with small tensors (less than
/// 64 KiB each). Memory from outside (from_blob) is not counted.
struct MemoryStats {
  std::size_t live_bytes = 0;    ///< In use: tensors, and temporaries of calls that run now.
  std::size_t peak_bytes = 0;    ///< The most that was in use at once.
  std::size_t pooled_bytes = 0;  ///< Freed and kept for reuse.
  std::size_t limit_bytes = 0;   ///< The most that is kept: WEFT_POOL_LIMIT.
};

/// As torch.cuda.memory_stats, but of the CPU. `weft info` prints the same.
WEFT_API MemoryStats memory_stats();

/// Counts peak_bytes anew, from what is in use now.
WEFT_API void reset_peak_memory_stats();

/// Gives all memory that is kept for reuse back to the system, but for the small blocks (up to
/// 32 KiB) that other threads keep for themselves. As torch.cuda.empty_cache, but of the CPU. It is
/// seldom needed: what was not used while 4 GiB were given out goes back by itself. Compiled
/// programs stay.
WEFT_API void empty_cache();

}  // namespace weft
