#include "tests/frontend/check.h"

using namespace weft;

TEST_CASE("memory_stats tells what tensors hold, and empty_cache gives back what none holds") {
  constexpr std::size_t bytes = std::size_t{4} << 20;
  empty_cache();
  const MemoryStats before = memory_stats();
  reset_peak_memory_stats();
  {
    const Tensor x = full({1 << 20}, 2.5);
    x.data_ptr();
    CHECK(memory_stats().live_bytes >= before.live_bytes + bytes);
  }
  const MemoryStats after = memory_stats();
  CHECK(after.live_bytes < before.live_bytes + bytes);
  CHECK(after.peak_bytes >= before.live_bytes + bytes);
  CHECK(after.limit_bytes == before.limit_bytes);
  empty_cache();
  CHECK(memory_stats().pooled_bytes < bytes);
}
