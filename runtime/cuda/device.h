// A GPU in use: its primary context, a stream per thread, memory in stream order, staging. Work is
// only enqueued; nobody waits for it until a value is copied to the host.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "runtime/cuda/driver.h"
#include "runtime/cuda/memory.h"
#include "runtime/cuda/staging.h"
#include "runtime/engine.h"

namespace weft::runtime::cuda {

class Device;

/// A queue of work, used by one thread, and by another after that one has ended; others only make
/// their own streams wait for it.
class Stream {
 public:
  explicit Stream(std::shared_ptr<Device> device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  StreamHandle handle() const { return handle_; }
  Device& device() const { return *device_; }
  /// Returns when everything enqueued has happened. Throws weft::Error, naming the kernel, where
  /// one of the kernels failed.
  void synchronize();

 private:
  friend class Device;
  const std::shared_ptr<Device> device_;
  StreamHandle handle_ = nullptr;
  void note(const std::shared_ptr<const std::string>& kernel);
  void forget_kernels();
  void add_names(std::vector<std::string>& kernels);

  // Kernels since the last synchronisation, the last ones of them. Whoever finds that the device
  // has faulted reads those of all streams.
  std::mutex mutex_;
  std::array<std::shared_ptr<const std::string>, 16> in_flight_;
  std::size_t launched_ = 0;
};

struct MemoryStats {
  std::size_t live_bytes, peak_bytes;
};

class Device : public std::enable_shared_from_this<Device> {
 public:
  /// How many there are; 0 where CUDA cannot be used.
  static int count();
  /// The process's device of that number. Throws weft::Error: no driver, no device, no such number.
  static const std::shared_ptr<Device>& get(int index);
  /// `driver` outlives the device. Nothing is asked of it before the device is used.
  static std::shared_ptr<Device> open(const Driver& driver, int index);

  const std::string& name() const { return name_; }  // "cuda:0"
  int index() const { return index_; }
  const DeviceFacts& facts() const { return driver_.devices[static_cast<std::size_t>(index_)]; }
  const Driver& driver() const { return driver_; }

  /// The stream of the calling thread.
  const std::shared_ptr<Stream>& stream();
  /// Memory for that stream. Where there is too little, what is kept is given back and it is tried
  /// once more; then throws OutOfMemory naming the largest live buffers.
  Buffer allocate(std::size_t bytes, std::string_view label);
  /// Copies, in the order of that stream. `to_host` and `copy_out` wait for the bytes.
  Buffer to_device(const Buffer& host, std::string_view label);
  Buffer to_host(const Buffer& device);
  void copy_in(Memory& to, std::size_t offset, const void* from, std::size_t bytes);
  void copy_out(void* to, Memory& from, std::size_t offset, std::size_t bytes);
  void copy_within(Memory& to, std::size_t to_offset, Memory& from, std::size_t from_offset,
                   std::size_t bytes);
  /// On the thread's stream; arguments are copied. `kernel` is its name for people.
  void launch(Stream& stream, FunctionHandle function, unsigned blocks, unsigned threads,
              void** arguments, const std::shared_ptr<const std::string>& kernel);
  MemoryStats memory_stats();

 private:
  friend class Stream;
  friend class Memory;
  friend class Module;
  friend class Staging;

  Device(const Driver& driver, int index);
  const DriverApi& api() const { return driver_.api; }
  /// Throws weft::Error saying what was tried; keeps in mind that the device is lost after a fault.
  void check(int status, const char* what);
  void start();
  void check_start(int status, const char* what) const;
  void enter();  // makes the context the thread's; throws where the device is lost
  std::string fault_text(int status) const;
  void add(const Memory& memory);
  void remove(const Memory& memory);
  void order(const Stream& first, const Stream& then);
  std::shared_ptr<Stream> take_stream();
  void leave(const std::shared_ptr<Stream>& stream);
  struct ThreadStreams;
  EventHandle take_event();
  void give_event(EventHandle event);
  DevicePointer allocate_raw(std::size_t bytes, const Stream& stream, std::string_view label);
  [[noreturn]] void fail_out_of_memory(std::size_t bytes, std::string_view label);

  const Driver& driver_;
  const int index_;
  const std::string name_;
  const std::uint64_t serial_;  // of all devices that were ever made
  ContextHandle context_ = nullptr;
  PoolHandle pool_ = nullptr;
  std::mutex mutex_;                 // of what follows
  std::vector<EventHandle> events_;  // free ones
  std::unordered_set<const Memory*> live_;
  std::unordered_set<Stream*> streams_;
  std::vector<std::weak_ptr<Stream>> left_;  // by threads that ended, where memory still needs them
  std::size_t live_bytes_ = 0, peak_bytes_ = 0;
  std::string lost_;  // what made the device unusable
  std::atomic<bool> is_lost_{false}, started_{false};
  Staging staging_;
};

}  // namespace weft::runtime::cuda
