// pow, cbrt, rsqrt. f32 pow is 2^(y log2 x) in f64; f64 pow carries log2 x and its product with y
// in two parts of together about 64 bits. Integers: squaring, and a binomial series. The fits are
// minimax fits (fpminimax of Sollya).
#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {

/// `of_finite` is log2(a) for 0 < a < inf; completes it to all a >= 0 and NaN.
Term log2_limits(Term a, Term of_finite) {
  return select(a < infinity, select(a == 0, -infinity, of_finite), convert(a, DType::f64));
}

Term pow_magnitude_f32(Term a, Term y) {
  const Term log2_a = log2_limits(a, log2_wide(convert(a, DType::f64)));
  // Bounded y still overflows, but 0 * inf does not occur.
  const Term bounded_y = at_least(at_most(y, 0x1p40), -0x1p40);
  const Term t = log2_a * convert(bounded_y, DType::f64);
  const Term bounded = at_least(at_most(t, 200.0), -200.0);
  const Nearest n = nearest(bounded);
  return convert(scale_by_power(exp2_wide(bounded - n.value), n), DType::f32);
}

/// log2(m) for sqrt(1/2) <= m < sqrt(2).
Pair log2_pair(Term m) {
  const Pair half = half_log_pair(m);
  const Term scale = like(m, 0x1.71547652b82fep+1);
  const Pair log2 = product_of(half.high, scale);
  return {log2.high, fma(half.low, scale, fma(half.high, 0x1.777d0ffda0d24p-55, log2.low))};
}

Term pow_magnitude_f64(Term a, Term y) {
  const Term denormal = a < 0x1p-1022;
  const LogReduced reduced = reduce_log(select(denormal, a * 0x1p64, a));
  const Pair mantissa = log2_pair(reduced.m);
  const Pair log2 = sum_of(reduced.k - select_like(a, denormal, 64, 0), mantissa.high);
  const Term log2_high = log2_limits(a, log2.high);
  // Bounded y still overflows, but 0 * inf does not occur.
  const Term bounded_y = at_least(at_most(y, 0x1p66), -0x1p66);
  const Pair product = product_of(bounded_y, log2_high);
  const Term product_low = fma(bounded_y, log2.low + mantissa.low, product.low);
  const Term t = at_least(at_most(product.high, 1025.0), -1080.0);
  const Nearest n = nearest(t);
  const Term f = t - n.value + select(t == product.high, product_low, 0);
  const Term tail = poly(f, {0.6931471805599453, 0.24022650695910097, 0.05550410866482322,
                             0.009618129107607348, 0.0013333558146089305, 0.00015403530441138917,
                             1.5252734104192596e-05, 1.321544288731234e-06, 1.0177960551858666e-07,
                             7.072534881744991e-09, 4.468867191726452e-10});
  return scale(fma(f, tail, 1), n.value);
}

Term pow_float(Term x, Term y) {
  const Term a = abs(x);
  const Term magnitude = is_f32(x) ? pow_magnitude_f32(a, y) : pow_magnitude_f64(a, y);
  // C's rules for negative x (and -0): odd y keeps the sign, and y must be an integer if x is
  // finite.
  const Term fractional = trunc(y) != y;
  const Term half = y * 0.5;
  const Term even = trunc(half) == half;
  const Term sign = select(fractional | even, 0, sign_bit(x));
  const Term undefined = fractional & ((x < 0) & (a < infinity));
  const Term result = select(undefined, not_a_number, flip_sign(magnitude, sign));
  return select((y == 0) | (x == 1), 1, result);
}

Term pow_integer(Term x, Term y) {
  // The low bits of y by squaring. An odd x has x^(2^k) = 1 + d with d a multiple of 2^(k+2), so
  // that for the other bits, y = 2^k m, the binomial series 1 + m d + m (m - 1) / 2 d^2 ends there:
  // d^3 is 0.
  const int steps = size_of(x.dtype()) == 4 ? 9 : 20;
  Term result = like(x, 1), power = x;
  for (int k = 0; k < steps; ++k) {
    const Term bit = (y & (std::int64_t{1} << k)) != 0;
    result = select(bit, result * power, result);
    power = power * power;
  }
  const Term m = y >> steps, d = power - 1;
  const Term pairs = (m * (m - 1)) >> 1;
  // An even x to such a power is 0.
  const Term vanishes = ((x & 1) == 0) & (m != 0);
  result = select(vanishes, 0, result * ((pairs * d + m) * d + 1));
  if (!is_signed_int(x.dtype())) return result;
  // 1 / x^|y| truncated.
  const Term minus_one = select((y & 1) != 0, like(x, -1), like(x, 1));
  const Term inverse = select(x == 1, 1, select(x == -1, minus_one, 0));
  return select(y < 0, inverse, result);
}

}  // namespace

Scalar pow(ScalarBuilder& b, Scalar x, Scalar y) {
  const Term base{&b, x}, exponent{&b, y};
  return is_float(base.dtype()) ? pow_float(base, exponent) : pow_integer(base, exponent);
}

Scalar cbrt(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term a = abs(x);
  const Term denormal = a < (is_f32(x) ? 0x1p-126 : 0x1p-1022);
  const Term s = select(denormal, a * (is_f32(x) ? 0x1p24 : 0x1p54), a);
  // 1/cbrt(s) to 5 bits: the exponent times -1/3, as 21846 / 65536, on the upper 16 bits.
  const Term pattern = bits(s);
  const Term third = is_f32(x) ? (pattern >> 16) * 21846 : ((pattern >> 48) * 21846) << 32;
  const std::int64_t start = is_f32(x) ? 0x54a2fa8c : 0x553ef0ff289dd796;
  Term y = from_bits(like(pattern, start) - third);
  // e = 1 - s y^3; 1/cbrt(1 - e) = 1 + e/3 + 2/9 e^2 + 14/81 e^3 + ...
  for (int step = 0; step < 2; ++step) {
    const Term e = fma(-(s * y), y * y, 1);
    y = fma(y * e, poly(e, {1.0 / 3, 2.0 / 9, 14.0 / 81}), y);
  }
  const Term t = s * (y * y);
  const Term rest = fma(-(t * t), t, s);
  const Term root = fma(rest * (1.0 / 3), y * y, t);
  const Term scaled = select(denormal, root * (is_f32(x) ? 0x1p-8 : 0x1p-18), root);
  return select((0 < a) & (a < infinity), copy_sign(scaled, x), x);
}

Scalar rsqrt(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term y = 1 / sqrt(x);
  // Two roundings leave up to 1.5 ULP. With h + h_low = x y exactly, e = 1 - x y^2 is nearly exact,
  // and y + y e / 2 is the root within one rounding. At 0, infinity and NaN, e is NaN.
  const Term h = x * y;
  const Term h_low = fma(x, y, -h);
  const Term e = fma(-h_low, y, fma(-h, y, 1));
  return select(abs(e) < 1, fma(y * 0.5, e, y), y);
}

}  // namespace weft::ir::math
