// Operands of one operation brought to a common dtype, by PyTorch's rules: dimensioned tensors
// decide, then scalars tensors, then numbers, unless a later one is of a higher category.
#pragma once

#include <span>

#include <weft/tensor.h>
#include "frontend/record.h"

namespace weft::detail {

inline constexpr DType default_float = DType::f32;

DType dtype_of_scalar(const Scalar& s);
DType result_type(std::span<const Operand* const> operands);
inline DType result_type(const Operand& a, const Operand& b) {
  const Operand* const both[] = {&a, &b};
  return result_type(both);
}
/// The categories of promotion, lowest first: bool, integer, float, complex.
constexpr int category(DType t) { return is_complex(t) ? 3 : is_float(t) ? 2 : is_int(t) ? 1 : 0; }
/// `t`, or the default float for integers and bool.
inline DType float_type(DType t) { return is_float(t) || is_complex(t) ? t : default_float; }

/// An error where the number is out of range for integers of that dtype. As in PyTorch, unsigned
/// ones take negative numbers, modulo 2^width.
void check_range(const Scalar& s, DType dtype);
/// A number as a rank-0 constant of that dtype, in its range.
Ref literal(const Scalar& s, DType dtype);
/// The operand's value, converted.
Ref as_ref(const Operand& x, DType dtype);
/// A conversion, also from dtypes that Weft only stores (on the host then).
Ref convert_value(const Ref& x, DType to);

}  // namespace weft::detail
