// Fork and join over ranges of units. The calling thread takes part; workers spin for a short while
// after their last work and then sleep. Nobody waits for a sleeping worker: what it did not begin,
// the caller takes back. Whoever finds the pool busy (another thread, or a nested call) runs alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace weft::runtime {

inline constexpr double fork_ns = 10'000;  // less work than this stays on its caller
inline constexpr double share_ns = 5'000;  // the least work that is worth one more thread
inline constexpr double wake_ns = 20'000;  // the least work ahead that is worth waking a sleeper

/// Units [begin, end) may run in any order and on any thread, in ranges.
struct ParallelWork {
  void (*run)(void* context, std::int64_t begin, std::int64_t end);
  void* context;
  std::int64_t units;
  double cost_ns;       // an estimate of all units on one thread
  double ahead_ns = 0;  // of the work that follows at once
  int ranges_per_thread = 4;
  std::size_t scratch_bytes = 0;  // that thread_scratch must have: others without them take no part
};

/// Returns when every unit ran. Rethrows the first exception; then some units may not have run.
void parallel_run(const ParallelWork& work);

template <class Body>
void parallel_for(std::int64_t units, double cost_ns, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  parallel_run({[](void* context, std::int64_t begin, std::int64_t end) {
                  (*static_cast<Plain*>(context))(begin, end);
                },
                const_cast<std::remove_const_t<Plain>*>(&body), units, cost_ns});
}

/// 64-byte aligned memory of the calling thread, valid until its next call; null for 0 bytes.
void* thread_scratch(std::size_t bytes);

}  // namespace weft::runtime
