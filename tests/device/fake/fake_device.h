// The inside of the fake: streams of deferred work, events, memory.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/device/fake/fake_cuda.h"

namespace weft::test {

/// What a recorded event waits for.
struct Ticket {
  struct FakeStream* stream = nullptr;
  bool done = false;
};

struct FakeEvent {
  std::shared_ptr<Ticket> ticket;  // null: never recorded, which counts as done
};

struct FakeStream {
  int device = 0;
  std::deque<std::function<void()>> work;
};

/// Device memory: the host can touch it only inside a Window.
class FakeMemory {
 public:
  FakeMemory();
  /// 0 where the device is full. Blocks of the same size are reused; others need fresh memory.
  std::uint64_t allocate(std::size_t bytes, std::size_t limit, int device);
  void free(std::uint64_t at);
  void trim(int device);
  /// Whether these bytes lie in one live block.
  bool is_live(std::uint64_t at, std::size_t bytes) const;
  void count(FakeCuda& into) const;

  class Window {
   public:
    explicit Window(FakeMemory& memory) : memory_(memory) { memory_.open(true); }
    ~Window() { memory_.open(false); }

   private:
    FakeMemory& memory_;
  };

 private:
  struct Block {
    std::size_t bytes;
    int device;
    bool live;
  };
  void open(bool on);

  char* base_ = nullptr;
  std::size_t end_ = 0;
  int windows_ = 0;
  std::map<std::uint64_t, Block> blocks_;
};

/// Everything that calls see; guarded by one lock.
struct FakeState {
  FakeCuda shown;
  std::recursive_mutex mutex;
  FakeMemory memory;
  std::vector<std::unique_ptr<FakeStream>> streams;
  int sticky = 0;  // the status of every call after a fault

  static FakeState& instance();
  void violate(const std::string& what) { shown.violations.push_back(what); }
  void run(FakeStream& stream);          // all of its work
  void run_until(const Ticket& ticket);  // as much of its stream as needed
  /// Writes the call down; the status that it must give, if it must fail.
  int enter(FakeCall call, bool needs_context = true);
};

/// The device whose context is the calling thread's; -1: none.
int& current_device();

}  // namespace weft::test
