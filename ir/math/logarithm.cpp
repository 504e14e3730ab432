// log, log1p. x = 2^k m, then k ln2 + log(1 + f) with f = m - 1. f32: the polynomial of N. Juffa's
// published implementation. f64: s = f / (2 + f) and the series of log((1 + s) / (1 - s)), arranged
// as in fdlibm's e_log.c (Sun Microsystems, 1993), with a minimax fit of its own.
#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {
constexpr double ln2_high = 0x1.62e42fefa39efp-1, ln2_low = 0x1.abc9e3b39803fp-56;

Term log1p_f32(Term f) {
  // log(1 + f) = f - f^2/2 + f^3 p(f), the even and the odd powers of p apart.
  const Term s = f * f;
  const Term even = poly(s, {-0.249996200, -0.166846052, -0.121484190, -0.130310059});
  const Term odd = poly(s, {0.200120345, 0.139814854, 0.140869141});
  return fma(fma(fma(fma(odd, f, even), f, 0.333331972), f, -0.5), s, f);
}

/// `finite` where 0 < x < infinity, elsewhere log's limit.
Term log_limits(Term x, Term finite) {
  return select(0 < x, select(x < infinity, finite, x),
                select(x == 0, like(x, -infinity), like(x, not_a_number)));
}

/// 1 + x = 2^k (1 + f); f comes from x itself, not from the rounded sum.
struct Log1pReduced {
  Term k, f;
  Term power;  // 4 * 2^-k, which is a normal number even for the largest k
};
Log1pReduced reduce_log1p(Term x) {
  const LogReduced r = reduce_log(x + 1);
  const std::int64_t four_bits = is_f32(x) ? std::int64_t{129} << 23 : std::int64_t{1025} << 52;
  const Term power = from_bits(like(r.exponent, four_bits) - r.exponent);
  return {r.k, from_bits(bits(x) - r.exponent) + fma(power, 0.25, -1.0), power};
}

}  // namespace

LogReduced reduce_log(Term x) {
  const Term carried = bits(x) + (one_bits(x) - least_bits(x));
  const Term k = exponent_of_field(x, carried >> mantissa_bits(x));
  const Term m = from_bits((carried & mantissa_mask(x)) + least_bits(x));
  return {k, m, (carried & ~mantissa_mask(x)) - one_bits(x)};
}

Term log_core(Term k, Term f) {
  if (is_f32(f)) return fma(k, ln2_high, log1p_f32(f));
  return log_core(k, f, k * ln2_low);
}

Term log_core(Term k, Term f, Term c) {
  const Term s = f / (f + 2);
  const Term z = s * s;
  const Term r = z * poly(z, {0.66666666666667340, 0.39999999999416741, 0.28571428742009409,
                              0.22222198605607052, 0.18183562917324905, 0.15314080455230586,
                              0.14795705382583218});
  const Term half_square = f * f * 0.5;
  return fma(k, ln2_high, f - (half_square - fma(s, half_square + r, c)));
}

Term log_normal(Term x) {
  const LogReduced r = reduce_log(x);
  return log_core(r.k, r.m - 1);
}

Pair half_log_pair(Term m) {
  // s + s^3 (1/3 + s^2 q(s^2)) with s = (m - 1) / (m + 1).
  const Term numerator = m - 1, denominator = m + 1;
  const Term denominator_low = m - (denominator - 1);
  const Term inverse = 1 / denominator;
  const Term s = numerator * inverse;
  const Term s_low = fma(-s, denominator_low, fma(-s, denominator, numerator)) * inverse;
  const Pair square = product_of(s, s);
  const Term square_low = fma(s + s, s_low, square.low);
  const Term q = poly(square.high, {0.2, 0.14285714285713158, 0.11111111111387822,
                                    0.09090909077086269, 0.07692305007662681, 0.06667067589687399,
                                    0.05860699837854143, 0.057929106401799824});
  const Term third = like(m, 0x1.5555555555555p-2);
  const Pair w = sum_of(third, square.high * q);
  const Term w_low = w.low + 0x1.5555555555555p-56;
  const Pair r = product_of(square.high, w.high);
  const Term r_low = fma(square.high, w_low, fma(square_low, w.high, r.low));
  const Pair cube = product_of(s, r.high);
  const Term cube_low = fma(s, r_low, fma(s_low, r.high, cube.low));
  const Pair sum = sum_of(s, cube.high);
  return {sum.high, sum.low + (s_low + cube_low)};
}

Pair log_pair(Term x) {
  const Term k = exponent(x);
  const Pair half = half_log_pair(mantissa(x));
  // k times the first 42 bits of ln2 is exact.
  const Pair sum = sum_of(k * 0x1.62e42fefa38p-1, half.high * 2);
  return {sum.high, fma(k, 0x1.ef35793c7673p-45, fma(half.low, 2, sum.low))};
}

Term log2_wide(Term x) {
  const LogReduced r = reduce_log(x);
  const Term s = (r.m - 1) / (r.m + 1);
  return fma(s,
             poly(s * s, {2.8853900817900997, 0.9617966733235648, 0.57708358866590570,
                          0.41167248486893776, 0.34073464492506222}),
             r.k);
}

Scalar log(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  return log_core(exponent(x), mantissa(x) - 1);  // k is infinite, or m NaN, where the result is
}

Term log1p_finite(Term x) {
  const Log1pReduced r = reduce_log1p(x);
  return log_core(r.k, r.f);
}
Term log1p_finite(Term x, Term x_low, Term more_k) {
  const Log1pReduced r = reduce_log1p(x);
  const Term k = r.k + more_k;
  // The small x_low / (1 + x) = x_low 2^-k / (1 + f), with 1 - f for the last.
  const Term c = x_low * r.power * fma(r.f, -0.25, 0.25);
  return log_core(k, r.f, fma(k, ln2_low, c));
}

Scalar log1p(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term sum = log1p_finite(x);
  // -0 and the smallest x are their own result.
  return select(abs(x) < 0x1p-60, x, log_limits(x + 1, sum));
}

}  // namespace weft::ir::math
