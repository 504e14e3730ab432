// exp, expm1, logistic. x = n ln2 + f, then e^x = 2^n (1 + f + f^2 q(f)). The polynomials are
// minimax fits made for these intervals (fpminimax of Sollya); f32 exp's is the one of N. Juffa's
// published implementation.
#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {
constexpr double log2_e = 0x1.71547652b82fep+0;

// Arguments beyond these give infinity and zero; the exponents that come of them still fit.
Term clamp_exp_argument(Term x) {
  return is_f32(x) ? at_least(at_most(x, 89.0), -104.0) : at_least(at_most(x, 710.0), -746.0);
}
}  // namespace

ExpReduced reduce_exp(Term x) {
  // ln2 in two parts; n times the first is exact within the fma, and so is the difference.
  const double high = is_f32(x) ? 0x1.62e43p-1 : 0x1.62e42fefa39efp-1;
  const double low = is_f32(x) ? -0x1.05c61p-29 : 0x1.abc9e3b39803fp-56;
  const Nearest n = nearest(x, log2_e);
  const Term main = fma(n.value, -high, x);
  const Term f = fma(n.value, -low, main);
  return {f, fma(n.value, -low, main - f), n};
}

Term exp_tail(Term f) {
  if (is_f32(f))
    return poly(f, {4.99999851e-1, 1.66664720e-1, 4.16695364e-2, 8.37312452e-3, 1.37805939e-3});
  return poly(
      f, {0.50000000000000056, 0.1666666666666659, 0.04166666666657301, 8.333333333388095e-3,
          1.388888893269381e-3, 1.9841269723379389e-4, 2.4801503969055553e-5, 2.755740245040973e-6,
          2.762654703120056e-7, 2.5055783119589564e-8});
}

Term exp_near_zero(Term f) { return fma(fma(exp_tail(f), f, 1), f, 1); }

Term scale_by_power(Term p, Nearest n) {
  const int mantissa = mantissa_bits(p);
  return p * from_bits((n.bits << mantissa) + exponent_field(n.bits, exponent_bias(p)));
}

Term half_exp_core(Term x) {
  // At the bound n is bias + 3, whose field is infinity's.
  const ExpReduced r = reduce_exp(at_most(x, is_f32(x) ? 90.0 : 711.0));
  const Term power =
      from_bits((r.n.bits << mantissa_bits(x)) + exponent_field(r.n.bits, exponent_bias(x) - 2));
  return exp_near_zero(r.f) * power * 2;
}

Term exp_wide(Term x) {
  const Nearest n = nearest(x, log2_e);
  return scale_by_power(exp2_wide(fma(x, log2_e, -n.value)), n);
}

Term exp2_wide(Term f) {
  return poly(f, {1, 0.6931472028550386, 0.24022647913641351, 0.05550332471169783,
                  0.009618437356009455, 0.00133988744010399, 0.00015353362374347215});
}

Scalar exp(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const ExpReduced r = reduce_exp(clamp_exp_argument(x));
  return scale(exp_near_zero(r.f), r.n.value);
}

Scalar expm1(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  // Below the lower bound the result is -1.
  const Term bounded =
      is_f32(x) ? at_least(at_most(x, 89.0), -30.0) : at_least(at_most(x, 710.0), -45.0);
  const ExpReduced r = reduce_exp(bounded);
  // 2^n (e^f - 1) + 2^n - 1, all with 2^(n-1), which does not overflow.
  const Term half_power =
      from_bits((r.n.bits << mantissa_bits(x)) + exponent_field(r.n.bits, exponent_bias(x) - 1));
  const Term square = r.f * r.f, tail = exp_tail(r.f);
  const Term p = is_f32(x) ? fma(square, tail, r.f) : fma(square, tail, r.low) + r.f;
  const Term sum = fma(p, half_power, half_power - 0.5) * 2;
  // Tiny x, also denormal and -0, is its own result.
  return select(abs(x) < 0x1p-60, x, sum);
}

Scalar logistic(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  // With e = exp(-|x|): 1 / (1 + e) or, for x < 0, e / (1 + e), whose denormals survive.
  const Term y = -abs(x);
  const ExpReduced r = reduce_exp(at_least(y, is_f32(x) ? -104.0 : -746.0));
  const Term e = scale(exp_near_zero(r.f), r.n.value);
  const Term sum = e + 1;
  const Term quotient = select(x < 0, e, 1) / sum;
  // The rounding of the sum is taken out again; 1 / sum need not be exact for that.
  const Term sum_low = e - (sum - 1);
  return fma(quotient * sum_low, fma(sum, 0.5, -1.457), quotient);
}

}  // namespace weft::ir::math
