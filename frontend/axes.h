// Axes as people write them: negative ones count from the end.
#pragma once

#include <weft/shape.h>
#include "ir/attribute.h"

namespace weft::detail {

/// The axis in [0, rank), or PyTorch's error. A scalar takes 0 and -1.
std::int64_t normal_axis(std::int64_t dim, std::size_t rank);
/// Ascending and distinct; all axes for an empty list.
ir::Ints normal_axes(const Dims& dims, std::size_t rank);
/// The position in [0, size), or an error naming the axis.
std::int64_t normal_position(std::int64_t index, std::int64_t size, std::int64_t axis);
/// start, limit and stride inside [0, size] of a slice.
struct Range {
  std::int64_t start, limit, stride;
  std::int64_t length() const { return limit <= start ? 0 : (limit - start - 1) / stride + 1; }
};
Range normal_range(const Slice& slice, std::int64_t size);

}  // namespace weft::detail
