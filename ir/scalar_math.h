// The transcendental functions as scalar programs, for f32 and f64. Each takes and returns values
// of one float dtype. Accuracy: at most 1 ULP for exp, log and rsqrt and 2 for the rest
// (docs/accuracy.md). Correct at NaN, infinities, zeros and denormals, and over the whole range of
// arguments. Sources of the approximations stand beside each definition.
#pragma once

#include "ir/scalar.h"

namespace weft::ir::math {

Scalar exp(ScalarBuilder& b, Scalar x);
Scalar expm1(ScalarBuilder& b, Scalar x);
Scalar log(ScalarBuilder& b, Scalar x);
Scalar log1p(ScalarBuilder& b, Scalar x);
Scalar sin(ScalarBuilder& b, Scalar x);
Scalar cos(ScalarBuilder& b, Scalar x);
Scalar tan(ScalarBuilder& b, Scalar x);
Scalar tanh(ScalarBuilder& b, Scalar x);
Scalar asin(ScalarBuilder& b, Scalar x);
Scalar acos(ScalarBuilder& b, Scalar x);
Scalar atan(ScalarBuilder& b, Scalar x);
Scalar sinh(ScalarBuilder& b, Scalar x);
Scalar cosh(ScalarBuilder& b, Scalar x);
Scalar asinh(ScalarBuilder& b, Scalar x);
Scalar acosh(ScalarBuilder& b, Scalar x);
Scalar atanh(ScalarBuilder& b, Scalar x);
Scalar erf(ScalarBuilder& b, Scalar x);
Scalar erfc(ScalarBuilder& b, Scalar x);
Scalar erf_inv(ScalarBuilder& b, Scalar x);
Scalar lgamma(ScalarBuilder& b, Scalar x);
Scalar digamma(ScalarBuilder& b, Scalar x);
/// The derivative of digamma of that order, from 1 to max_polygamma_order: beyond, factorials in
/// its coefficients leave the range of f64.
inline constexpr int max_polygamma_order = 100;
Scalar polygamma(ScalarBuilder& b, Scalar x, int order);
Scalar logistic(ScalarBuilder& b, Scalar x);
Scalar cbrt(ScalarBuilder& b, Scalar x);
Scalar rsqrt(ScalarBuilder& b, Scalar x);  // 1 / sqrt(x)
/// C's pow; of integers x^y modulo 2^width, or, where y < 0, 1 / x^|y| truncated and 0 for x = 0.
Scalar pow(ScalarBuilder& b, Scalar x, Scalar y);
Scalar atan2(ScalarBuilder& b, Scalar y, Scalar x);  // C's atan2
/// Word `index % 4` of the Philox 4x32-10 block with key = key0 and counter = {index / 4, key1}
/// (64 bits each, low word first); all u64; the result is u32.
Scalar philox_u32(ScalarBuilder& b, Scalar key0, Scalar key1, Scalar index);

/// scale, exponent and mantissa in other opcodes, for processors without an instruction; params are
/// the operands.
ScalarProgram expansion(ScalarOp op, DType dtype);

}  // namespace weft::ir::math
