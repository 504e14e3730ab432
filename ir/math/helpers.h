// Formulas over scalar programs: a Term is a value with its builder, so that `x * y + 1` and
// `fma(x, y, 1)` append instructions. Plain numbers take the dtype of the Term beside them.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <type_traits>

#include "ir/scalar.h"

namespace weft::ir::math {

struct Term {
  ScalarBuilder* builder;
  Scalar scalar;

  DType dtype() const { return builder->dtype(scalar); }
  operator Scalar() const { return scalar; }
};

template <class T>
concept Number = std::is_arithmetic_v<T>;
template <class T>
concept TermOrNumber = std::same_as<T, Term> || Number<T>;

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// `value` as a constant of x's dtype; a Term as itself.
template <Number T>
Term like(Term x, T value) {
  if constexpr (std::is_integral_v<T>)
    if (!is_float(x.dtype()))
      return {x.builder, x.builder->constant_int(x.dtype(), static_cast<std::int64_t>(value))};
  return {x.builder, x.builder->constant(x.dtype(), static_cast<double>(value))};
}
inline Term like(Term, Term value) { return value; }

inline Term emit(ScalarOp op, Term a) { return {a.builder, a.builder->emit(op, a.dtype(), {a})}; }
inline Term emit(ScalarOp op, Term a, Term b) {
  return {a.builder, a.builder->emit(op, a.dtype(), {a, b})};
}
inline Term compare(ScalarOp op, Term a, Term b) {
  return {a.builder, a.builder->emit(op, DType::boolean, {a, b})};
}

#define WEFT_MATH_BINARY(spelling, code, how)                      \
  inline Term spelling(Term a, Term b) { return how(code, a, b); } \
  template <Number T>                                              \
  Term spelling(Term a, T b) {                                     \
    return how(code, a, like(a, b));                               \
  }                                                                \
  template <Number T>                                              \
  Term spelling(T a, Term b) {                                     \
    return how(code, like(b, a), b);                               \
  }
WEFT_MATH_BINARY(operator+, ScalarOp::add, emit)
WEFT_MATH_BINARY(operator-, ScalarOp::sub, emit)
WEFT_MATH_BINARY(operator*, ScalarOp::mul, emit)
WEFT_MATH_BINARY(operator/, ScalarOp::div, emit)
WEFT_MATH_BINARY(operator&, ScalarOp::and_, emit)
WEFT_MATH_BINARY(operator|, ScalarOp::or_, emit)
WEFT_MATH_BINARY(operator^, ScalarOp::xor_, emit)
WEFT_MATH_BINARY(operator<<, ScalarOp::shl, emit)
WEFT_MATH_BINARY(operator>>, ScalarOp::shr_logical, emit)
WEFT_MATH_BINARY(operator==, ScalarOp::eq, compare)
WEFT_MATH_BINARY(operator!=, ScalarOp::ne, compare)
WEFT_MATH_BINARY(operator<, ScalarOp::lt, compare)
WEFT_MATH_BINARY(operator<=, ScalarOp::le, compare)
#undef WEFT_MATH_BINARY

inline Term operator-(Term a) { return emit(ScalarOp::neg, a); }
inline Term abs(Term a) { return emit(ScalarOp::abs, a); }
inline Term sqrt(Term a) { return emit(ScalarOp::sqrt, a); }
inline Term trunc(Term a) { return emit(ScalarOp::trunc, a); }
inline Term scale(Term a, Term b) { return emit(ScalarOp::scale, a, b); }
inline Term exponent(Term a) { return emit(ScalarOp::exponent, a); }
inline Term mantissa(Term a) { return emit(ScalarOp::mantissa, a); }
inline Term round_even(Term a) { return emit(ScalarOp::round_even, a); }

/// a * b + c, rounded once; at least one of a and b is a Term.
template <TermOrNumber A, TermOrNumber B, TermOrNumber C>
Term fma(A a, B b, C c) {
  Term x{};
  if constexpr (std::same_as<A, Term>)
    x = a;
  else
    x = b;
  return {x.builder, x.builder->fma(like(x, a), like(x, b), like(x, c))};
}

/// p ? a : b; at least one of a and b is a Term, or (select_like) x gives the dtype of both.
template <TermOrNumber A, TermOrNumber B>
Term select(Term p, A a, B b) {
  Term x{};
  if constexpr (std::same_as<A, Term>)
    x = a;
  else
    x = b;
  return {p.builder, p.builder->select(p, like(x, a), like(x, b))};
}
template <Number A, Number B>
Term select_like(Term x, Term p, A a, B b) {
  return select(p, like(x, a), like(x, b));
}

/// The smaller (larger) of x and a bound; NaN stays NaN. One machine instruction.
template <Number T>
Term at_most(Term x, T bound) {
  return select(bound < x, bound, x);
}
template <Number T>
Term at_least(Term x, T bound) {
  return select(x < bound, bound, x);
}

inline Term convert(Term a, DType to) { return {a.builder, a.builder->convert(a, to)}; }
inline bool is_f32(Term a) { return a.dtype() == DType::f32; }

/// c[0] + x (c[1] + x (c[2] + ...)), one fma each.
inline Term poly(Term x, std::initializer_list<double> c) {
  const double* k = c.end();
  Term sum = like(x, *--k);
  while (k != c.begin()) sum = fma(sum, x, *--k);
  return sum;
}

// The layout of x's float dtype, and its bits as a signed integer.
inline int mantissa_bits(Term x) { return is_f32(x) ? 23 : 52; }
inline int exponent_bias(Term x) { return is_f32(x) ? 127 : 1023; }
inline Term bits(Term x) {
  return {x.builder, x.builder->bitcast(x, is_f32(x) ? DType::i32 : DType::i64)};
}
inline Term from_bits(Term x) {
  return {x.builder, x.builder->bitcast(x, x.dtype() == DType::i32 ? DType::f32 : DType::f64)};
}
/// `power` in the exponent field of x's bits.
inline Term exponent_field(Term x_bits, int power) {
  return like(x_bits, static_cast<std::int64_t>(power) << (x_bits.dtype() == DType::i32 ? 23 : 52));
}
/// The bits of 1, and of the least mantissa (ScalarOp::mantissa). What 1 has more, added to the
/// bits of x, carries into the exponent field where the mantissa reaches twice the least.
inline std::int64_t one_bits(Term x) { return is_f32(x) ? 0x3f800000 : 0x3ff0000000000000; }
inline std::int64_t least_bits(Term x) { return is_f32(x) ? 0x3f2aaaab : 0x3fe6a09e667f3bcd; }
inline std::int64_t mantissa_mask(Term x) { return is_f32(x) ? 0x007fffff : 0x000fffffffffffff; }
/// The exponent whose field is `field`, as a float of x's dtype, without a conversion.
inline Term exponent_of_field(Term x, Term field) {
  const std::int64_t shift_bits = is_f32(x) ? 0x4b000000 : 0x4330000000000000;
  return from_bits(field | shift_bits) - ((is_f32(x) ? 0x1p23 : 0x1p52) + exponent_bias(x));
}
/// The sign bit of x alone, as bits; and its uses on a value.
inline std::int64_t sign_mask(Term x) {
  return is_f32(x) ? std::numeric_limits<std::int32_t>::min()
                   : std::numeric_limits<std::int64_t>::min();
}
inline Term sign_bit(Term x) { return bits(x) & sign_mask(x); }
inline Term flip_sign(Term x, Term sign) { return from_bits(bits(x) ^ sign); }
inline Term copy_sign(Term magnitude, Term sign_of) {  // magnitude >= 0
  return from_bits(bits(magnitude) | sign_bit(sign_of));
}

/// x * scale to the nearest integer, as a float and, modulo 2^22 (f32) or 2^51, in the low bits of
/// an integer. Adding 1.5 * 2^mantissa leaves it there, without a conversion (slow in vectors).
struct Nearest {
  Term value, bits;
};
inline Nearest nearest(Term x, double scale = 1) {
  const double magic = is_f32(x) ? 0x1.8p23 : 0x1.8p52;
  const Term shifted = scale == 1 ? x + magic : fma(x, scale, magic);
  return {shifted - magic, bits(shifted)};
}

/// A value as an unevaluated sum of a number and a smaller rest.
struct Pair {
  Term high, low;
};
/// The exact sum; of any order of sizes, and where |large| >= |small| or large is 0.
inline Pair sum_of_any(Term a, Term b) {
  const Term s = a + b, rest = s - a;
  return {s, (a - (s - rest)) + (b - rest)};
}
inline Pair sum_of(Term large, Term small) {
  const Term s = large + small;
  return {s, small - (s - large)};
}
/// The exact product.
inline Pair product_of(Term a, Term b) {
  const Term p = a * b;
  return {p, fma(a, b, -p)};
}
inline Pair operator-(Pair a) { return {-a.high, -a.low}; }
inline Pair operator*(Pair a, Term b) {
  const Pair p = product_of(a.high, b);
  return {p.high, fma(a.low, b, p.low)};
}
inline Pair operator*(Pair a, Pair b) {
  const Pair p = a * b.high;
  return {p.high, fma(a.high, b.low, p.low)};
}
/// A constant of x's dtype.
inline Pair pair_like(Term x, double high, double low) { return {like(x, high), like(x, low)}; }
inline Pair select(Term p, Pair a, Pair b) {
  return {select(p, a.high, b.high), select(p, a.low, b.low)};
}

}  // namespace weft::ir::math
