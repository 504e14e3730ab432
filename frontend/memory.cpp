#include <weft/memory.h>

#include "runtime/pool.h"

namespace weft {

MemoryStats memory_stats() {
  const runtime::PoolStats stats = runtime::pool_stats();
  return {stats.live_bytes, stats.peak_bytes, stats.pooled_bytes, stats.limit_bytes};
}

void reset_peak_memory_stats() { runtime::reset_pool_peak(); }

void empty_cache() { runtime::trim_pool(); }

}  // namespace weft
