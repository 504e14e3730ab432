// Pinned host memory through which bytes pass between pageable memory and a device.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "runtime/cuda/driver_api.h"

namespace weft::runtime::cuda {

class Device;
class Stream;

/// A block is taken, filled or read by one thread, and given back with an event behind the copy
/// that uses it; it is taken again once that has happened.
class Staging {
 public:
  static constexpr std::size_t smallest = std::size_t{64} << 10, largest = std::size_t{8} << 20;
  static constexpr std::size_t most_bytes = std::size_t{64} << 20;  // pinned at once

  explicit Staging(Device& device) : device_(device) {}
  /// Frees nothing: what is pinned stays with the process, and copies may be under way.
  ~Staging() = default;

  struct Block {
    void* memory = nullptr;
    std::size_t bytes = 0;
    EventHandle done = nullptr;
    bool used = false;  // since it was made
  };
  /// At least min(bytes, largest).
  Block take(std::size_t bytes);
  /// After the copy was enqueued on that stream.
  void give(Block block, const Stream& stream);
  /// Nothing was enqueued, or it has been waited for.
  void give_idle(Block block);
  std::size_t pinned_bytes();

 private:
  bool find_idle(std::size_t bytes, Block& found);

  Device& device_;
  std::mutex mutex_;
  std::vector<Block> blocks_;  // the longest unused first
  std::size_t pinned_ = 0;
};

}  // namespace weft::runtime::cuda
