#include "runtime/pool.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace weft::runtime;

namespace {

bool aligned(const void* data, std::size_t to) {
  return reinterpret_cast<std::uintptr_t>(data) % to == 0;
}

constexpr std::size_t mebibyte = std::size_t{1} << 20;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool pooling = false;
#else
constexpr bool pooling = true;
#endif

}  // namespace

TEST_CASE("buffers of every size are aligned and hold their bytes") {
  for (std::size_t bytes : {1, 63, 64, 65, 256, 257, 4096, 100'000, 2'097'088, 2'097'089, 2'097'152,
                            2'097'153, 5'000'000}) {
    CAPTURE(bytes);
    const Buffer buffer = allocate(bytes);
    CHECK(buffer.bytes == bytes);
    CHECK(aligned(buffer.data(), 64));
    std::memset(buffer.data(), 0xab, bytes);
  }
}

TEST_CASE("a buffer without bytes has an address, and costs nothing") {
  const std::size_t before = pool_stats().live_bytes;
  const Buffer empty = allocate(0);
  CHECK(empty.data() != nullptr);
  CHECK(aligned(empty.data(), 64));
  CHECK(pool_stats().live_bytes == before);
}

TEST_CASE("large blocks begin on huge pages, a quarter of a small page apart") {
  if (!pooling) return;
  std::vector<Block> blocks;
  std::set<std::uintptr_t> offsets;
  for (int k = 0; k < 16; ++k) {  // some may be reused ones, whose turns were others
    blocks.emplace_back(6 * mebibyte);
    offsets.insert(reinterpret_cast<std::uintptr_t>(blocks.back().data()) % (2 * mebibyte));
    std::memset(blocks.back().data(), 0, 6 * mebibyte);
  }
  CHECK(offsets == std::set<std::uintptr_t>{0, 1024, 2048, 3072});
}

TEST_CASE("a freed block is given out again for the same size") {
  if (!pooling) return;
  for (std::size_t bytes : {std::size_t{1000}, 100 * std::size_t{1024}, 8 * mebibyte}) {
    void* first = allocate(bytes).data();
    const std::size_t reused = pool_stats().reused;
    const Buffer second = allocate(bytes);
    CHECK(second.data() == first);
    CHECK(pool_stats().reused == reused + 1);
  }
}

TEST_CASE("live, peak and pooled bytes are counted") {
  const PoolStats before = pool_stats();
  reset_pool_peak();
  {
    const Buffer a = allocate(3 * mebibyte);
    const Buffer b = allocate(5000);
    CHECK(pool_stats().live_bytes >= before.live_bytes + 3 * mebibyte + 5000);
  }
  const PoolStats after = pool_stats();
  CHECK(after.live_bytes == before.live_bytes);
  CHECK(after.peak_bytes >= before.live_bytes + 3 * mebibyte + 5000);
  CHECK((!pooling || after.pooled_bytes >= 3 * mebibyte));
  trim_pool();
  CHECK(pool_stats().pooled_bytes < mebibyte);
}

TEST_CASE("no more than the limit is kept") {
  const std::size_t limit = pool_stats().limit_bytes;
  CHECK(limit > 0);
  for (int k = 1; k <= 5; ++k) Block(limit / 3 * static_cast<std::size_t>(k) / 2);
  CHECK(pool_stats().pooled_bytes <= limit);
  trim_pool();
}

TEST_CASE("what is not needed while 4 GiB are given out, twice, goes back to the system") {
  if (!pooling || pool_stats().limit_bytes < 200 * mebibyte) return;
  const auto give_out = [](std::size_t bytes) {  // without touching it
    for (std::size_t given = 0; given < 8200 * mebibyte; given += bytes) Block(bytes).data();
  };
  trim_pool();
  { const Block a(40 * mebibyte), b(40 * mebibyte), c(mebibyte); }
  CHECK(pool_stats().pooled_bytes >= 81 * mebibyte);
  give_out(64 * mebibyte);
  CHECK(pool_stats().pooled_bytes >= 64 * mebibyte);  // needed all the time
  CHECK(pool_stats().pooled_bytes < 65 * mebibyte);
  const std::size_t fresh = pool_stats().fresh;
  give_out(64 * mebibyte);
  CHECK(pool_stats().fresh == fresh);
  trim_pool();
}

TEST_CASE("small blocks let large ones go, too, and blocks that are needed stay") {
  if (!pooling || pool_stats().limit_bytes < 200 * mebibyte) return;
  trim_pool();
  Block(40 * mebibyte).data();
  for (int k = 0; k < 2'100'000; ++k) {
    if (k % 100'000 == 0) Block(20 * mebibyte).data();
    Block(64).data();
  }
  CHECK(pool_stats().pooled_bytes >= 20 * mebibyte);
  CHECK(pool_stats().pooled_bytes < 21 * mebibyte);
  trim_pool();
}

TEST_CASE("memory that cannot be had is an error that names the bytes") {
  CHECK_THROWS_WITH_AS(allocate(std::size_t{1} << 60),
                       "allocate: out of memory, cannot get 1152921504606846976 bytes",
                       weft::Error);
  CHECK_THROWS_AS(allocate(~std::size_t{0}), weft::Error);
}

TEST_CASE("a moved block has one owner") {
  const std::size_t before = pool_stats().live_bytes;
  {
    Block a(1000);
    void* data = a.data();
    Block b(std::move(a));
    CHECK(b.data() == data);
    CHECK(a.data() == nullptr);
    a = Block(2000);
    a = std::move(b);
    CHECK(a.data() == data);
  }
  CHECK(pool_stats().live_bytes == before);
}

TEST_CASE("buffers handed between threads stay whole and all come back") {
  const std::size_t before = pool_stats().live_bytes;
  std::vector<Buffer> made(4);
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<Buffer> held(16);
    for (int k = 0; k < 2000; ++k) {
      Buffer& slot = held[random() % held.size()];
      if (slot.bytes > 0) CHECK(*static_cast<unsigned char*>(slot.data()) == (slot.bytes & 0xff));
      slot = allocate(1 + random() % (k % 100 == 0 ? 5'000'000 : 40'000));
      *static_cast<unsigned char*>(slot.data()) = static_cast<unsigned char>(slot.bytes & 0xff);
    }
    made[seed] = held[0];
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned k = 0; k < 4; ++k) threads.emplace_back(work, k);
  }
  made.clear();
  CHECK(pool_stats().live_bytes == before);
}
