// Where a recorded value is computed and lies.
#pragma once

#include <cstdint>
#include <string>

#include <weft/device.h>

namespace weft::detail {

class Place {
 public:
  /// Numbers that a program makes itself go to whatever they meet.
  static constexpr Place any() { return Place(-2); }
  static constexpr Place cpu() { return Place(-1); }
  static constexpr Place cuda(int device) { return Place(device); }

  constexpr Place() : Place(any()) {}
  bool is_any() const { return number_ == -2; }
  bool is_cuda() const { return number_ >= 0; }
  int device_number() const { return number_; }  // of a CUDA device
  /// The CPU, where nothing else is said.
  Place or_cpu() const { return is_any() ? cpu() : *this; }
  Device device() const { return is_cuda() ? Device(DeviceType::cuda, number_) : Device(); }
  friend bool operator==(Place, Place) = default;

 private:
  constexpr explicit Place(int number) : number_(static_cast<std::int8_t>(number)) {}
  std::int8_t number_;
};

/// "cuda" is cuda:0. Throws weft::Error where there is no such device.
Place place_of(const Device& device);

/// While it lives, what this thread records without operands lies there.
class PlaceScope {
 public:
  explicit PlaceScope(Place place) : before_(now) { now = place; }
  ~PlaceScope() { now = before_; }
  PlaceScope(const PlaceScope&) = delete;
  PlaceScope& operator=(const PlaceScope&) = delete;
  static Place current() { return now; }

 private:
  static constinit thread_local Place now;
  const Place before_;
};

}  // namespace weft::detail
