// What a tensor's elements are, how and where they lie: made once, shared by all that are alike.
#pragma once

#include <memory>
#include <vector>

#include <weft/shape.h>
#include "frontend/place.h"
#include "ir/type.h"

namespace weft::detail {

struct Layout {
  ir::Type type;
  Shape shape;                        ///< type.shape, as users see it.
  std::vector<std::int64_t> strides;  ///< In elements, as PyTorch would have them.
  Place place;

  friend bool operator==(const Layout& a, const Layout& b) {
    return a.type == b.type && a.strides == b.strides && a.place == b.place;
  }
};
using LayoutRef = std::shared_ptr<const Layout>;

/// Row-major.
LayoutRef layout_of(ir::Type type, Place place = Place::cpu());
LayoutRef layout_of(ir::Type type, std::vector<std::int64_t> strides, Place place = Place::cpu());
/// Whether they are alike; at once where they are the same.
inline bool same_layout(const LayoutRef& a, const LayoutRef& b) { return a == b || *a == *b; }

ir::Shape to_ir(const Shape& shape);
Shape from_ir(const ir::Shape& shape);
std::vector<std::int64_t> contiguous_strides(const Shape& shape);

}  // namespace weft::detail
