#include "runtime/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "runtime/environment.h"
#include "runtime/machine.h"

namespace weft::runtime {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool pooling = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool pooling = false;
#else
constexpr bool pooling = true;
#endif
#else
constexpr bool pooling = true;
#endif

constexpr std::size_t alignment = 64;
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t largest = std::size_t{1} << 46;  // beyond any address space
constexpr int small_classes = 56;                      // 64 bytes to 2 MiB, in units of 64 bytes
constexpr int large_classes = 104;                     // the rest, in units of 2 MiB
constexpr std::size_t cached_block = 32 << 10;  // blocks up to this go through threads' caches
constexpr int cached_classes = 40;
constexpr std::ptrdiff_t counted_alone = 64 << 10;  // bytes that a thread counts by itself
constexpr std::size_t taken_alone = 4096;           // blocks that a thread takes by itself
// What was not needed while so much was given out goes back to the system. Every block counts as
// one small page at least.
constexpr std::size_t window_bytes = std::size_t{4} << 30;
constexpr std::size_t small_page = 4096;

// Classes of sizes: 1, 2, 3, 4 units, then four steps in each doubling.
constexpr int class_of(std::size_t units) {
  if (units <= 4) return static_cast<int>(units) - 1;
  const int octave = std::bit_width(units - 1) - 1;
  const auto step = ((units - 1) >> (octave - 2)) & 3;
  return 4 * (octave - 1) + static_cast<int>(step);
}
constexpr std::size_t units_of(int size_class) {
  if (size_class < 4) return static_cast<std::size_t>(size_class) + 1;
  const int octave = size_class / 4 + 1;
  return (std::size_t{5} + static_cast<std::size_t>(size_class % 4)) << (octave - 2);
}
static_assert(class_of(4) == 3 && class_of(5) == 4 && class_of(9) == 8 && units_of(8) == 10);
static_assert(class_of(huge_page / alignment) == small_classes - 1);
static_assert(units_of(small_classes - 1) == huge_page / alignment);
static_assert(class_of(cached_block / alignment) < cached_classes);
static_assert(class_of(largest / huge_page) < large_classes);

constexpr bool is_large(std::size_t bytes) { return bytes > huge_page; }
constexpr int class_of_bytes(std::size_t bytes) {
  const std::size_t unit = is_large(bytes) ? huge_page : alignment;
  return class_of(std::max<std::size_t>(1, (bytes + unit - 1) / unit));
}
/// The size of the block that holds so many bytes.
constexpr std::size_t block_bytes(std::size_t bytes) {
  if (!pooling) return std::max<std::size_t>(bytes, 1);
  return units_of(class_of_bytes(bytes)) * (is_large(bytes) ? huge_page : alignment);
}

// From the system and back.

// Arrays that are walked together and start at the same place of a small page wait for each other
// in memory (docs/decisions/0100): large blocks start a quarter of a page apart, in turns.
constexpr std::size_t offsets = 4;
std::size_t next_offset() {
  static std::atomic<std::size_t> blocks{0};
  return blocks.fetch_add(1, std::memory_order_relaxed) % offsets * (small_page / offsets);
}
std::size_t offset_of(const void* data) {
  return reinterpret_cast<std::uintptr_t>(data) % small_page;
}

void* map_large(std::size_t bytes) {
  // Maps a huge page more than needed and cuts the ends off, since mmap aligns to 4 KiB only.
  const std::size_t used = bytes + small_page, whole = used + huge_page;
  void* raw = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* start = static_cast<std::byte*>(raw);
  const std::size_t head =
      (huge_page - reinterpret_cast<std::uintptr_t>(raw) % huge_page) % huge_page;
  if (head > 0) munmap(start, head);
  munmap(start + head + used, huge_page - head);
  madvise(start + head, bytes, MADV_HUGEPAGE);  // advice: without huge pages all is well but slower
  return start + head + next_offset();
}

void* system_take(std::size_t bytes) {
  if (pooling && is_large(bytes)) return map_large(bytes);
  return ::operator new(bytes, std::align_val_t(alignment), std::nothrow);
}

void system_give(void* data, std::size_t bytes) {
  if (pooling && is_large(bytes))
    munmap(static_cast<std::byte*>(data) - offset_of(data), bytes + small_page);
  else
    ::operator delete(data, std::align_val_t(alignment));
}

// Free blocks hold the list that they are in.
struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* head = nullptr;
  int length = 0;
  int least = 0;  // the smallest length since the window began: so many blocks were not needed

  void push(void* data) {
    head = new (data) FreeBlock{head};
    ++length;
  }
  void* pop() {
    FreeBlock* block = head;
    if (block != nullptr) {
      head = block->next;
      --length;
      least = std::min(least, length);
    }
    return block;
  }
  /// Begins a new window; the blocks that the last one did not need, as a list of their own.
  FreeBlock* begin_window() {
    const int needed = length - std::exchange(least, length);
    FreeBlock** end = &head;
    for (int k = 0; k < needed; ++k) end = &(*end)->next;
    FreeBlock* rest = std::exchange(*end, nullptr);
    length = least = needed;
    return rest;
  }
};

std::ptrdiff_t limit_from_environment() {
  if (const auto mebibytes = read_setting(Setting::pool_limit))
    return static_cast<std::ptrdiff_t>(*mebibytes) << 20;
  return static_cast<std::ptrdiff_t>(memory_bytes() / 4);
}

class Pool {
 public:
  /// The one pool; never destroyed, because buffers may outlive every static object.
  static Pool& instance() {
    static Pool& pool = *new Pool();
    return pool;
  }

  void* take(std::size_t bytes);
  void give(void* data, std::size_t bytes);
  /// Takes a block that counts as kept already.
  void keep(void* data, std::size_t bytes);
  void trim();
  /// Adds what a thread has counted by itself.
  void add(std::ptrdiff_t live, std::ptrdiff_t pooled, std::size_t reused);
  PoolStats stats() const;
  void reset_peak() { peak_.store(live_.load(relaxed), relaxed); }

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;

  Pool() : limit_(limit_from_environment()) {}
  void* reuse(std::size_t bytes);
  void count_live(std::ptrdiff_t bytes);
  void evict(std::size_t bytes);
  void count_given(std::size_t bytes);
  void end_window();
  void release(FreeList& list, std::size_t bytes, std::ptrdiff_t until);
  FreeList& list_of(std::size_t bytes) {
    return is_large(bytes) ? large_[static_cast<std::size_t>(class_of_bytes(bytes))]
                           : small_[static_cast<std::size_t>(class_of_bytes(bytes))];
  }

  const std::ptrdiff_t limit_;
  // Signed: a block that one thread takes and another gives back may be counted in either order.
  std::atomic<std::ptrdiff_t> live_{0}, peak_{0}, pooled_{0};
  std::atomic<std::size_t> fresh_{0}, reused_{0};
  std::atomic<std::size_t> given_{0};  // bytes, in this window
  std::mutex mutex_;                   // of the lists
  std::array<FreeList, small_classes> small_;
  std::array<FreeList, large_classes> large_;
};

// The small cache of a thread: a few blocks of each class, taken, given and counted without a lock
// or an atomic operation.
class ThreadCache {
 public:
  /// Null once the thread's destructors have emptied it.
  static ThreadCache* of_this_thread() {
    if (mine != nullptr) [[likely]]
      return mine;
    return ended ? nullptr : start();
  }
  ~ThreadCache() {
    flush();
    mine = nullptr;
    ended = true;
    for (int k = 0; k < cached_classes; ++k)
      while (void* data = lists_[static_cast<std::size_t>(k)].pop())
        Pool::instance().keep(data, units_of(k) * alignment);
  }

  void* take(std::size_t bytes) {
    void* data = list_of(bytes).pop();
    if (data == nullptr) return nullptr;
    if (++reused_ == taken_alone) [[unlikely]]
      flush();
    count(static_cast<std::ptrdiff_t>(bytes));
    return data;
  }
  /// False where there is no room.
  bool give(void* data, std::size_t bytes) {
    FreeList& list = list_of(bytes);
    const auto room = std::clamp<std::size_t>(cached_block / bytes, 1, 16);
    if (static_cast<std::size_t>(list.length) >= room) return false;
    list.push(data);
    count(-static_cast<std::ptrdiff_t>(bytes));
    return true;
  }
  /// Adds what was counted here to the pool's counts.
  void flush() {
    Pool::instance().add(std::exchange(live_, 0), std::exchange(pooled_, 0),
                         std::exchange(reused_, 0));
  }
  /// For trimming.
  std::array<FreeList, cached_classes>& lists() { return lists_; }

 private:
  static ThreadCache* start();
  FreeList& list_of(std::size_t bytes) {
    return lists_[static_cast<std::size_t>(class_of_bytes(bytes))];
  }
  void count(std::ptrdiff_t bytes) {
    live_ += bytes;
    pooled_ -= bytes;
    if (live_ > counted_alone || live_ < -counted_alone) [[unlikely]]
      flush();
  }

  static constinit thread_local ThreadCache* mine;
  static constinit thread_local bool ended;
  std::array<FreeList, cached_classes> lists_;
  std::ptrdiff_t live_ = 0, pooled_ = 0;
  std::size_t reused_ = 0;
};
constinit thread_local ThreadCache* ThreadCache::mine = nullptr;
constinit thread_local bool ThreadCache::ended = false;

ThreadCache* ThreadCache::start() {
  static thread_local std::unique_ptr<ThreadCache> owner;
  owner = std::make_unique<ThreadCache>();
  return mine = owner.get();
}

/// The cache that blocks of this size go through, if there is one.
ThreadCache* cache_for(std::size_t bytes) {
  return pooling && bytes <= cached_block ? ThreadCache::of_this_thread() : nullptr;
}

void Pool::count_live(std::ptrdiff_t bytes) {
  const std::ptrdiff_t now = live_.fetch_add(bytes, relaxed) + bytes;
  std::ptrdiff_t peak = peak_.load(relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, relaxed)) {
  }
}

void Pool::add(std::ptrdiff_t live, std::ptrdiff_t pooled, std::size_t reused) {
  count_live(live);
  pooled_.fetch_add(pooled, relaxed);
  reused_.fetch_add(reused, relaxed);
  count_given(reused * small_page);
}

void Pool::count_given(std::size_t bytes) {
  if (given_.fetch_add(bytes, relaxed) + bytes >= window_bytes) end_window();
}

/// Never in the steady state of a program, which needs all its blocks again and again. Giving back
/// and touching fresh pages later costs no more than a constant for each byte that was given out.
void Pool::end_window() {
  std::array<FreeBlock*, large_classes> large;
  std::array<FreeBlock*, small_classes> small;
  {
    const std::lock_guard lock(mutex_);
    const auto kept = static_cast<std::size_t>(std::max<std::ptrdiff_t>(pooled_.load(relaxed), 0));
    if (given_.load(relaxed) < std::max(window_bytes, kept)) return;
    given_.store(0, relaxed);
    const auto begin_window = [](FreeList& list) { return list.begin_window(); };
    std::transform(large_.begin(), large_.end(), large.begin(), begin_window);
    std::transform(small_.begin(), small_.end(), small.begin(), begin_window);
  }
  const auto give_back = [&](FreeBlock* block, std::size_t bytes) {
    while (block != nullptr) {
      FreeBlock* const next = block->next;
      pooled_.fetch_sub(bytes, relaxed);
      system_give(block, bytes);
      block = next;
    }
  };
  for (int k = 0; k < large_classes; ++k)
    give_back(large[static_cast<std::size_t>(k)], units_of(k) * huge_page);
  for (int k = 0; k < small_classes; ++k)
    give_back(small[static_cast<std::size_t>(k)], units_of(k) * alignment);
}

void* Pool::reuse(std::size_t bytes) {
  void* data = nullptr;
  {
    const std::lock_guard lock(mutex_);
    data = list_of(bytes).pop();
  }
  if (data != nullptr) {
    pooled_.fetch_sub(bytes, relaxed);
    reused_.fetch_add(1, relaxed);
  }
  return data;
}

void* Pool::take(std::size_t bytes) {
  if (ThreadCache* cache = cache_for(bytes)) {
    if (void* data = cache->take(bytes)) return data;
  }
  void* data = pooling ? reuse(bytes) : nullptr;
  count_given(std::max(bytes, small_page));
  if (data == nullptr) {
    data = system_take(bytes);
    if (data == nullptr) {
      trim();
      data = system_take(bytes);
    }
    if (data == nullptr) return nullptr;
    fresh_.fetch_add(1, relaxed);
  }
  count_live(static_cast<std::ptrdiff_t>(bytes));
  return data;
}

void Pool::give(void* data, std::size_t bytes) {
  ThreadCache* cache = cache_for(bytes);
  if (cache != nullptr && cache->give(data, bytes)) return;
  live_.fetch_sub(bytes, relaxed);
  if (!pooling) return system_give(data, bytes);
  pooled_.fetch_add(bytes, relaxed);
  keep(data, bytes);
}

void Pool::keep(void* data, std::size_t bytes) {
  if (static_cast<std::ptrdiff_t>(bytes) > limit_) {
    pooled_.fetch_sub(bytes, relaxed);
    return system_give(data, bytes);
  }
  const std::lock_guard lock(mutex_);
  list_of(bytes).push(data);
  if (pooled_.load(relaxed) > limit_) evict(bytes);
}

/// Gives blocks back, until the limit holds: of other sizes first, the largest first, because the
/// size that was just freed is the one most likely to be asked for next.
void Pool::evict(std::size_t bytes) {
  FreeList* const last = &list_of(bytes);
  for (int k = large_classes - 1; k >= 0; --k)
    if (FreeList& list = large_[static_cast<std::size_t>(k)]; &list != last)
      release(list, units_of(k) * huge_page, limit_);
  for (int k = small_classes - 1; k >= 0; --k)
    if (FreeList& list = small_[static_cast<std::size_t>(k)]; &list != last)
      release(list, units_of(k) * alignment, limit_);
  release(*last, bytes, limit_);
}

void Pool::release(FreeList& list, std::size_t bytes, std::ptrdiff_t until) {
  while (pooled_.load(relaxed) > until) {
    void* data = list.pop();
    if (data == nullptr) return;
    pooled_.fetch_sub(bytes, relaxed);
    system_give(data, bytes);
  }
}

void Pool::trim() {
  if (ThreadCache* cache = ThreadCache::of_this_thread()) {
    cache->flush();
    for (int k = 0; k < cached_classes; ++k)
      release(cache->lists()[static_cast<std::size_t>(k)], units_of(k) * alignment, 0);
  }
  const std::lock_guard lock(mutex_);
  for (int k = 0; k < large_classes; ++k)
    release(large_[static_cast<std::size_t>(k)], units_of(k) * huge_page, 0);
  for (int k = 0; k < small_classes; ++k)
    release(small_[static_cast<std::size_t>(k)], units_of(k) * alignment, 0);
}

PoolStats Pool::stats() const {
  const auto count = [](const std::atomic<std::ptrdiff_t>& bytes) {
    return static_cast<std::size_t>(std::max<std::ptrdiff_t>(bytes.load(relaxed), 0));
  };
  return {count(live_),         count(peak_),
          count(pooled_),       static_cast<std::size_t>(limit_),
          fresh_.load(relaxed), reused_.load(relaxed)};
}

void* take(std::size_t requested) {
  void* data = requested > largest ? nullptr : Pool::instance().take(block_bytes(requested));
  if (data == nullptr)
    throw OutOfMemory("allocate: out of memory, cannot get " + std::to_string(requested) +
                      " bytes");
  return data;
}

// A small buffer is one block: shared_ptr's counts in the first 64 bytes, then the data.
template <class T>
struct HeaderAllocator {
  using value_type = T;
  std::byte* block;
  std::size_t bytes;

  HeaderAllocator(std::byte* b, std::size_t n) : block(b), bytes(n) {}
  template <class U>
  HeaderAllocator(const HeaderAllocator<U>& other) : block(other.block), bytes(other.bytes) {}
  T* allocate(std::size_t) {
    static_assert(sizeof(T) <= alignment);
    return reinterpret_cast<T*>(block);
  }
  void deallocate(T*, std::size_t) { Pool::instance().give(block, bytes); }
  friend bool operator==(const HeaderAllocator&, const HeaderAllocator&) = default;
};

struct KeepData {
  BufferNote* note = nullptr;
  void operator()(void*) const { delete note; }  // the counts and the data are freed together
};

struct GiveBack {
  std::size_t bytes;
  BufferNote* note = nullptr;
  void operator()(void* data) const {
    delete note;
    Pool::instance().give(data, bytes);
  }
};

alignas(alignment) std::byte nothing[alignment];  // where tensors without elements point

}  // namespace

Buffer allocate(std::size_t bytes) {
  if (bytes == 0) return {std::shared_ptr<void>(std::shared_ptr<void>(), nothing), 0};
  if (!pooling || bytes > huge_page - alignment) {
    void* data = take(bytes);
    return {std::shared_ptr<void>(data, GiveBack{block_bytes(bytes)}), bytes};
  }
  auto* block = static_cast<std::byte*>(take(bytes + alignment));
  const HeaderAllocator<std::byte> header(block, block_bytes(bytes + alignment));
  return {std::shared_ptr<void>(block + alignment, KeepData(), header), bytes};
}

BufferNote** note_of(const Buffer& buffer) {
  if (GiveBack* large = std::get_deleter<GiveBack>(buffer.memory)) return &large->note;
  if (KeepData* small = std::get_deleter<KeepData>(buffer.memory)) return &small->note;
  return nullptr;
}

Block::Block(std::size_t bytes) : bytes_(bytes) {
  if (bytes > 0) data_ = take(bytes);
}

Block::~Block() {
  if (data_ != nullptr) Pool::instance().give(data_, block_bytes(bytes_));
}

PoolStats pool_stats() {
  if (ThreadCache* cache = ThreadCache::of_this_thread()) cache->flush();
  return Pool::instance().stats();
}
void reset_pool_peak() {
  if (ThreadCache* cache = ThreadCache::of_this_thread()) cache->flush();
  Pool::instance().reset_peak();
}
void trim_pool() { Pool::instance().trim(); }

}  // namespace weft::runtime
