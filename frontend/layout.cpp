#include "frontend/layout.h"

#include <algorithm>
#include <utility>

namespace weft::detail {

LayoutRef layout_of(ir::Type type, Place place) {
  Shape shape = from_ir(type.shape);
  std::vector<std::int64_t> strides = contiguous_strides(shape);
  return std::make_shared<Layout>(std::move(type), std::move(shape), std::move(strides), place);
}

LayoutRef layout_of(ir::Type type, std::vector<std::int64_t> strides, Place place) {
  Shape shape = from_ir(type.shape);
  return std::make_shared<Layout>(std::move(type), std::move(shape), std::move(strides), place);
}

ir::Shape to_ir(const Shape& shape) { return ir::Shape(shape.begin(), shape.end()); }

Shape from_ir(const ir::Shape& shape) {
  return Shape(std::vector<std::int64_t>(shape.begin(), shape.end()));
}

std::vector<std::int64_t> contiguous_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    strides[k] = step;
    step *= std::max<std::int64_t>(shape[k], 1);
  }
  return strides;
}

}  // namespace weft::detail
