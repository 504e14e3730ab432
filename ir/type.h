// What a value is: a dtype and a shape, written f32[64,784].
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include <weft/dtype.h>

namespace weft::ir {

/// One dimension's size. A type of its own, so that symbolic sizes can come; concrete for now.
class Dim {
 public:
  constexpr Dim() = default;
  constexpr Dim(std::int64_t size) : size_(size) {}
  constexpr operator std::int64_t() const { return size_; }

 private:
  std::int64_t size_ = 0;
};

using Shape = std::vector<Dim>;

struct Type {
  DType dtype = DType::f32;
  Shape shape;

  int rank() const { return static_cast<int>(shape.size()); }
  std::int64_t elements() const;  // product of the sizes; 1 for a scalar
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype); }
  std::string str() const;  // "f32[2,3]"
  friend bool operator==(const Type&, const Type&) = default;
};

std::string str(const Shape& shape);                        // "[2,3]"
std::vector<std::int64_t> row_major_strides(const Shape&);  // in elements; last is 1
std::vector<std::int64_t> to_ints(const Shape&);
Shape to_shape(const std::vector<std::int64_t>&);
std::int64_t elements(const Shape&);  // weft::Error when they do not fit

inline constexpr int max_rank = 64;
inline constexpr std::int64_t max_bytes = std::int64_t{1} << 62;
/// No negative size, at most max_rank axes, less than max_bytes bytes (zero sizes counted as one,
/// so that strides fit too).
bool is_legal(const Type& type);

}  // namespace weft::ir
