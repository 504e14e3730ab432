// Sizes and spelling of types.
#include "ir/type.h"

#include <algorithm>

namespace weft::ir {

std::int64_t Type::elements() const { return ir::elements(shape); }

std::string Type::str() const { return std::string(name(dtype)) + ir::str(shape); }

std::string str(const Shape& shape) {
  std::string text = "[";
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (k > 0) text += ',';
    text += std::to_string(shape[k]);
  }
  return text + ']';
}

std::vector<std::int64_t> row_major_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    strides[k] = step;
    step *= std::max<std::int64_t>(1, shape[k]);
  }
  return strides;
}

std::vector<std::int64_t> to_ints(const Shape& shape) { return {shape.begin(), shape.end()}; }

Shape to_shape(const std::vector<std::int64_t>& sizes) { return {sizes.begin(), sizes.end()}; }

std::int64_t elements(const Shape& shape) {
  if (std::any_of(shape.begin(), shape.end(), [](Dim d) { return d == 0; })) return 0;
  std::int64_t count = 1;
  for (const Dim d : shape)
    if (__builtin_mul_overflow(count, static_cast<std::int64_t>(d), &count))
      throw Error("shape " + str(shape) + " has more elements than a 64-bit integer counts");
  return count;
}

bool is_legal(const Type& type) {
  if (type.rank() > max_rank) return false;
  std::int64_t bytes = static_cast<std::int64_t>(size_of(type.dtype));
  for (const Dim d : type.shape) {
    if (d < 0) return false;
    if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(1, d), &bytes)) return false;
    if (bytes >= max_bytes) return false;
  }
  return true;
}

}  // namespace weft::ir
