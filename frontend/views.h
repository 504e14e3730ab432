// The views that indexing is made of; axes and ranges are normal already.
#pragma once

#include <weft/tensor.h>
#include "frontend/axes.h"
#include "frontend/record.h"

namespace weft::detail {

Tensor sliced(const Tensor& x, std::int64_t axis, const Range& range);
Tensor without_axis(const Tensor& x, std::int64_t axis);
Tensor with_axis(const Tensor& x, std::int64_t axis);

/// For each class number whether it is 0, 1, ... classes - 1: one dimension more. Numbers outside
/// are an error that calls them `what`; inside jit, where none is known yet, they are clamped.
Tensor is_class(const Tensor& numbers, std::int64_t classes, const std::string& what);

}  // namespace weft::detail
