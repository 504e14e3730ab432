#include "tests/device/fake/fake_device.h"

#include <sys/mman.h>

#include <cstring>
#include <iterator>

namespace weft::test {
namespace {
constexpr std::size_t region = std::size_t{4} << 30, page = 4096;
std::size_t pages(std::size_t bytes) { return (bytes + page - 1) / page * page; }
}  // namespace

FakeMemory::FakeMemory() {
  void* at = mmap(nullptr, region, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  base_ = static_cast<char*>(at);
}

void FakeMemory::open(bool on) {
  if (on ? windows_++ > 0 : --windows_ > 0) return;
  if (end_ > 0) mprotect(base_, end_, on ? PROT_READ | PROT_WRITE : PROT_NONE);
}

std::uint64_t FakeMemory::allocate(std::size_t bytes, std::size_t limit, int device) {
  std::size_t taken = 0;
  for (auto& [at, block] : blocks_) {
    if (block.device != device) continue;
    if (!block.live && block.bytes == bytes) {
      block.live = true;
      return at;
    }
    taken += block.bytes;
  }
  if (taken + bytes > limit || end_ + pages(bytes) + page > region) return 0;
  const auto at = reinterpret_cast<std::uint64_t>(base_ + end_);
  end_ += pages(bytes) + page;
  blocks_[at] = {bytes, device, true};
  const Window window(*this);
  std::memset(base_ + end_ - pages(bytes) - page, 0xff, bytes);  // NaNs
  return at;
}

void FakeMemory::free(std::uint64_t at) {
  Block& block = blocks_.at(at);
  block.live = false;
  const Window window(*this);
  std::memset(reinterpret_cast<void*>(at), 0xff, block.bytes);
}

void FakeMemory::trim(int device) {
  for (auto it = blocks_.begin(); it != blocks_.end();) {
    const bool goes = it->second.device == device && !it->second.live;
    if (goes) madvise(reinterpret_cast<void*>(it->first), pages(it->second.bytes), MADV_DONTNEED);
    it = goes ? blocks_.erase(it) : std::next(it);
  }
}

bool FakeMemory::is_live(std::uint64_t at, std::size_t bytes) const {
  auto after = blocks_.upper_bound(at);
  if (after == blocks_.begin()) return false;
  const auto& [start, block] = *std::prev(after);
  return block.live && at + bytes <= start + block.bytes;
}

void FakeMemory::count(FakeCuda& into) const {
  into.live_blocks = into.live_bytes = into.kept_bytes = 0;
  for (const auto& [at, block] : blocks_) {
    into.live_blocks += block.live ? 1 : 0;
    (block.live ? into.live_bytes : into.kept_bytes) += block.bytes;
  }
}

int& current_device() {
  thread_local int device = -1;
  return device;
}

FakeState& FakeState::instance() {
  static FakeState& only = *new FakeState();
  return only;
}

void FakeState::run(FakeStream& stream) {
  while (!stream.work.empty()) {
    const std::function<void()> next = std::move(stream.work.front());
    stream.work.pop_front();
    if (sticky == 0) next();
  }
}

void FakeState::run_until(const Ticket& ticket) {
  while (!ticket.done && !ticket.stream->work.empty() && sticky == 0) {
    const std::function<void()> next = std::move(ticket.stream->work.front());
    ticket.stream->work.pop_front();
    next();
  }
}

int FakeState::enter(FakeCall call, bool needs_context) {
  const auto comes = [](FakeCuda::Failure& failure) {
    return failure.in > 0 && --failure.in == 0 ? failure.status : 0;
  };
  if (needs_context && current_device() < 0) {
    violate(call.function + " without a context");
    return 201;
  }
  int status = sticky;
  if (const auto failure = shown.failures.find(call.function);
      status == 0 && failure != shown.failures.end())
    status = comes(failure->second);
  if (status == 0 && needs_context) status = comes(shown.any_failure);
  shown.calls.push_back(std::move(call));
  return status;
}

}  // namespace weft::test

weft::test::FakeCuda* weft_fake_cuda() {
  weft::test::FakeState& state = weft::test::FakeState::instance();
  state.shown.reset = [] { weft::test::FakeState::instance().sticky = 0; };
  const std::lock_guard lock(state.mutex);
  state.memory.count(state.shown);
  return &state.shown;
}
