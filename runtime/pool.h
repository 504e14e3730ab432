// Memory for tensors: blocks of a few sizes that are kept and given out again. Blocks below 2 MiB
// come from malloc and pass through a small cache of each thread; larger ones are mapped on 2 MiB
// boundaries and ask for huge pages, because touching fresh pages costs more than most kernels.
// What is kept is at most a limit, and what was not needed while 4 GiB were given out (or as much
// as is kept, if that is more) goes back to the system: this depends on calls alone, not on time.
// Under AddressSanitizer nothing is kept, so that it sees every overrun and every use after free.
#pragma once

#include <cstddef>
#include <utility>

#include "runtime/engine.h"

namespace weft::runtime {

struct PoolStats {
  std::size_t live_bytes;    // given out now
  std::size_t peak_bytes;    // the most that was given out at once
  std::size_t pooled_bytes;  // kept for reuse
  std::size_t limit_bytes;   // the most that is kept: WEFT_POOL_LIMIT
  std::size_t fresh;         // blocks that came from the system
  std::size_t reused;        // blocks that came from the pool
};
/// Exact but for what other threads did last with small blocks: less than 64 KiB each.
PoolStats pool_stats();
void reset_pool_peak();
/// Gives what is kept back to the system (but for the small caches of other threads).
void trim_pool();

/// Something that is known of a buffer's contents. It is deleted with the buffer.
class BufferNote {
 public:
  BufferNote() = default;
  BufferNote(const BufferNote&) = delete;
  BufferNote& operator=(const BufferNote&) = delete;
  virtual ~BufferNote() = default;
};
/// Where a buffer keeps its note (null: none yet), for std::atomic_ref; null for memory that is not
/// from the pool.
BufferNote** note_of(const Buffer& buffer);

/// A 64-byte aligned block with one owner: a call's temporaries, a thread's scratch.
class Block {
 public:
  Block() = default;
  explicit Block(std::size_t bytes);  // throws weft::Error naming the bytes
  Block(Block&& other) noexcept : Block() { *this = std::move(other); }
  Block& operator=(Block&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Block();
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace weft::runtime
