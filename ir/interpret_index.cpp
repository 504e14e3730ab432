// gather and scatter along one axis, with indices clamped into the axis.
#include <algorithm>
#include <cstring>
#include <string>

#include <weft/error.h>
#include "ir/interpret_parts.h"
#include "ir/scalar_element.h"

namespace weft::ir {

namespace {

/// The array around the indexed axis: [outer, axis, inner].
struct Rows {
  std::int64_t outer = 1, axis = 1, inner = 1;

  Rows(const Shape& shape, std::int64_t indexed) {
    for (std::int64_t k = 0; k < static_cast<std::int64_t>(shape.size()); ++k)
      (k < indexed ? outer : k == indexed ? axis : inner) *= shape[k];
  }
};

std::vector<std::int64_t> clamped(const Literal& indices, std::int64_t size) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(indices.type().elements()));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] =
        std::max<std::int64_t>(0, std::min(indices.int_at(static_cast<std::int64_t>(i)), size - 1));
  return result;
}

}  // namespace

Literal interpret_gather(const Node& node, const Literal& x, const Literal& indices) {
  const std::int64_t axis = node.attrs.integer("axis");
  const Rows rows(x.type().shape, axis);
  Shape shape = x.type().shape;
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, indices.type().shape.begin(), indices.type().shape.end());
  Literal result = Literal::zeros({x.type().dtype, shape});
  if (result.type().elements() == 0) return result;

  const std::size_t row_bytes = static_cast<std::size_t>(rows.inner) * size_of(x.type().dtype);
  const auto index = clamped(indices, rows.axis);
  std::byte* out = result.mutable_data();
  for (std::int64_t o = 0; o < rows.outer; ++o)
    for (std::int64_t at : index) {
      std::memcpy(out, x.data() + static_cast<std::size_t>(o * rows.axis + at) * row_bytes,
                  row_bytes);
      out += row_bytes;
    }
  return result;
}

Literal interpret_scatter(const Node& node, const Literal& x, const Literal& indices,
                          const Literal& updates) {
  const Rows rows(x.type().shape, node.attrs.integer("axis"));
  const bool adds = node.attrs.string("kind") == "add";
  Literal result = x;
  if (updates.type().elements() == 0) return result;
  const auto index = clamped(indices, rows.axis);
  const auto run = [&]<class T>() {
    const T* from = updates.as<T>();
    T* out = result.mutable_as<T>();
    for (std::int64_t o = 0; o < rows.outer; ++o)
      for (std::int64_t at : index)
        for (std::int64_t j = 0; j < rows.inner; ++j) {
          T& to = out[(o * rows.axis + at) * rows.inner + j];
          if constexpr (element::Number<T>)
            to = adds ? element::add(to, *from) : *from;
          else
            to = *from;
          ++from;
        }
  };
  element::with_type(x.type().dtype, run, [&] { no_arithmetic(node, x.type().dtype); });
  return result;
}

}  // namespace weft::ir
