// A piece of device memory, and loaded device code.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cuda/driver_api.h"

namespace weft::runtime::cuda {

class Device;
class Stream;

/// Freed in stream order when its last owner lets go. Threads on streams of their own may use it:
/// whoever enqueues work on it calls order() before.
class Memory {
 public:
  Memory(const std::shared_ptr<Stream>& stream, std::size_t bytes, std::string_view label);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  Device& device() const { return device_; }
  DevicePointer pointer() const { return pointer_; }
  std::size_t bytes() const { return bytes_; }
  const std::string& label() const { return label_; }  // for people: "result 0 of @loss"

  enum class Use : std::uint8_t { read, write };
  /// What `stream` gets from now on comes after the work of other streams that it depends on.
  void order(const std::shared_ptr<Stream>& stream, Use use);

 private:
  Device& device_;  // writer_ keeps it alive
  const std::size_t bytes_;
  const std::string label_;
  DevicePointer pointer_ = 0;
  std::mutex mutex_;
  std::shared_ptr<Stream> writer_;
  std::vector<std::shared_ptr<Stream>> readers_;  // others than the writer, since it wrote
};

class Module {
 public:
  /// Null, with the driver's status, where it does not take the image. PTX ends with a 0.
  static std::shared_ptr<Module> load(const std::shared_ptr<Device>& device, const void* image,
                                      int& status);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  /// Null where the image has no such function.
  FunctionHandle function(const std::string& name) const;

 private:
  Module(std::shared_ptr<Device> device, ModuleHandle handle)
      : device_(std::move(device)), handle_(handle) {}
  const std::shared_ptr<Device> device_;
  const ModuleHandle handle_;
};

}  // namespace weft::runtime::cuda
