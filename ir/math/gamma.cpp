// lgamma and digamma, f32 through f64. From 3.5 (2) on the asymptotic series' form with
// coefficients fitted to the whole ray; below, the recurrence; left of the origin, the reflection.
// The fits are minimax fits made for these intervals.
#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {

constexpr double pi = 0x1.921fb54442d18p+1;
constexpr double ln2 = 0x1.62e42fefa39efp-1;

/// How exact a logarithm and the fits need to be.
enum class Precision { f32, f64 };

Term log_for(Precision precision, Term x) {  // finite x > 0
  return precision == Precision::f32 ? log2_wide(x) * ln2 : log_positive(x);
}

/// lgamma(2 + y) / y for -1/2 <= y <= 3/2.
Term lgamma_near_two(Precision precision, Term y) {
  if (precision == Precision::f32)
    return poly(
        y, {0.4227843350562313, 0.32246703203131943, -0.06735229670511038, 0.020580860996295858,
            -0.007385663036293334, 0.002890016768243516, -0.0011915298200042236,
            0.0005108218185490608, -0.00022842104222893747, 0.00010253845763328682,
            -3.955579923944051e-05, 1.0293449762581045e-05, -1.2517672844269628e-06});
  return poly(y, {0.42278433509846713,     0.3224670334241132,      -0.06735230105319852,
                  0.02058080842778997,     -0.007385551028649702,   0.0028905103305161585,
                  -0.0011927539121310677,  0.0005096695291414476,   -0.00022315475716058568,
                  9.945746774123643e-05,   -4.492619857725403e-05,  2.0507446719302417e-05,
                  -9.439940780304871e-06,  4.374455710706509e-06,   -2.0372549631184395e-06,
                  9.538924651591395e-07,   -4.5204909669060807e-07, 2.1780381108805864e-07,
                  -1.0344471099987818e-07, 4.451383189053036e-08,   -1.5540345848903828e-08,
                  3.9240809367342335e-09,  -6.203852002748532e-10,  4.5556385646346745e-11});
}

/// x (lgamma(x) - (x - 1/2) (log x - 1) - (log(2 pi) - 1) / 2) as a function of v = 1/x^2, x
/// >= 3.5.
Term stirling_rest(Precision precision, Term v) {
  if (precision == Precision::f32)
    return poly(v, {0.08333333246290386, -0.002777630427664032, 0.0007868392013099323,
                    -0.000473959671302216});
  return poly(v, {0.08333333333333211, -0.0027777777768371206, 0.0007936505800813844,
                  -0.0005952158482984559, 0.0008404743204978045, -0.0018731864070791165,
                  0.0054249575217511555, -0.014920003780737134, 0.024006100328167548});
}

Term lgamma_f64(Precision precision, Term x) {
  const Term a = abs(x);
  // Down to -1/2: lgamma(x) = lgamma(2 + y) - log(p) with y = x, x - 1 or x - 2 and p = |x (x +
  // 1)|, x or 1.
  const Term first = a < 0.5, second = a < 1.5;
  const Term y = select(first, x, select(second, a - 1, a - 2));
  const Term p = select(first, abs(x * (x + 1)), select(second, a, 1));
  const Term large = 3.5 <= a;
  const Term log_a_or_p = log_for(precision, select(large, a, p));
  const Term u = 1 / a;
  const Term rest = fma(u, stirling_rest(precision, u * u), 0.41893853320467274);
  const Term stirling = fma(a - 0.5, log_a_or_p - 1, rest);
  const Term right = select(large, stirling, fma(y, lgamma_near_two(precision, y), -log_a_or_p));
  // Left of -1/2: lgamma(x) = log(pi / |x sin(pi x)|) - lgamma(-x).
  const Term f = a - round_even(a);
  const Term sine = abs(sin_core(f * pi));
  const Term left = log_for(precision, pi / (a * sine)) - right;
  const Term result = select(x < -0.5, left, right);
  const Term pole = ((x <= 0) & (f == 0)) | (a == infinity);
  return select(pole, infinity, result);
}

/// x^2 (log x - 1/(2x) - digamma(x)) as a function of v = 1/x^2, x >= 2.
Term digamma_rest(Precision precision, Term v) {
  if (precision == Precision::f32)
    return poly(v, {0.08333333325551992, -0.008333319572328376, 0.00396740398653082,
                    -0.004140208998923099, 0.007086160812995716, -0.015100714908681914,
                    0.029668538156994204, -0.04059654044719498, 0.02670575291068193});
  return poly(
      v, {0.08333333333330999, -0.00833333332271681, 0.003968252262627097, -0.004166526087434799,
          0.007568725871396975, -0.02085700019437855, 0.07764541328758177, -0.3384565600391777,
          1.4832163109246057, -5.7718171865616, 18.234453186559108, -43.50003546081146,
          72.39969915685315, -74.30604734318709, 35.23229374570126});
}

/// pi cot(pi x) = 1/f - 2f/(1 - f^2) + f c(f^2), f = x - its nearest integer.
Term pi_cotangent(Precision precision, Term f) {
  const Term z = f * f;
  const Term c =
      precision == Precision::f32
          ? poly(z, {-1.2898681335768105, -0.16464648073368202, -0.0346857024401726,
                     -0.00816040834379641, -0.0019520419926956597, -0.0006058157611523651})
          : poly(z, {-1.2898681336964537, -0.1646464674221008, -0.03468612398116841,
                     -0.008154712006497592, -0.001989156937857402, -0.0004921059484584134,
                     -0.00012290198298999148, -2.9124168403825428e-05, -1.0352134100303185e-05});
  return fma(f, c, fma(z, -3.0, 1) / (f * (1 - z)));
}

Term digamma_f64(Precision precision, Term x) {
  // Left of the origin: digamma(x) = digamma(1 - x) - pi cot(pi x).
  const Term left = x < 0;
  const Term a = select(left, 1 - x, x);
  // Below 2: digamma(a) = digamma(a + 2) - 1/a - 1/(a + 1).
  const Term small = a < 2;
  const Term z = select(small, a + 2, a);
  const Term shift = fma(a, 2.0, 1) / (a * (a + 1));
  const Term u = 1 / z;
  const Term v = u * u;
  const Term series = fma(-v, digamma_rest(precision, v), log_for(precision, z) - u * 0.5);
  const Term right = select(small, series - shift, series);
  const Term f = x - round_even(x);
  const Term result = select(left, right - pi_cotangent(precision, f), right);
  const Term pole = left & (f == 0);
  return select(pole, not_a_number, select(x < infinity, result, x));
}

}  // namespace

Scalar lgamma(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  if (!is_f32(x)) return lgamma_f64(Precision::f64, x);
  return convert(lgamma_f64(Precision::f32, convert(x, DType::f64)), DType::f32);
}

Scalar digamma(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  if (!is_f32(x)) return digamma_f64(Precision::f64, x);
  return convert(digamma_f64(Precision::f32, convert(x, DType::f64)), DType::f32);
}

}  // namespace weft::ir::math
