// Operations that only move elements, all as copies between strided boxes.
#include <algorithm>
#include <numeric>
#include <string>

#include <weft/error.h>
#include "ir/interpret_parts.h"

namespace weft::ir {

namespace {

template <std::size_t size>
struct Element {
  std::byte bytes[size];
};

template <std::size_t size>
void copy_axis(std::byte* to, const Strided& to_layout, std::int64_t to_at, const std::byte* from,
               const Strided& from_layout, std::int64_t from_at, const Shape& shape,
               std::size_t axis) {
  if (axis == shape.size()) {
    reinterpret_cast<Element<size>*>(to)[to_at] =
        reinterpret_cast<const Element<size>*>(from)[from_at];
    return;
  }
  const std::int64_t to_step = to_layout.strides[axis], from_step = from_layout.strides[axis];
  for (std::int64_t i = 0; i < shape[axis]; ++i)
    copy_axis<size>(to, to_layout, to_at + i * to_step, from, from_layout, from_at + i * from_step,
                    shape, axis + 1);
}

/// `x` seen through a layout, as a contiguous array.
Literal read(const Literal& x, const Strided& layout, const Shape& shape) {
  Literal result = Literal::zeros({x.type().dtype, shape});
  copy_strided(result.mutable_data(), {0, row_major_strides(shape)}, x.data(), layout, shape,
               size_of(x.type().dtype));
  return result;
}

Literal broadcast_in_dim(const Node& node, const Literal& x) {
  const Shape& shape = node.types[0].shape;
  const Ints& dims = node.attrs.ints("dims");
  const auto strides = row_major_strides(x.type().shape);
  Strided layout{0, std::vector<std::int64_t>(shape.size(), 0)};
  for (std::size_t k = 0; k < dims.size(); ++k)
    if (x.type().shape[k] != 1) layout.strides[dims[k]] = strides[k];
  return read(x, layout, shape);
}

Literal slice(const Node& node, const Literal& x) {
  const Ints &start = node.attrs.ints("start"), &limit = node.attrs.ints("limit"),
             &step = node.attrs.ints("stride");
  Strided layout{0, row_major_strides(x.type().shape)};
  Shape shape;
  for (std::size_t k = 0; k < start.size(); ++k) {
    const std::int64_t length = limit[k] - start[k];
    shape.push_back(length == 0 ? 0 : (length - 1) / step[k] + 1);
    layout.offset += start[k] * layout.strides[k];
    if (shape.back() > 1) layout.strides[k] *= step[k];  // else the step may be huge
  }
  return read(x, layout, shape);
}

Literal reverse(const Node& node, const Literal& x) {
  const Shape& shape = x.type().shape;
  Strided layout{0, row_major_strides(shape)};
  for (std::int64_t axis : node.attrs.ints("axes")) {
    layout.offset += (shape[axis] - 1) * layout.strides[axis];
    layout.strides[axis] *= -1;
  }
  return read(x, layout, shape);
}

Literal reshape(const Node& node, const Literal& x) {
  return Literal({x.type().dtype, to_shape(node.attrs.ints("shape"))},
                 {x.data(), x.data() + x.type().bytes()});
}

/// How many of n elements of an axis a pad keeps: element i goes to low + i * (interior + 1), and
/// those outside [0, size) are dropped. Layouts move to the first one. Attributes may be as large
/// as their type allows, so nothing is computed from those that do not matter.
std::int64_t kept_by_pad(std::int64_t n, std::int64_t size, std::int64_t low, std::int64_t interior,
                         std::size_t axis, Strided& to, Strided& from) {
  const std::int64_t step = n > 1 ? interior + 1 : 1;
  const std::int64_t last = n > 0 ? (n - 1) * step : 0;
  if (n == 0 || size == 0 || low >= size || low < -last) return 0;
  const std::int64_t begin = low >= 0 ? 0 : (-low + step - 1) / step;
  const std::int64_t end = std::min(n, (size - 1 - low) / step + 1);
  from.offset += begin * from.strides[axis];
  to.offset += (low + begin * step) * to.strides[axis];
  to.strides[axis] *= step;
  return std::max<std::int64_t>(0, end - begin);
}

}  // namespace

void copy_strided(std::byte* to, const Strided& to_layout, const std::byte* from,
                  const Strided& from_layout, const Shape& shape, std::size_t element_size) {
  if (elements(shape) == 0) return;
  const auto copy = [&]<std::size_t size>() {
    copy_axis<size>(to, to_layout, to_layout.offset, from, from_layout, from_layout.offset, shape,
                    0);
  };
  switch (element_size) {
    case 1:
      return copy.operator()<1>();
    case 2:
      return copy.operator()<2>();
    case 4:
      return copy.operator()<4>();
    case 8:
      return copy.operator()<8>();
    case 16:
      return copy.operator()<16>();
    default:
      throw InternalError("interpret: elements of " + std::to_string(element_size) + " bytes");
  }
}

Literal transposed(const Literal& x, const std::vector<std::int64_t>& axes) {
  const auto strides = row_major_strides(x.type().shape);
  Strided layout;
  Shape shape;
  for (std::int64_t axis : axes) {
    layout.strides.push_back(strides[axis]);
    shape.push_back(x.type().shape[axis]);
  }
  return read(x, layout, shape);
}

Literal interpret_view(const Node& node, const Literal& x) {
  switch (node.op) {
    case Op::broadcast_in_dim:
      return broadcast_in_dim(node, x);
    case Op::reshape:
      return reshape(node, x);
    case Op::transpose:
      return transposed(x, node.attrs.ints("permutation"));
    case Op::slice:
      return slice(node, x);
    case Op::reverse:
      return reverse(node, x);
    default:
      throw InternalError("interpret: " + std::string(def(node.op).name) + " is no view");
  }
}

Literal interpret_pad(const Node& node, const Literal& x, const Literal& value) {
  const Ints &low = node.attrs.ints("low"), &interior = node.attrs.ints("interior");
  const Shape& shape = node.types[0].shape;
  Literal result = Literal::zeros(node.types[0]);
  const std::size_t size = size_of(x.type().dtype);
  const Strided everywhere{0, row_major_strides(shape)};
  copy_strided(result.mutable_data(), everywhere, value.data(),
               {0, std::vector<std::int64_t>(shape.size(), 0)}, shape, size);

  Strided to{0, everywhere.strides}, from{0, row_major_strides(x.type().shape)};
  Shape kept;
  for (std::size_t k = 0; k < shape.size(); ++k)
    kept.push_back(kept_by_pad(x.type().shape[k], shape[k], low[k], interior[k], k, to, from));
  copy_strided(result.mutable_data(), to, x.data(), from, kept, size);
  return result;
}

Literal interpret_concatenate(const Node& node, std::span<const Literal> operands) {
  const auto axis = static_cast<std::size_t>(node.attrs.integer("axis"));
  Literal result = Literal::zeros(node.types[0]);
  Strided to{0, row_major_strides(node.types[0].shape)};
  for (const Literal& x : operands) {
    const Shape& shape = x.type().shape;
    copy_strided(result.mutable_data(), to, x.data(), {0, row_major_strides(shape)}, shape,
                 size_of(x.type().dtype));
    to.offset += shape[axis] * to.strides[axis];
  }
  return result;
}

}  // namespace weft::ir
