// How a factory makes its tensor: `zeros({2, 3}, f64)`, `zeros({2, 3},
// dtype(f64).requires_grad(true))`.
#pragma once

#include <optional>

#include <weft/device.h>
#include <weft/dtype.h>

namespace weft {

class Options {
 public:
  Options() = default;
  Options(DType dtype) : dtype_(dtype) {}
  Options(Device device) : device_(device) {}

  Options dtype(DType t) const {
    Options o = *this;
    o.dtype_ = t;
    return o;
  }
  Options device(const Device& d) const {
    Options o = *this;
    o.device_ = d;
    return o;
  }
  Options requires_grad(bool on) const {
    Options o = *this;
    o.requires_grad_ = on;
    return o;
  }

  std::optional<DType> dtype() const { return dtype_; }
  std::optional<Device> device() const { return device_; }
  bool requires_grad() const { return requires_grad_; }

 private:
  std::optional<DType> dtype_;    // otherwise the factory's own default
  std::optional<Device> device_;  // otherwise the CPU
  bool requires_grad_ = false;
};

inline Options dtype(DType t) { return Options(t); }
inline Options device(const Device& d) { return Options(d); }
inline Options requires_grad(bool on = true) { return Options().requires_grad(on); }

}  // namespace weft
