// lgamma and digamma, f32 through f64. From 3.3 (2) on Stirling's series (DLMF 5.11.1, 5.11.2) with
// coefficients fitted to the whole ray; below, the recurrence; left of the origin, the reflection
// (DLMF 5.5.3, 5.5.4). Next to the positive zeros a factor of the result vanishes there. Where
// terms of the sums cancel, f64 needs two parts of each; for f32, f64 has digits enough. The fits
// are minimax fits made for these intervals.
#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {

// Constants in two parts.
constexpr double near_two_slope = 0x1.b0ee6072093cep-2;  // 1 - Euler's constant
constexpr double near_two_slope_low = 0x1.6cb90701fbfabp-58;
constexpr double near_two_curve = 0x1.4a34cc4a60fa6p-2;  // (zeta(2) - 1) / 2
constexpr double near_two_curve_low = 0x1.1873d8912200cp-56;
constexpr double stirling = 0x1.acfe390c97d6ap-2;  // (log(2 pi) - 1) / 2
constexpr double stirling_low = -0x1.65b5a1b7ff5dfp-55;
constexpr double zeta_two = 0x1.a51a6625307d3p+0;
constexpr double zeta_two_low = 0x1.1873d8912200cp-55;
constexpr double two_zeta_four = 0x1.151322ac7d848p+1;
constexpr double two_zeta_four_low = 0x1.b5f91211196e5p-54;
constexpr double digamma_root = 0x1.762d86356be3fp+0;
constexpr double digamma_root_low = 0x1.b86a722197829p-54;

/// (lgamma(2 + y) - near_two_slope y - near_two_curve y^2) / y^3 for -0.5 <= y <= 1.3.
Term near_two_rest(Term y) {
  return poly(y, {-0.06735230105319809,   0.020580808427784543,    -0.007385551028674157,
                  0.002890510330742427,   -0.001192753911692557,   0.0005096695246954543,
                  -0.0002231547586845685, 9.945751392181562e-05,   -4.4926234876573814e-05,
                  2.050719885672367e-05,  -9.439487114469104e-06,  4.374953711664502e-06,
                  -2.039324079255234e-06, 9.549137481234579e-07,   -4.4861390631976476e-07,
                  2.1192478121634173e-07, -1.0165460533828443e-07, 4.94661209161087e-08,
                  -2.311801549027034e-08, 9.258169020021202e-09,   -2.769782528106233e-09,
                  5.260479535089699e-10,  -4.658555356555976e-11});
}

/// x (lgamma(x) - (x - 1/2) (log x - 1) - stirling) as a function of v = 1/x^2, x >= 3.3.
Term stirling_rest(Term v) {
  return poly(v, {0.08333333333333333, -0.0027777777777632626, 0.0007936507872271556,
                  -0.0005952369709398268, 0.0008416481422221134, -0.0019119193723724356,
                  0.00621215140210112, -0.02476910729593607, 0.09671798397092182,
                  -0.2822571879551369, 0.4180308995506643});
}

/// (-log(sin(pi f) / (pi f)) - zeta(2) z) / z^2 for z = f^2 <= 1/4.
Term sinc_rest(Term z) {
  return poly(z, {0.5411616168555691, 0.3391143539948332, 0.2510193390451278, 0.2001989154693564,
                  0.16670765758077194, 0.1428666361402061, 0.12498674116056017, 0.11132044292236307,
                  0.09800984418869918, 0.10412662445656662, 0.02272162799628058, 0.2626655731385996,
                  -0.28130145984688715, 0.4094616072270452});
}

/// digamma(y) / (y - its root) for 1 <= y <= 2, around a number where the first coefficient needs
/// no more digits.
Term digamma_factor(Term y) {
  return poly(y - 0x1.7fba8p+0,
              {0.9515053976119335,     -0.42413810623382603,    0.24101526990160183,
               -0.14880855721127817,   0.0953177509210663,      -0.062182129290393365,
               0.04096165118150062,    -0.027128202987056486,   0.018021307021319925,
               -0.011992612563590742,  0.007988876018090736,    -0.005324914511865612,
               0.0035506028566633318,  -0.0023688286330708417,  0.0015799505141751867,
               -0.0010482565923316926, 0.0006997423269338754,   -0.0004921623522342296,
               0.0003268981039714971,  -0.00014689625329935413, 0.00010053629883116019,
               -0.0001809908283226517, 0.00011881232908510335});
}

/// x^2 (log x - 1/(2x) - digamma(x)) as a function of v = 1/x^2, x >= 2.
Term digamma_rest(Term v) {
  return poly(
      v, {0.08333333333333333, -0.008333333333315434, 0.003968253959483287, -0.004166664932186944,
          0.007575572801591478, -0.02108050185602266, 0.08277317135070876, -0.4245912070617261,
          2.5733394052573084, -16.376039782603392, 98.54670610560603, -520.0811372815846,
          2287.0351265462577, -8063.975003943594, 21990.51884978667, -44411.403610320245,
          62289.36687931711, -54024.44871749887, 21784.42753032721});
}

/// (1/f - pi cot(pi f) - 2 zeta(2) f - 2 zeta(4) f^3) / f^5 for z = f^2 <= 1/4.
Term cotangent_rest(Term z) {
  return poly(z, {2.0346861239688985, 2.0081547123958927, 2.0019891502542517, 2.0004921732918466,
                  2.0001224832856592, 2.000031113441087, 1.9999924501204156, 2.000291017562965,
                  1.9960903278907403, 2.03824723350751, 1.7276146776628898, 3.4058368116149325,
                  -3.161119457773449, 14.943473809646209, -18.39196776503469, 18.3919677651804});
}

/// Where lgamma(x) is lgamma(2 + y) - log(p), for -1/2 <= x < 3.3.
struct NearTwo {
  Term y, p;
  Term product_low;  // p's rounding
};
NearTwo near_two(Term x, Term a) {
  // y = x, x - 1 or x - 2 and p = |x (x + 1)|, x or 1.
  const Term first = a <= 0.5, second = a < 1.5;
  const Term next = x + 1, product = a * next;
  const Term low = fma(a, x - (next - 1), fma(a, next, -product));
  return {select(first, x, select(second, a - 1, a - 2)),
          select(first, product, select(second, a, 1)), select(first, low, 0)};
}

// For f32, in plain f64.

Term lgamma_for_f32(Term x) {
  const Term a = abs(x);
  const NearTwo n = near_two(x, a);
  const Term large = 3.3 <= a;
  const Term a_or_p = select(large, a, n.p);
  const Term log = log_normal(a_or_p), u = 1 / a_or_p;
  const Term series = fma(a - 0.5, log - 1, fma(u, stirling_rest(u * u), stirling));
  const Term factor = fma(n.y, fma(n.y, near_two_rest(n.y), near_two_curve), near_two_slope);
  const Term right = select(large, series, fma(n.y, factor, -log));
  // Left of -1/2: lgamma(x) = log(pi / |x sin(pi x)|) - lgamma(-x).
  const Term f = abs(a - round_even(a)), z = f * f;
  const Term left = fma(z, fma(z, sinc_rest(z), zeta_two), -log_normal(a * f)) - right;
  const Term pole = ((x <= 0) & (f == 0)) | (a == infinity);
  return select(pole, infinity, select(x < -0.5, left, right));
}

Term digamma_for_f32(Term x) {
  // Left of the origin: digamma(x) = digamma(1 - x) - pi cot(pi x).
  // Below 1: digamma(x) = digamma(x + 1) - 1/x.
  const Term left = x < 0, below_one = x < 1;
  const Term a = select(left, 1 - x, select(below_one, x + 1, x));
  const Term u = 1 / a, v = u * u;
  const Term series = log_normal(a) - fma(v, digamma_rest(v), u * 0.5);
  const Term near_root = (a - digamma_root) * digamma_factor(a);
  const Term right = select(a < 2, near_root, series);
  const Term f = select(left, x - round_even(x), x);
  const Term less = select(left, pi_cotangent(f), select(below_one, 1 / x, 0));
  const Term pole = left & (f == 0);
  return select(pole, not_a_number, select(x < infinity, right - less, x));
}

// For f64.

/// lgamma(2 + y).
Pair lgamma_near_two(Term y) {
  const Pair square = product_of(y, y);
  const Pair linear = pair_like(y, near_two_slope, near_two_slope_low) * y;
  const Pair quadratic = pair_like(y, near_two_curve, near_two_curve_low) * square;
  const Pair sum = sum_of(linear.high, quadratic.high);
  const Term low = sum.low + (linear.low + quadratic.low);
  return {sum.high, fma(y * square.high, near_two_rest(y), low)};
}

/// lgamma(a) for a >= 3.3, log = log(a) and u = 1/a.
Pair lgamma_series(Term a, Pair log, Term u) {
  const Term factor = a - 0.5;
  const Pair product = product_of(factor, log.high - 1);
  const Pair sum = sum_of(product.high, like(a, stirling));
  const Term low = fma(factor, log.low, product.low) + (sum.low + stirling_low);
  return {sum.high, fma(u, stirling_rest(u * u), low)};
}

/// log(sin(pi f) / (pi f)) for |f| <= 1/2.
Pair log_sinc(Term f) {
  const Pair square = product_of(f, f);
  const Term z = square.high;
  const Pair first = pair_like(f, zeta_two, zeta_two_low) * square;
  return -Pair{first.high, fma(z * z, sinc_rest(z), first.low)};
}

/// log(a b) for factors whose product is a normal number.
Pair log_of_product(Term a, Term b) {
  const Pair product = product_of(a, b);
  const Pair log = log_pair(product.high);
  return {log.high, log.low + product.low / product.high};
}

Term lgamma_f64(Term x) {
  const Term a = abs(x);
  const NearTwo n = near_two(x, a);
  const Term large = 3.3 <= a;
  const Term a_or_p = select(large, a, n.p);
  const Term u = 1 / a_or_p;
  const Pair log = log_pair(a_or_p);
  const Pair two = lgamma_near_two(n.y);
  const Pair sum = sum_of_any(-log.high, two.high);
  // The rounding of the product, relative to it, joins the logarithm. Of a tiny x there is none.
  const Term product_low = select(0x1p-60 < a, n.product_low * u, 0);
  const Term small_low = two.low - log.low - product_low;
  const Pair right = select(large, lgamma_series(a, log, u), Pair{sum.high, sum.low + small_low});
  // Left of -1/2: lgamma(x) = log(pi / |x sin(pi x)|) - lgamma(-x).
  const Term f = abs(a - round_even(a));
  const Pair log_line = log_of_product(a, f), log_rest = log_sinc(f);
  const Pair lines = sum_of_any(log_line.high, right.high);
  const Pair all = sum_of_any(lines.high, log_rest.high);
  const Term all_low = (all.low + lines.low) + (log_line.low + right.low + log_rest.low);
  const Term result = select(x < -0.5, -(all.high + all_low), right.high + right.low);
  const Term pole = ((x <= 0) & (f == 0)) | (right.high == infinity);
  return select(pole, infinity, result);
}

/// digamma(y + y_low) for 1 <= y <= 2.
Term digamma_near_root(Term y, Term y_low) {
  const Term from_root = y - digamma_root, factor = digamma_factor(y);
  return fma(from_root, factor, (y_low - digamma_root_low) * factor);
}

/// digamma(a + a_low) for a >= 2 and u = 1/a.
Pair digamma_series(Term a, Term a_low, Term u) {
  const Term v = u * u;
  const Pair log = log_pair(a);
  const Term slope = fma(v, 0.5, u);  // of digamma, about
  return {log.high, fma(a_low, slope, log.low) - fma(v, digamma_rest(v), u * 0.5)};
}

Pair reciprocal(Term x) {
  const Term u = 1 / x;
  return {u, fma(-x, u, 1) * u};
}

Term digamma_f64(Term x) {
  // Left of the origin: digamma(x) = digamma(1 - x) - pi cot(pi x).
  // Below 1: digamma(x) = digamma(x + 1) - 1/x.
  const Term left = x < 0, shifted = x < 1;
  const Term size = abs(x), sum = 1 + size;
  const Term sum_low = select(size < 1, size - (sum - 1), 1 - (sum - size));
  const Term a = select(shifted, sum, x), a_low = select(shifted, sum_low, 0);
  const Term u = 1 / a;
  const Pair near_root = {digamma_near_root(a, a_low), like(a, 0.0)};
  const Pair right = select(a < 2, near_root, digamma_series(a, a_low, u));
  // Less the reciprocal or the cotangent.
  const Term f = select(left, x - round_even(x), x);
  const Pair inverse = reciprocal(f), cotangent = pi_cotangent_pair(f);
  const Pair zero = {like(x, 0.0), like(x, 0.0)};
  const Pair less = select(left, cotangent, select(shifted, inverse, zero));
  const Pair all = sum_of_any(right.high, -less.high);
  const Term result = all.high + (all.low + (right.low - less.low));
  const Term pole = left & (f == 0);
  const Term finite = select(size < 0x1p-60, -inverse.high, result);
  return select(pole, not_a_number, select(x < infinity, finite, x));
}

}  // namespace

Term pi_cotangent(Term f) {
  const Term z = f * f;
  const Term rest = fma(z, fma(z, cotangent_rest(z), two_zeta_four), 2 * zeta_two);
  return fma(-f, rest, 1 / f);
}

Pair pi_cotangent_pair(Term f) {
  const Pair square = product_of(f, f), cube = square * f;
  const Term z = square.high;
  const Pair inverse = reciprocal(f);
  const Pair linear = pair_like(f, 2 * zeta_two, 2 * zeta_two_low) * f;
  const Pair cubic = pair_like(f, two_zeta_four, two_zeta_four_low) * cube;
  const Pair first = sum_of(inverse.high, -linear.high);
  const Pair sum = sum_of(first.high, -cubic.high);
  const Term low = (sum.low + first.low) + (inverse.low - linear.low - cubic.low);
  return {sum.high, fma(-cube.high * z, cotangent_rest(z), low)};
}

Scalar lgamma(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  if (!is_f32(x)) return lgamma_f64(x);
  return convert(lgamma_for_f32(convert(x, DType::f64)), DType::f32);
}

Scalar digamma(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  if (!is_f32(x)) return digamma_f64(x);
  return convert(digamma_for_f32(convert(x, DType::f64)), DType::f32);
}

}  // namespace weft::ir::math
