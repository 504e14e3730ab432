// The views that indexing is made of; axes and ranges are normal already.
#pragma once

#include <weft/tensor.h>
#include "frontend/axes.h"
#include "frontend/record.h"

namespace weft::detail {

Tensor sliced(const Tensor& x, std::int64_t axis, const Range& range);
Tensor without_axis(const Tensor& x, std::int64_t axis);
Tensor with_axis(const Tensor& x, std::int64_t axis);

/// A position outside [low, size), if there is one: positions are computed for it. Inside jit,
/// where they have no values yet, nothing is found; then they are clamped when it runs.
std::optional<std::int64_t> known_outside(const Ref& positions, std::int64_t low,
                                          std::int64_t size);

}  // namespace weft::detail
