#include "runtime/once_cache.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

using weft::runtime::OnceCache;

TEST_CASE("a value is made once and found afterwards, even where hashes collide") {
  OnceCache<std::string, int> cache(100);
  int made = 0;
  const auto get = [&](const std::string& key, int value) {
    return cache.get(7, key, [&] { return ++made, value; });
  };
  CHECK(get("a", 1).made);
  CHECK(get("b", 2).made);
  CHECK(get("a", 3).value == 1);
  CHECK(get("b", 3).value == 2);
  CHECK(!get("b", 3).made);
  CHECK(made == 2);
  cache.clear();
  CHECK(get("a", 3).value == 3);
}

TEST_CASE("threads that ask for one value at once get the one that was made") {
  OnceCache<int, int> cache(100);
  std::atomic<int> made{0}, sum{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (int key = 0; key < 50; ++key)
          sum += cache.get(static_cast<std::uint64_t>(key), key, [&] { return ++made, key; }).value;
      });
  }
  CHECK(made == 50);
  CHECK(sum == 4 * 49 * 50 / 2);
}

TEST_CASE("a failure reaches the caller and is tried again") {
  OnceCache<int, int> cache(100);
  CHECK_THROWS_WITH_AS(cache.get(1, 1, []() -> int { throw std::runtime_error("no"); }), "no",
                       std::runtime_error);
  CHECK(cache.size() == 0);
  CHECK(cache.get(1, 1, [] { return 5; }).value == 5);
}

TEST_CASE("a full cache drops what was used least recently") {
  OnceCache<int, int> cache(8);
  const auto get = [&](int key) {
    return cache.get(static_cast<std::uint64_t>(key), key, [&] { return key; });
  };
  for (int key = 0; key < 8; ++key) get(key);
  CHECK(!get(0).made);  // used again: younger than 1, 2, 3
  get(8);
  CHECK(cache.size() <= 8);
  CHECK(!get(0).made);
  CHECK(!get(8).made);
  CHECK(get(1).made);
}
