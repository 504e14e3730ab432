// Lists of axes.
#include "passes/axes.h"

#include <algorithm>

namespace weft::passes {

using namespace ir;

bool contains(const Ints& list, std::int64_t x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

Ints other_axes(std::size_t rank, const Ints& axes) {
  Ints others;
  for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(rank); ++axis)
    if (!contains(axes, axis)) others.push_back(axis);
  return others;
}

Ints wide_axes(const Shape& shape) {
  Ints axes;
  for (std::int64_t axis = 0; axis < std::ssize(shape); ++axis)
    if (shape[axis] != 1) axes.push_back(axis);
  return axes;
}

Shape select_axes(const Shape& shape, const Ints& axes) {
  Shape selected;
  for (const std::int64_t axis : axes) selected.push_back(shape[axis]);
  return selected;
}

bool same_but_for_unit_axes(const Shape& a, const Shape& b) {
  return select_axes(a, wide_axes(a)) == select_axes(b, wide_axes(b));
}

}  // namespace weft::passes
