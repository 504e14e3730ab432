#include "runtime/cuda/staging.h"

#include <algorithm>
#include <bit>

#include "runtime/cuda/device.h"

namespace weft::runtime::cuda {

bool Staging::find_idle(std::size_t bytes, Block& found) {
  const DriverApi& api = device_.api();
  const auto idle = std::find_if(blocks_.begin(), blocks_.end(), [&](const Block& block) {
    return block.bytes >= bytes && (!block.used || api.query_event(block.done) == status::success);
  });
  if (idle == blocks_.end()) return false;
  found = *idle;
  blocks_.erase(idle);
  return true;
}

Staging::Block Staging::take(std::size_t bytes) {
  const std::size_t wanted = std::bit_ceil(std::clamp(bytes, smallest, largest));
  Block block;
  {
    const std::lock_guard lock(mutex_);
    if (find_idle(wanted, block)) return block;
    const auto busy = std::find_if(blocks_.begin(), blocks_.end(),
                                   [&](const Block& known) { return known.bytes >= wanted; });
    if (pinned_ + wanted > most_bytes && busy != blocks_.end()) {
      block = *busy;
      blocks_.erase(busy);
    } else {
      pinned_ += wanted;
    }
  }
  if (block.memory != nullptr) {
    device_.check(device_.api().synchronize_event(block.done), "waiting for a copy");
    return block;
  }
  int code = device_.api().allocate_pinned(&block.memory, wanted, 0);
  if (code == status::success) {
    block.bytes = wanted;
    code = device_.api().create_event(&block.done, event_without_timing);
    if (code != status::success) device_.api().free_pinned(block.memory);
  }
  if (code != status::success) {
    const std::lock_guard lock(mutex_);
    pinned_ -= wanted;
  }
  device_.check(code, "pinned memory for copies");
  return block;
}

void Staging::give(Block block, const Stream& stream) {
  const int code = device_.api().record_event(block.done, stream.handle());
  // Without the event nobody can tell when the block is free: the stream is waited for.
  if (code != status::success) device_.api().synchronize_stream(stream.handle());
  block.used = code == status::success;
  {
    const std::lock_guard lock(mutex_);
    blocks_.push_back(block);
  }
  device_.check(code, "recording an event");
}

void Staging::give_idle(Block block) {
  block.used = false;
  const std::lock_guard lock(mutex_);
  blocks_.push_back(block);
}

std::size_t Staging::pinned_bytes() {
  const std::lock_guard lock(mutex_);
  return pinned_;
}

}  // namespace weft::runtime::cuda
