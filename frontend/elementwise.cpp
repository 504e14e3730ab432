// Elementwise functions and operators.
#include <cmath>

#include <weft/ops.h>
#include "frontend/expr.h"
#include "frontend/promote.h"
#include "frontend/storage.h"
#include "ir/scalar_math.h"

namespace weft {

using detail::OpScope;
using detail::Ref;
using detail::wrap;
namespace expr = detail::expr;
using ir::Op;

namespace {

/// Integers and bool become the default float first.
Tensor float_unary(const char* name, Op op, const Tensor& x, const Location& where) {
  const OpScope scope(name, where);
  return wrap(expr::unary(op, detail::as_ref(x, detail::float_type(x.dtype()))));
}

/// Floats, and integers as they are.
Tensor number_unary(const char* name, Op op, const Tensor& x, const Location& where) {
  const OpScope scope(name, where);
  if (is_bool(x.dtype())) detail::fail("expected numbers, got a bool tensor");
  return wrap(expr::unary(op, detail::read(x)));
}

/// Rounds floats; integers are round already.
Tensor rounding(const char* name, Op op, const Tensor& x, const Location& where) {
  const OpScope scope(name, where);
  const Ref value = detail::read(x);
  return wrap(is_float(x.dtype()) ? expr::unary(op, value) : value);
}

struct Pair {
  Ref a, b;
};
Pair promoted(const Operand& a, const Operand& b) {
  const DType dtype = detail::result_type(a, b);
  return {detail::as_ref(a, dtype), detail::as_ref(b, dtype)};
}
Pair promoted_numbers(const Operand& a, const Operand& b) {
  const DType dtype = detail::result_type(a, b);
  if (is_bool(dtype)) detail::fail("expected numbers, got bool operands");
  return {detail::as_ref(a, dtype), detail::as_ref(b, dtype)};
}
Pair promoted_floats(const Operand& a, const Operand& b) {
  const DType dtype = detail::float_type(detail::result_type(a, b));
  return {detail::as_ref(a, dtype), detail::as_ref(b, dtype)};
}

Tensor compared(const char* name, const char* direction, const Operand& a, const Operand& b) {
  const OpScope scope(name, a.where());
  const auto [x, y] = promoted(a, b);
  return wrap(expr::compare(direction, x, y));
}

Ref truth(const Operand& x) {
  if (!x.is_tensor()) return expr::scalar(DType::boolean, x.scalar().to<bool>());
  const Ref value = detail::read(x.tensor());
  if (is_bool(value->type.dtype)) return value;
  return expr::compare("ne", value, expr::scalar(value->type.dtype, 0));
}

Tensor logical(const char* name, Op op, const Operand& a, const Operand& b) {
  const OpScope scope(name, a.where());
  return wrap(expr::binary(op, truth(a), truth(b)));
}

Tensor bitwise(const char* name, Op op, const Operand& a, const Operand& b) {
  const OpScope scope(name, a.where());
  const auto [x, y] = promoted(a, b);
  if (is_float(x->type.dtype)) {
    detail::fail("expected integers or bool, got " + std::string(weft::name(x->type.dtype)));
  }
  return wrap(expr::binary(op, x, y));
}

/// Whether a remainder, which has the sign of the dividend, is not 0 and b's sign is another.
Ref has_wrong_sign(const Ref& rem, const Ref& b) {
  const Ref zero = expr::scalar(rem->type.dtype, 0);
  return expr::binary(
      Op::and_, expr::compare("ne", rem, zero),
      expr::compare("ne", expr::compare("lt", rem, zero), expr::compare("lt", b, zero)));
}

/// a - floor(a / b) * b, with the sign of b.
Ref remainder_of(const Ref& a, const Ref& b) {
  const Ref rem = expr::binary(Op::rem, a, b);
  return expr::select(has_wrong_sign(rem, b), expr::add(rem, b), rem);
}

/// Rounds a / b down, from the exact remainder as Python and PyTorch do: the rounded quotient may
/// lie above the true one, as in 1.0 // 0.1.
Ref float_floor_divide(const Ref& a, const Ref& b) {
  const DType t = a->type.dtype;
  const Ref zero = expr::scalar(t, 0);
  const Ref rem = expr::binary(Op::rem, a, b);
  const Ref truncated = expr::div(expr::sub(a, rem), b);  // an integer, or nearly one
  const Ref quotient = expr::select(has_wrong_sign(rem, b), expr::add(truncated, -1), truncated);
  const Ref below = expr::unary(Op::floor, quotient);
  const Ref is_far = expr::compare("gt", expr::sub(quotient, below), expr::scalar(t, 0.5));
  const Ref rounded = expr::select(is_far, expr::add(below, 1), below);
  return expr::select(expr::compare("eq", b, zero), expr::div(a, b), rounded);
}

/// An alpha for operands of that dtype; torch refuses fractions for integers.
Ref scaled(const Ref& x, const Scalar& alpha) {
  const DType t = x->type.dtype;
  if (alpha.is_real() && !is_float(t)) {
    detail::fail_plain(
        "For integral input tensors, argument alpha must not be a floating point number.");
  }
  return is_bool(t) || alpha == Scalar(1) ? x : expr::mul(x, detail::literal(alpha, t));
}

/// Powers with a small constant exponent are products; PyTorch has the same special cases.
Ref constant_power(const Ref& x, const Scalar& exponent) {
  // Constant, but where a gradient is asked for, it is zeros and not an error.
  if (exponent == 0 && !x->requires_grad) return expr::full(x->type, 1);
  if (exponent == 1) return x;
  if (exponent == 2) return expr::mul(x, x);
  if (exponent == 3) return expr::mul(expr::mul(x, x), x);
  if (is_float(x->type.dtype)) {
    const Ref one = expr::scalar(x->type.dtype, 1);
    if (exponent == 0.5) return expr::unary(Op::sqrt, x);
    if (exponent == -0.5) return expr::unary(Op::rsqrt, x);
    if (exponent == -1) return expr::div(one, x);
    if (exponent == -2) return expr::div(one, expr::mul(x, x));
  }
  return expr::binary(Op::pow, x, detail::literal(exponent, x->type.dtype));
}

}  // namespace

// One line for each function: how it treats integers, and its operation.
#define WEFT_UNARY(NAME, HOW, OP)                                                 \
  Tensor NAME(const Tensor& x, Here here) { return HOW(#NAME, Op::OP, x, here); } \
  Tensor Tensor::NAME(Here here) const { return weft::NAME(*this, here); }
WEFT_UNARY(abs, number_unary, abs)
WEFT_UNARY(neg, number_unary, neg)
WEFT_UNARY(sign, number_unary, sign)
WEFT_UNARY(floor, rounding, floor)
WEFT_UNARY(ceil, rounding, ceil)
WEFT_UNARY(round, rounding, round)
WEFT_UNARY(sqrt, float_unary, sqrt)
WEFT_UNARY(rsqrt, float_unary, rsqrt)
WEFT_UNARY(cbrt, float_unary, cbrt)
WEFT_UNARY(exp, float_unary, exp)
WEFT_UNARY(expm1, float_unary, expm1)
WEFT_UNARY(log, float_unary, log)
WEFT_UNARY(log1p, float_unary, log1p)
WEFT_UNARY(sin, float_unary, sin)
WEFT_UNARY(cos, float_unary, cos)
WEFT_UNARY(tan, float_unary, tan)
WEFT_UNARY(asin, float_unary, asin)
WEFT_UNARY(acos, float_unary, acos)
WEFT_UNARY(atan, float_unary, atan)
WEFT_UNARY(sinh, float_unary, sinh)
WEFT_UNARY(cosh, float_unary, cosh)
WEFT_UNARY(tanh, float_unary, tanh)
WEFT_UNARY(asinh, float_unary, asinh)
WEFT_UNARY(acosh, float_unary, acosh)
WEFT_UNARY(atanh, float_unary, atanh)
WEFT_UNARY(erf, float_unary, erf)
WEFT_UNARY(erfc, float_unary, erfc)
WEFT_UNARY(erfinv, float_unary, erf_inv)
WEFT_UNARY(lgamma, float_unary, lgamma)
WEFT_UNARY(digamma, float_unary, digamma)
WEFT_UNARY(sigmoid, float_unary, logistic)
#undef WEFT_UNARY

// Functions composed of a few operations on the float value `v`.
#define WEFT_COMPOSED(NAME, ...)                                    \
  Tensor NAME(const Tensor& x, Here here) {                         \
    const OpScope scope(#NAME, here);                               \
    const Ref v = detail::as_ref(x, detail::float_type(x.dtype())); \
    return wrap(__VA_ARGS__);                                       \
  }                                                                 \
  Tensor Tensor::NAME(Here here) const { return weft::NAME(*this, here); }
WEFT_COMPOSED(reciprocal, expr::div(expr::scalar(v->type.dtype, 1), v))
WEFT_COMPOSED(exp2, expr::binary(Op::pow, expr::scalar(v->type.dtype, 2), v))
WEFT_COMPOSED(log2, expr::mul(expr::unary(Op::log, v), 1 / std::log(2.0)))
WEFT_COMPOSED(log10, expr::mul(expr::unary(Op::log, v), 1 / std::log(10.0)))
#undef WEFT_COMPOSED

Tensor square(const Tensor& x, Here here) {
  const OpScope scope("square", here);
  return pow(x, 2);  // so that bool becomes i64, as in PyTorch
}

Tensor polygamma(std::int64_t n, const Tensor& x, Here here) {
  const OpScope scope("polygamma", here);
  if (n < 0) detail::fail("does not support negative n, got " + std::to_string(n));
  if (n == 0) return digamma(x);
  if (n > ir::math::max_polygamma_order) {
    detail::fail_unsupported("expected n of at most " +
                             std::to_string(ir::math::max_polygamma_order) + ", got " +
                             std::to_string(n));
  }
  const Ref v = detail::as_ref(x, detail::float_type(x.dtype()));
  return wrap(detail::record(Op::polygamma, {v}, {{"order", n}}));
}

Tensor trunc(const Tensor& x, Here here) {
  const OpScope scope("trunc", here);
  const Ref v = detail::read(x);
  if (!is_float(x.dtype())) return wrap(v);
  const Ref below_zero = expr::compare("lt", v, expr::scalar(v->type.dtype, 0));
  return wrap(expr::select(below_zero, expr::unary(Op::ceil, v), expr::unary(Op::floor, v)));
}

Tensor frac(const Tensor& x, Here here) {
  const OpScope scope("frac", here);
  return x - trunc(x);
}

// Not max(x, 0): at 0 PyTorch's gradient is 0, and a NaN stays one.
Tensor relu(const Tensor& x, Here here) {
  const OpScope scope("relu", here);
  const Ref v = detail::read(x);
  const Ref zero = expr::scalar(v->type.dtype, 0);
  return wrap(expr::select(expr::compare("le", v, zero), zero, v));
}

Tensor logical_not(const Tensor& x, Here here) {
  const OpScope scope("logical_not", here);
  return wrap(expr::unary(Op::not_, truth(x)));
}

Tensor bitwise_not(const Tensor& x, Here here) {
  const OpScope scope("bitwise_not", here);
  const Ref v = detail::read(x);
  if (is_float(x.dtype())) detail::fail("expected integers or bool, got " + v->type.str());
  return wrap(expr::unary(Op::not_, v));
}

Tensor isnan(const Tensor& x, Here here) {
  const OpScope scope("isnan", here);
  const Ref v = detail::read(x);
  return wrap(expr::compare("ne", v, v));
}

Tensor isinf(const Tensor& x, Here here) {
  const OpScope scope("isinf", here);
  const Ref v = detail::read(x);
  if (!is_float(x.dtype())) return wrap(expr::full({DType::boolean, v->type.shape}, 0));
  const Ref infinity = expr::scalar(v->type.dtype, INFINITY);
  return wrap(expr::compare("eq", expr::unary(Op::abs, v), infinity));
}

Tensor isfinite(const Tensor& x, Here here) {
  const OpScope scope("isfinite", here);
  const Ref v = detail::read(x);
  if (!is_float(x.dtype())) return wrap(expr::full({DType::boolean, v->type.shape}, 1));
  return wrap(expr::unary(Op::is_finite, v));
}

Tensor add(const Operand& a, const Operand& b, Scalar alpha) {
  const OpScope scope("add", a.where());
  const auto [x, y] = promoted(a, b);
  const Ref term = scaled(y, alpha);
  if (is_bool(x->type.dtype)) return wrap(expr::binary(Op::or_, x, y));
  return wrap(expr::add(x, term));
}

Tensor sub(const Operand& a, const Operand& b, Scalar alpha) {
  const OpScope scope("sub", a.where());
  const auto [x, y] = promoted(a, b);
  if (is_bool(x->type.dtype)) {
    detail::fail_plain(
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
        "`logical_xor()` operator instead.");
  }
  return wrap(expr::sub(x, scaled(y, alpha)));
}

Tensor mul(const Operand& a, const Operand& b) {
  const OpScope scope("mul", a.where());
  const auto [x, y] = promoted(a, b);
  return wrap(expr::binary(is_bool(x->type.dtype) ? Op::and_ : Op::mul, x, y));
}

Tensor div(const Operand& a, const Operand& b) {
  const OpScope scope("div", a.where());
  const auto [x, y] = promoted_floats(a, b);
  return wrap(expr::div(x, y));
}

Tensor pow(const Operand& a, const Operand& b) {
  const OpScope scope("pow", a.where());
  const auto [x, y] = promoted_numbers(a, b);
  if (b.is_tensor()) return wrap(expr::binary(Op::pow, x, y));
  if (is_int(x->type.dtype) && b.scalar() < 0) {
    detail::fail_plain("Integers to negative integer powers are not allowed.");
  }
  return wrap(constant_power(x, b.scalar()));
}

Tensor remainder(const Operand& a, const Operand& b) {
  const OpScope scope("remainder", a.where());
  const auto [x, y] = promoted_numbers(a, b);
  return wrap(remainder_of(x, y));
}

Tensor fmod(const Operand& a, const Operand& b) {
  const OpScope scope("fmod", a.where());
  const auto [x, y] = promoted_numbers(a, b);
  return wrap(expr::binary(Op::rem, x, y));
}

Tensor floor_divide(const Operand& a, const Operand& b) {
  const OpScope scope("floor_divide", a.where());
  const auto [x, y] = promoted_numbers(a, b);
  if (is_float(x->type.dtype)) return wrap(float_floor_divide(x, y));
  return wrap(expr::div(expr::sub(x, remainder_of(x, y)), y));
}

Tensor atan2(const Operand& a, const Operand& b) {
  const OpScope scope("atan2", a.where());
  const auto [x, y] = promoted_floats(a, b);
  return wrap(expr::binary(Op::atan2, x, y));
}

Tensor maximum(const Operand& a, const Operand& b) {
  const OpScope scope("maximum", a.where());
  const auto [x, y] = promoted(a, b);
  return wrap(expr::binary(is_bool(x->type.dtype) ? Op::or_ : Op::max, x, y));
}

Tensor minimum(const Operand& a, const Operand& b) {
  const OpScope scope("minimum", a.where());
  const auto [x, y] = promoted(a, b);
  return wrap(expr::binary(is_bool(x->type.dtype) ? Op::and_ : Op::min, x, y));
}

Tensor eq(const Operand& a, const Operand& b) { return compared("eq", "eq", a, b); }
Tensor ne(const Operand& a, const Operand& b) { return compared("ne", "ne", a, b); }
Tensor lt(const Operand& a, const Operand& b) { return compared("lt", "lt", a, b); }
Tensor le(const Operand& a, const Operand& b) { return compared("le", "le", a, b); }
Tensor gt(const Operand& a, const Operand& b) { return compared("gt", "gt", a, b); }
Tensor ge(const Operand& a, const Operand& b) { return compared("ge", "ge", a, b); }
Tensor logical_and(const Operand& a, const Operand& b) {
  return logical("logical_and", Op::and_, a, b);
}
Tensor logical_or(const Operand& a, const Operand& b) {
  return logical("logical_or", Op::or_, a, b);
}
Tensor logical_xor(const Operand& a, const Operand& b) {
  return logical("logical_xor", Op::xor_, a, b);
}
Tensor bitwise_and(const Operand& a, const Operand& b) {
  return bitwise("bitwise_and", Op::and_, a, b);
}
Tensor bitwise_or(const Operand& a, const Operand& b) {
  return bitwise("bitwise_or", Op::or_, a, b);
}
Tensor bitwise_xor(const Operand& a, const Operand& b) {
  return bitwise("bitwise_xor", Op::xor_, a, b);
}
Tensor bitwise_left_shift(const Operand& a, const Operand& b) {
  return bitwise("bitwise_left_shift", Op::shift_left, a, b);
}
Tensor bitwise_right_shift(const Operand& a, const Operand& b) {
  return bitwise("bitwise_right_shift", Op::shift_right_arithmetic, a, b);
}

Tensor where(const Tensor& condition, const Operand& a, const Operand& b) {
  const OpScope scope("where", a.where());
  if (!is_bool(condition.dtype())) {
    detail::fail("operand 0 (the condition) has dtype " + std::string(name(condition.dtype())) +
                 ", expected bool");
  }
  const auto [x, y] = promoted(a, b);
  return wrap(expr::select(detail::read(condition), x, y));
}

// By selections: a gradient passes at the bounds themselves, and a NaN stays one.
Tensor clamp_min(const Tensor& x, const Operand& low) {
  const OpScope scope("clamp_min", low.where());
  const auto [v, bound] = promoted(x, low);
  return wrap(expr::select(expr::compare("lt", v, bound), bound, v));
}

Tensor clamp_max(const Tensor& x, const Operand& high) {
  const OpScope scope("clamp_max", high.where());
  const auto [v, bound] = promoted(x, high);
  return wrap(expr::select(expr::compare("gt", v, bound), bound, v));
}

Tensor clamp(const Tensor& x, const Operand& low, const Operand& high) {
  const OpScope scope("clamp", low.where());
  return clamp_max(clamp_min(x, low), high);
}

Tensor lerp(const Operand& start, const Operand& end, const Operand& weight) {
  const OpScope scope("lerp", start.where());
  const Tensor difference = sub(end, start);
  return add(start, mul(weight, difference));
}

#define WEFT_OPERATOR(OP, NAME)                                                    \
  Tensor operator OP(const TensorHere& a, const Operand& b) { return NAME(a, b); } \
  Tensor operator OP(const NumberHere& a, const TensorHere& b) { return NAME(a, b); }
WEFT_OPERATOR(+, add)
WEFT_OPERATOR(-, sub)
WEFT_OPERATOR(*, mul)
WEFT_OPERATOR(/, div)
WEFT_OPERATOR(==, eq)
WEFT_OPERATOR(!=, ne)
WEFT_OPERATOR(<, lt)
WEFT_OPERATOR(<=, le)
WEFT_OPERATOR(>, gt)
WEFT_OPERATOR(>=, ge)
WEFT_OPERATOR(&, bitwise_and)
WEFT_OPERATOR(|, bitwise_or)
WEFT_OPERATOR(^, bitwise_xor)
#undef WEFT_OPERATOR
Tensor operator-(const TensorHere& x) { return neg(x.tensor(), x.where()); }
Tensor operator~(const TensorHere& x) { return bitwise_not(x.tensor(), x.where()); }

// Methods. The place is the other operand's: the caller's line.
#define WEFT_METHOD(NAME)                           \
  Tensor Tensor::NAME(const Operand& other) const { \
    const OpScope scope(#NAME, other.where());      \
    return weft::NAME(*this, other);                \
  }
WEFT_METHOD(mul)
WEFT_METHOD(div)
WEFT_METHOD(pow)
WEFT_METHOD(remainder)
WEFT_METHOD(fmod)
WEFT_METHOD(floor_divide)
WEFT_METHOD(atan2)
WEFT_METHOD(maximum)
WEFT_METHOD(minimum)
WEFT_METHOD(eq)
WEFT_METHOD(ne)
WEFT_METHOD(lt)
WEFT_METHOD(le)
WEFT_METHOD(gt)
WEFT_METHOD(ge)
WEFT_METHOD(logical_and)
WEFT_METHOD(logical_or)
WEFT_METHOD(logical_xor)
WEFT_METHOD(clamp_min)
WEFT_METHOD(clamp_max)
#undef WEFT_METHOD

Tensor Tensor::add(const Operand& other, Scalar alpha) const {
  const OpScope scope("add", other.where());
  return weft::add(*this, other, alpha);
}
Tensor Tensor::sub(const Operand& other, Scalar alpha) const {
  const OpScope scope("sub", other.where());
  return weft::sub(*this, other, alpha);
}
Tensor Tensor::clamp(const Operand& low, const Operand& high) const {
  return weft::clamp(*this, low, high);
}
Tensor Tensor::square(Here here) const { return weft::square(*this, here); }
Tensor Tensor::polygamma(std::int64_t n, Here here) const {
  return weft::polygamma(n, *this, here);
}
Tensor Tensor::trunc(Here here) const { return weft::trunc(*this, here); }
Tensor Tensor::frac(Here here) const { return weft::frac(*this, here); }
Tensor Tensor::relu(Here here) const { return weft::relu(*this, here); }
Tensor Tensor::logical_not(Here here) const { return weft::logical_not(*this, here); }
Tensor Tensor::bitwise_not(Here here) const { return weft::bitwise_not(*this, here); }
Tensor Tensor::isnan(Here here) const { return weft::isnan(*this, here); }
Tensor Tensor::isinf(Here here) const { return weft::isinf(*this, here); }
Tensor Tensor::isfinite(Here here) const { return weft::isfinite(*this, here); }

}  // namespace weft
