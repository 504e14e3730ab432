#include "frontend/axes.h"

#include <algorithm>
#include <numeric>

#include "frontend/scope.h"

namespace weft::detail {

std::int64_t normal_axis(std::int64_t dim, std::size_t rank) {
  const auto n = static_cast<std::int64_t>(std::max<std::size_t>(rank, 1));
  if (dim < -n || dim >= n) {
    fail("dimension out of range (expected to be in range of [" + std::to_string(-n) + ", " +
         std::to_string(n - 1) + "], but got " + std::to_string(dim) + ")");
  }
  return dim < 0 ? dim + n : dim;
}

ir::Ints normal_axes(const Dims& dims, std::size_t rank) {
  ir::Ints axes;
  if (rank == 0) {
    for (std::int64_t dim : dims) normal_axis(dim, rank);
    return axes;
  }
  if (dims.empty()) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), 0);
    return axes;
  }
  for (std::int64_t dim : dims) axes.push_back(normal_axis(dim, rank));
  std::sort(axes.begin(), axes.end());
  const auto twice = std::adjacent_find(axes.begin(), axes.end());
  if (twice != axes.end()) {
    fail("dim " + std::to_string(*twice) + " appears multiple times in the list of dims");
  }
  return axes;
}

std::int64_t normal_position(std::int64_t index, std::int64_t size, std::int64_t axis) {
  if (index < -size || index >= size) {
    fail("index " + std::to_string(index) + " is out of bounds for dimension " +
         std::to_string(axis) + " with size " + std::to_string(size));
  }
  return index < 0 ? index + size : index;
}

Range normal_range(const Slice& slice, std::int64_t size) {
  if (slice.step <= 0) fail("slice step must be positive, got " + std::to_string(slice.step));
  const auto bound = [&](const Slice::Bound& b, std::int64_t otherwise) {
    std::int64_t at = b.value.value_or(otherwise);
    if (at < 0) at += size;
    return std::clamp<std::int64_t>(at, 0, size);
  };
  const std::int64_t start = bound(slice.start, 0);
  const std::int64_t limit = std::max(start, bound(slice.stop, size));
  // A longer step takes the first element alone, too, and would overflow in products.
  return {start, limit, std::min(slice.step, std::max<std::int64_t>(limit - start, 1))};
}

}  // namespace weft::detail
