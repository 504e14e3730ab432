#include <weft/device.h>

#include <algorithm>
#include <charconv>
#include <ostream>

#include <weft/shape.h>
#include "frontend/place.h"
#include "frontend/scope.h"
#include "runtime/cuda/device.h"
#include "runtime/cuda_probe.h"

namespace weft {

Device::Device(DeviceType type, int index, Here here) : type_(type), index_(index) {
  if (index == -1 || (index >= 0 && is_cuda())) return;
  const std::string expected = is_cuda() ? "0 or more" : "none on the CPU, which is one device";
  throw Error("Device: expected an index of " + expected + ", got " + std::to_string(index), here);
}

Device::Device(std::string_view text, Here here) {
  const std::size_t colon = text.find(':');
  const std::string_view type = text.substr(0, colon);
  const bool known = type == "cpu" || type == "cuda";
  bool number = true;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index_);
    number = !digits.empty() && error == std::errc() && end == digits.data() + digits.size() &&
             index_ >= 0 && type == "cuda";
  }
  if (!known || !number) {
    throw Error("Device: expected cpu, cuda or cuda:<number>, got \"" + std::string(text) + "\"",
                here);
  }
  type_ = type == "cpu" ? DeviceType::cpu : DeviceType::cuda;
}

std::string Device::str() const {
  std::string text = is_cpu() ? "cpu" : "cuda";
  if (index_ >= 0) text += ":" + std::to_string(index_);
  return text;
}

std::ostream& operator<<(std::ostream& out, const Device& device) { return out << device.str(); }

namespace cuda {
bool is_available() { return runtime::cuda_probe().usable(); }
int device_count() { return is_available() ? runtime::cuda::Device::count() : 0; }
}  // namespace cuda

namespace detail {

constinit thread_local Place PlaceScope::now = Place::any();

Place place_of(const Device& device) {
  if (device.is_cpu()) return Place::cpu();
  const int index = std::max(device.index(), 0);
  const runtime::CudaProbe& probe = runtime::cuda_probe();
  if (!probe.usable()) {
    fail_unsupported("device " + device.str() + " is not available: " +
                     (probe.problem.empty() ? probe.compiler_problem : probe.problem));
  }
  const auto count = static_cast<int>(probe.devices.size());
  if (index >= count) {
    fail("device " + device.str() + " does not exist: expected cuda:0" +
         (count > 1 ? " to cuda:" + std::to_string(count - 1) : "") + ", the driver has " +
         std::to_string(count) + (count == 1 ? " device" : " devices"));
  }
  return Place::cuda(index);
}

}  // namespace detail

std::string Shape::str() const {
  std::string text = "[";
  for (std::int64_t size : sizes_) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.str(); }

}  // namespace weft
