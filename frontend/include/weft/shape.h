// Sizes of a tensor, and what stands between the brackets of an index.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <weft/error.h>

namespace weft {

/// A list of axes, negative ones counted from the end.
using Dims = std::vector<std::int64_t>;

/// What numbers an axis: `sum(true)` is no sum over axis 1.
template <class T>
concept AxisNumber = std::integral<T> && !std::same_as<T, bool>;

/// One axis, where functions have a form without one: `max({})` is not `max(0)`.
class Axis {
 public:
  template <AxisNumber N>
  Axis(N number) : number_(static_cast<std::int64_t>(number)) {}
  operator std::int64_t() const { return number_; }

 private:
  std::int64_t number_;
};

/// The sizes of a tensor's dimensions; {} is a scalar. In reshape and view one size may be -1.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes) : sizes_(sizes) {}
  Shape(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)) {}

  std::size_t size() const { return sizes_.size(); }
  bool empty() const { return sizes_.empty(); }
  std::int64_t operator[](std::size_t k) const { return sizes_[k]; }
  std::int64_t& operator[](std::size_t k) { return sizes_[k]; }
  std::int64_t back() const { return sizes_.back(); }
  auto begin() const { return sizes_.begin(); }
  auto end() const { return sizes_.end(); }
  const std::vector<std::int64_t>& sizes() const { return sizes_; }
  /// The product of the sizes; 1 for a scalar.
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (std::int64_t size : sizes_) n *= size;
    return n;
  }
  WEFT_API std::string str() const;  ///< "[2, 3]"
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<std::int64_t> sizes_;
};

WEFT_API std::ostream& operator<<(std::ostream& out, const Shape& shape);

struct None {};
struct Ellipsis {};
/// `none` inserts a dimension, or leaves an end of a slice open; `ellipsis` stands for all axes
/// that are not named.
inline constexpr None none{};
inline constexpr Ellipsis ellipsis{};

/// Python's start:stop:step. An end left out, or `none`, is open; negative ends count from the end.
struct Slice {
  struct Bound {
    std::optional<std::int64_t> value;
    Bound() = default;
    Bound(None) {}
    Bound(std::int64_t v) : value(v) {}
    Bound(int v) : value(v) {}
  };
  Bound start, stop;
  std::int64_t step = 1;

  Slice() = default;
  Slice(Bound from, Bound to, std::int64_t by = 1) : start(from), stop(to), step(by) {}
};

}  // namespace weft
