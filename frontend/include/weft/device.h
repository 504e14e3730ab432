// Where a tensor lives. The CPU computes today; "cuda:0" is understood and answered clearly.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include <weft/error.h>

namespace weft {

enum class DeviceType : std::uint8_t { cpu, cuda };

/// "cpu", "cuda" or "cuda:1". Throws weft::Error for anything else.
class WEFT_API Device {
 public:
  Device() = default;
  Device(DeviceType type, int index = -1) : type_(type), index_(index) {}
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
/// Whether tensors can be placed on an NVIDIA GPU. False in this version.
WEFT_API bool is_available();
WEFT_API int device_count();
}  // namespace cuda

}  // namespace weft
