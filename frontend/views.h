// The views that indexing is made of; axes and ranges are normal already.
#pragma once

#include <weft/tensor.h>
#include "frontend/axes.h"

namespace weft::detail {

Tensor sliced(const Tensor& x, std::int64_t axis, const Range& range);
Tensor without_axis(const Tensor& x, std::int64_t axis);
Tensor with_axis(const Tensor& x, std::int64_t axis);

}  // namespace weft::detail
