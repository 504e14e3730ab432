#include "tools/bench/limits.h"

#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <new>
#include <thread>
#include <vector>

#include "runtime/thread_pool.h"

namespace weft::bench {

namespace {

constexpr std::size_t elements = 32u << 20;  // 128 MiB of f32
constexpr std::size_t half_page = 2048;

/// Floats on huge pages, `offset` bytes behind a multiple of 2 MiB: two arrays that are walked
/// together are fastest half a small page apart.
class Array {
 public:
  explicit Array(std::size_t offset = 0) {
    bytes_ = elements * sizeof(float) + huge + offset;
    void* memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    base_ = memory;
    const auto address = (reinterpret_cast<std::size_t>(memory) + huge - 1) / huge * huge;
    data_ = reinterpret_cast<float*>(address + offset);
    madvise(reinterpret_cast<void*>(address), elements * sizeof(float), MADV_HUGEPAGE);
    std::memset(data_, 1, elements * sizeof(float));
  }
  ~Array() { munmap(base_, bytes_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  float* data() const { return data_; }

 private:
  static constexpr std::size_t huge = 2u << 20;
  std::size_t bytes_;
  void* base_;
  float* data_;
};

__attribute__((target("avx"))) void copy_streaming(const float* from, float* to, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 8) _mm256_stream_ps(to + i, _mm256_loadu_ps(from + i));
  _mm_sfence();
}

__attribute__((target("avx"))) float read_all(const float* from, std::size_t n) {
  __m256 sums[8] = {};
  for (std::size_t i = 0; i < n; i += 64) {
    for (std::size_t k = 0; k < 8; ++k)
      sums[k] = _mm256_add_ps(sums[k], _mm256_loadu_ps(from + i + 8 * k));
  }
  float lanes[8], total = 0;
  for (const __m256& s : sums) {
    _mm256_storeu_ps(lanes, s);
    total += lanes[0];
  }
  return total;
}

constexpr int fma_rounds = 200000;
constexpr int fma_chains = 12;

__attribute__((target("avx512f"))) float fma_512_ps() {
  __m512 a[fma_chains], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
  for (auto& v : a) v = y;
  for (int r = 0; r < fma_rounds; ++r) {
#pragma GCC unroll 12
    for (int k = 0; k < fma_chains; ++k) a[k] = _mm512_fmadd_ps(a[k], x, y);
  }
  float lanes[16];
  for (int k = 1; k < fma_chains; ++k) a[0] = _mm512_add_ps(a[0], a[k]);
  _mm512_storeu_ps(lanes, a[0]);
  return lanes[0];
}

__attribute__((target("avx512f"))) double fma_512_pd() {
  __m512d a[fma_chains], x = _mm512_set1_pd(0.999), y = _mm512_set1_pd(0.001);
  for (auto& v : a) v = y;
  for (int r = 0; r < fma_rounds; ++r) {
#pragma GCC unroll 12
    for (int k = 0; k < fma_chains; ++k) a[k] = _mm512_fmadd_pd(a[k], x, y);
  }
  double lanes[8];
  for (int k = 1; k < fma_chains; ++k) a[0] = _mm512_add_pd(a[0], a[k]);
  _mm512_storeu_pd(lanes, a[0]);
  return lanes[0];
}

__attribute__((target("avx2,fma"))) float fma_256_ps() {
  __m256 a[fma_chains], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
  for (auto& v : a) v = y;
  for (int r = 0; r < fma_rounds; ++r) {
#pragma GCC unroll 12
    for (int k = 0; k < fma_chains; ++k) a[k] = _mm256_fmadd_ps(a[k], x, y);
  }
  float lanes[8];
  for (int k = 1; k < fma_chains; ++k) a[0] = _mm256_add_ps(a[0], a[k]);
  _mm256_storeu_ps(lanes, a[0]);
  return lanes[0];
}

__attribute__((target("avx2,fma"))) double fma_256_pd() {
  __m256d a[fma_chains], x = _mm256_set1_pd(0.999), y = _mm256_set1_pd(0.001);
  for (auto& v : a) v = y;
  for (int r = 0; r < fma_rounds; ++r) {
#pragma GCC unroll 12
    for (int k = 0; k < fma_chains; ++k) a[k] = _mm256_fmadd_pd(a[k], x, y);
  }
  double lanes[4];
  for (int k = 1; k < fma_chains; ++k) a[0] = _mm256_add_pd(a[0], a[k]);
  _mm256_storeu_pd(lanes, a[0]);
  return lanes[0];
}

volatile double sink;

/// The best of several runs of work(part) on every thread at once, in seconds. Threads meet before
/// each run, so starting them costs nothing.
double best_time(int threads, int runs, const std::function<void(int)>& work) {
  std::atomic<int> round{0}, done{0};
  std::vector<std::thread> workers;
  for (int t = 1; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (int r = 1; r <= runs; ++r) {
        while (round.load(std::memory_order_acquire) < r) std::this_thread::yield();
        work(t);
        done.fetch_add(1, std::memory_order_release);
      }
    });
  }
  double best = 1e9;
  for (int r = 1; r <= runs; ++r) {
    const auto start = std::chrono::steady_clock::now();
    round.store(r, std::memory_order_release);
    work(0);
    while (done.load(std::memory_order_acquire) < r * (threads - 1)) std::this_thread::yield();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  for (std::thread& w : workers) w.join();
  return best;
}

/// GFLOP/s of a kernel of `lanes` elements; 0 where the processor has no vectors of that width.
template <class T>
double fma_rate(int threads, int lanes, T (*kernel)()) {
  const bool wide = static_cast<std::size_t>(lanes) * sizeof(T) == 64;
  if (!(wide ? __builtin_cpu_supports("avx512f") : __builtin_cpu_supports("fma"))) return 0;
  const double time = best_time(threads, 11, [=](int) { sink = kernel(); });
  return 2.0 * lanes * fma_chains * fma_rounds * threads / time / 1e9;
}

/// GB/s of work(first, count), which moves `bytes` for each element, over all elements.
template <class F>
double rate_now(double bytes, F work) {
  constexpr std::int64_t block = 1 << 14;
  constexpr double ns = 8;  // for one element, about: worth every thread
  const auto start = std::chrono::steady_clock::now();
  runtime::parallel_for(elements / block, ns * elements, [&](std::int64_t begin, std::int64_t end) {
    work(static_cast<std::size_t>(begin * block), static_cast<std::size_t>((end - begin) * block));
  });
  const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
  return bytes * elements / time.count();
}

const Array& source() {
  static const Array array;
  return array;
}

}  // namespace

double copy_gbs_now() {
  static const Array to(half_page);
  return rate_now(2 * sizeof(float), [from = source().data()](std::size_t first, std::size_t n) {
    copy_streaming(from + first, to.data() + first, n);
  });
}

double read_gbs_now() {
  return rate_now(sizeof(float), [from = source().data()](std::size_t first, std::size_t n) {
    sink = read_all(from + first, n);
  });
}

Limits measure_limits(int threads) {
  const Array from, to(half_page);
  const std::size_t part = elements / static_cast<std::size_t>(threads) / 64 * 64;
  const double bytes = static_cast<double>(part) * sizeof(float) * threads;
  auto at = [&](int t) { return static_cast<std::size_t>(t) * part; };
  const double streamed = best_time(
      threads, 11, [&](int t) { copy_streaming(from.data() + at(t), to.data() + at(t), part); });
  const double plain = best_time(threads, 11, [&](int t) {
    std::memcpy(to.data() + at(t), from.data() + at(t), part * sizeof(float));
  });
  const double read =
      best_time(threads, 11, [&](int t) { sink = read_all(from.data() + at(t), part); });
  const double f32 = std::max(fma_rate(threads, 8, fma_256_ps), fma_rate(threads, 16, fma_512_ps));
  const double f64 = std::max(fma_rate(threads, 4, fma_256_pd), fma_rate(threads, 8, fma_512_pd));
  return {threads, 2 * bytes / std::min(streamed, plain) / 1e9, bytes / read / 1e9, f32, f64};
}

}  // namespace weft::bench
