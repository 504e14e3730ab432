#include "runtime/thread_pool.h"

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include <weft/error.h>
#include "runtime/engine.h"

using namespace weft::runtime;

namespace {

constexpr double much_ns = 1e6;  // enough for a fork

/// Sets the thread count and restores it.
struct WithThreads {
  explicit WithThreads(int threads) : before(thread_count()) { set_thread_count(threads); }
  ~WithThreads() { set_thread_count(before); }
  int before;
};

/// How often each unit ran.
std::vector<int> run_units(std::int64_t units, double cost_ns) {
  std::vector<int> runs(static_cast<std::size_t>(units), 0);
  parallel_for(units, cost_ns, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) ++runs[static_cast<std::size_t>(k)];
  });
  return runs;
}

bool each_once(const std::vector<int>& runs) {
  for (int times : runs)
    if (times != 1) return false;
  return true;
}

/// Made before the pool, so destroyed after it: work at that time must still be done.
struct LateWork {
  ~LateWork() {
    if (!each_once(run_units(64, much_ns))) std::_Exit(3);
  }
} late_work;

}  // namespace

TEST_CASE("every unit runs once, whatever the number of threads and units") {
  for (int threads : {1, 2, 5}) {
    const WithThreads with(threads);
    CHECK(thread_count() == threads);
    for (std::int64_t units : {0, 1, 2, 3, 7, 64, 1000})
      for (int repeat = 0; repeat < 20; ++repeat) CHECK(each_once(run_units(units, much_ns)));
  }
}

TEST_CASE("little work stays on its caller") {
  const WithThreads with(4);
  std::vector<std::thread::id> ids(100);
  parallel_for(100, fork_ns / 2, [&](std::int64_t begin, std::int64_t end) {
    CHECK(begin == 0);
    CHECK(end == 100);
    for (std::int64_t k = begin; k < end; ++k)
      ids[static_cast<std::size_t>(k)] = std::this_thread::get_id();
  });
  for (const auto& id : ids) CHECK(id == std::this_thread::get_id());
}

TEST_CASE("much work is seen by several threads") {
  const WithThreads with(2);
  std::atomic<int> arrived{0};
  // Each of the two units waits for the other, so one thread alone could not finish them.
  parallel_for(2, much_ns, [&](std::int64_t begin, std::int64_t end) {
    CHECK(end - begin == 1);
    arrived.fetch_add(1);
    while (arrived.load() < 2) std::this_thread::yield();
  });
  CHECK(arrived.load() == 2);
}

TEST_CASE("a nested call runs on the thread that makes it") {
  const WithThreads with(3);
  std::vector<int> runs(64 * 8, 0);
  parallel_for(64, much_ns, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t outer = begin; outer < end; ++outer) {
      const auto id = std::this_thread::get_id();
      parallel_for(8, much_ns, [&](std::int64_t inner_begin, std::int64_t inner_end) {
        CHECK(id == std::this_thread::get_id());
        for (std::int64_t k = inner_begin; k < inner_end; ++k)
          ++runs[static_cast<std::size_t>(outer * 8 + k)];
      });
    }
  });
  CHECK(each_once(runs));
}

TEST_CASE("several threads use the pool at once") {
  const WithThreads with(3);
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 4; ++caller)
      callers.emplace_back([&] {
        for (int repeat = 0; repeat < 200; ++repeat)
          if (!each_once(run_units(37, much_ns))) wrong.fetch_add(1);
      });
  }
  CHECK(wrong.load() == 0);
}

TEST_CASE("the thread count changes while others run") {
  const WithThreads with(2);
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 2; ++caller)
      callers.emplace_back([&] {
        for (int repeat = 0; repeat < 100; ++repeat)
          if (!each_once(run_units(37, much_ns))) wrong.fetch_add(1);
      });
    for (int repeat = 0; repeat < 20; ++repeat) set_thread_count(1 + repeat % 4);
  }
  CHECK(wrong.load() == 0);
}

TEST_CASE("an exception of a unit reaches the caller, and the pool goes on working") {
  for (int threads : {1, 2, 5}) {
    const WithThreads with(threads);
    for (std::int64_t bad : {0, 50, 99}) {
      CHECK_THROWS_WITH_AS(parallel_for(100, much_ns,
                                        [&](std::int64_t begin, std::int64_t end) {
                                          if (begin <= bad && bad < end)
                                            throw std::runtime_error("unit failed");
                                        }),
                           "unit failed", std::runtime_error);
      CHECK(each_once(run_units(100, much_ns)));
    }
  }
}

TEST_CASE("a thread count that makes no sense is an error") {
  CHECK_THROWS_WITH_AS(set_thread_count(0),
                       "set_thread_count: expected an integer from 1 to 1024, got 0", weft::Error);
  CHECK_THROWS_AS(set_thread_count(-3), weft::Error);
  CHECK_THROWS_AS(set_thread_count(1000000), weft::Error);
  const WithThreads with(2);
  CHECK_THROWS_AS(parallel_for(8, much_ns, [](std::int64_t, std::int64_t) { set_thread_count(3); }),
                  weft::Error);
}

TEST_CASE("short pieces of work wake a sleeping worker together, though none of them would") {
  const WithThreads with(2);
  run_units(2, much_ns);  // starts the worker
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto caller = std::this_thread::get_id();
  std::atomic<bool> helped{false};
  for (int piece = 0; piece < 20000 && !helped; ++piece)
    parallel_for(2, fork_ns, [&](std::int64_t, std::int64_t) {
      if (std::this_thread::get_id() != caller) helped = true;
      const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(10);
      while (std::chrono::steady_clock::now() < end) {
      }
    });
  CHECK(helped);
}

TEST_CASE("scratch is aligned, private to its thread, and keeps its address") {
  CHECK(thread_scratch(0) == nullptr);
  void* here = thread_scratch(1000);
  CHECK(reinterpret_cast<std::uintptr_t>(here) % 64 == 0);
  CHECK(thread_scratch(500) == here);
  void* there = nullptr;
  std::thread([&] { there = thread_scratch(1000); }).join();
  CHECK(there != here);
}

TEST_CASE("units run in the caller's rounding mode") {
  const WithThreads with(2);
  for (int mode : {FE_UPWARD, FE_TONEAREST}) {
    std::fesetround(mode);
    std::atomic<int> arrived{0}, wrong{0};
    parallel_for(2, much_ns, [&](std::int64_t, std::int64_t) {
      if (std::fegetround() != mode) wrong.fetch_add(1);
      arrived.fetch_add(1);
      while (arrived.load() < 2) std::this_thread::yield();
    });
    CHECK(wrong.load() == 0);
  }
}

#if !defined(__SANITIZE_THREAD__)
TEST_CASE("a forked child has a pool of its own and ends cleanly") {
  const WithThreads with(2);
  CHECK(each_once(run_units(64, much_ns)));
  const pid_t child = fork();
  if (child == 0) _exit(thread_count() == 2 && each_once(run_units(64, much_ns)) ? 0 : 1);
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
#endif
