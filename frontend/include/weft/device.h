// Where a tensor lives: on the CPU, or on an NVIDIA GPU where a driver, a device and NVRTC are
// found.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include <weft/error.h>

namespace weft {

enum class DeviceType : std::uint8_t { cpu, cuda };

/// "cpu", "cuda" or "cuda:1". Throws weft::Error for anything else; the CPU has no index.
class WEFT_API Device {
 public:
  Device() = default;
  Device(DeviceType type, int index = -1, Here = {});
  Device(std::string_view text, Here = {});
  Device(const char* text, Here here = {}) : Device(std::string_view(text), here) {}
  Device(const std::string& text, Here here = {}) : Device(std::string_view(text), here) {}

  DeviceType type() const { return type_; }
  int index() const { return index_; }  ///< -1 when none was named.
  bool is_cpu() const { return type_ == DeviceType::cpu; }
  bool is_cuda() const { return type_ == DeviceType::cuda; }
  std::string str() const;
  friend bool operator==(const Device&, const Device&) = default;

 private:
  DeviceType type_ = DeviceType::cpu;
  int index_ = -1;
};

WEFT_API std::ostream& operator<<(std::ostream& out, const Device& device);

namespace cuda {
/// Whether tensors can be placed on an NVIDIA GPU: there are a driver, a device and NVRTC. What is
/// missing stands in `weft info` and in the errors of factories and to().
WEFT_API bool is_available();
/// How many; 0 where none can be used. They are cuda:0, cuda:1, ...; "cuda" is cuda:0.
WEFT_API int device_count();
}  // namespace cuda

}  // namespace weft
