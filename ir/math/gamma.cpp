// lgamma and digamma, f32 through f64. From 3.3 (2) on the asymptotic series' form with
// coefficients fitted to the whole ray; below, the recurrence; left of the origin, the reflection.
// The fits are minimax fits made for these intervals.
#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {

constexpr double pi = 0x1.921fb54442d18p+1;
constexpr double ln2 = 0x1.62e42fefa39efp-1;

// Of finite x > 0.
Term log_for(Precision precision, Term x) {
  return precision == Precision::f32 ? log2_wide(x) * ln2 : log_positive(x);
}
/// log(x) + c for a c that is not large against it.
Term log_plus(Precision precision, Term x, Term c) {
  return precision == Precision::f32 ? fma(log2_wide(x), ln2, c) : log_positive(x, c);
}

/// lgamma(2 + y) / y for -0.7 <= y <= 1.3.
Term lgamma_near_two(Precision precision, Term y) {
  if (precision == Precision::f32)
    return poly(
        y, {0.42278433523861547, 0.3224670386887152, -0.06735231091148781, 0.020580647905893073,
            -0.007385382370518336, 0.0028918619920143876, -0.001194179063038004,
            0.0005052069794307682, -0.00021731421402218154, 0.00010463809812506593,
            -5.538770880352944e-05, 2.2028303408025266e-05, -4.00173861630121e-06});
  return poly(y, {0.42278433509846713,    0.3224670334241132,      -0.06735230105319777,
                  0.020580808427786132,   -0.007385551028693835,   0.0028905103306882357,
                  -0.0011927539112107637, 0.0005096695254654446,   -0.00022315476489922072,
                  9.945750878566203e-05,  -4.4926186884679996e-05, 2.0507211502000936e-05,
                  -9.43972597338025e-06,  4.374999653313919e-06,   -2.0385265389545722e-06,
                  9.54397646384195e-07,   -4.503328128028608e-07,  2.140743628975486e-07,
                  -9.999386169312526e-08, 4.491508368452354e-08,   -2.1416440501827098e-08,
                  1.2351693961314193e-08, -7.0560048216225e-09,    2.9342606594252846e-09,
                  -7.204995377098706e-10, 7.745455456690964e-11});
}

/// x (lgamma(x) - (x - 1/2) (log x - 1) - (log(2 pi) - 1) / 2) as a function of v = 1/x^2, x
/// >= 3.5.
Term stirling_rest(Precision precision, Term v) {
  if (precision == Precision::f32)
    return poly(v, {0.08333333199866111, -0.002777576210472165, 0.000785326632826011,
                    -0.00046225666672565984});
  return poly(v, {0.08333333333333055, -0.002777777775845649, 0.0007936504008366562,
                  -0.0005952014945439735, 0.0008398705891693569, -0.0018588853041655714,
                  0.00523311556649319, -0.013560709782398244, 0.02005503715422252});
}

Term lgamma_f64(Precision precision, Term x) {
  const Term a = abs(x);
  // Down to -1/2: lgamma(x) = lgamma(2 + y) - log(p) with y = x, x - 1 or x - 2 and p = |x (x +
  // 1)|, x or 1.
  const Term first = a <= 0.5, second = a < 1.3;
  const Term y = select(first, x, select(second, a - 1, a - 2));
  const Term next = x + 1;
  const Term product = a * next;
  const Term p = select(first, product, select(second, a, 1));
  const Term large = 3.3 <= a;
  const Term a_or_p = select(large, a, p);
  const Term u = 1 / a_or_p;
  Term log_a_or_p = u;
  if (precision == Precision::f32) {
    log_a_or_p = log_for(precision, a_or_p);
  } else {
    // The rounding of the product, relative to it, joins the logarithm. Of a tiny x there is none.
    const Term product_low = fma(a, x - (next - 1), fma(a, next, -product));
    log_a_or_p = log_positive(a_or_p, select(first & (0x1p-60 < a), product_low * u, 0));
  }
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

/// digamma(y) for 1 <= y <= 2: (y - root) times a polynomial, so that it is accurate next to the
/// root.
Term digamma_near_root(Precision precision, Term y) {
  const Term t = y - 1.5;
  const Term from_root = y - 0x1.762d86356be3fp+0 - 0x1.b86a722197829p-54;
  if (precision == Precision::f32)
    return from_root * poly(t, {0.9510558756365778, -0.4236274990800663, 0.24054261523840106,
                                -0.1483987749150967, 0.09498209231108713, -0.062057234259971276,
                                0.04087927361077548, -0.025780162937308462, 0.01698056917790036,
                                -0.016385612985373468, 0.011118562479965056});
  return from_root *
         poly(t, {0.9510558760318328,     -0.4236274212814572,     0.24054248424077773,
                  -0.1484049230548761,    0.09498872445447784,     -0.061922133189452284,
                  0.040760833836157244,   -0.02697580007021234,    0.017907251822036736,
                  -0.01190814580157949,   0.007926953869845184,    -0.005280910341075059,
                  0.003518922525424827,   -0.0023375077627854793,  0.001557103796334141,
                  -0.0010778509153125133, 0.0007217212702206505,   -0.000354433827484275,
                  0.0002302556699079036,  -0.00037866891858659603, 0.0002572663507554921});
}

/// x^2 (log x - 1/(2x) - digamma(x)) as a function of v = 1/x^2, x >= 2.
Term digamma_rest(Precision precision, Term v) {
  if (precision == Precision::f32)
    return poly(
        v, {0.0833333313697538, -0.008333112145578395, 0.003959657353315179, -0.0040014594126631655,
            0.005726479204094494, -0.007453720861941819, 0.005254013752511523});
  return poly(
      v, {0.08333333333330999, -0.00833333332271681, 0.003968252262627097, -0.004166526087434799,
          0.007568725871396975, -0.02085700019437855, 0.07764541328758177, -0.3384565600391777,
          1.4832163109246057, -5.7718171865616, 18.234453186559108, -43.50003546081146,
          72.39969915685315, -74.30604734318709, 35.23229374570126});
}

}  // namespace

// y - 1/f + f (2/(1 - f^2) - c(f^2))
Term less_pi_cotangent(Precision precision, Term y, Term f) {
  const Term z = f * f;
  const Term c =
      precision == Precision::f32
          ? poly(z, {-1.2898681335768105, -0.16464648073368202, -0.0346857024401726,
                     -0.00816040834379641, -0.0019520419926956597, -0.0006058157611523651})
          : poly(z, {-1.2898681336964537, -0.1646464674221008, -0.03468612398116841,
                     -0.008154712006497592, -0.001989156937857402, -0.0004921059484584134,
                     -0.00012290198298999148, -2.9124168403825428e-05, -1.0352134100303185e-05});
  return fma(f, 2 / (1 - z) - c, y - 1 / f);
}

namespace {

Term digamma_f64(Precision precision, Term x) {
  // Left of the origin: digamma(x) = digamma(1 - x) - pi cot(pi x).
  const Term left = x < 0;
  const Term a = select(left, 1 - x, x);
  const Term u = 1 / a, v = u * u;
  const Term series = log_plus(precision, a, -fma(v, digamma_rest(precision, v), u * 0.5));
  // Below 1: digamma(a) = digamma(a + 1) - 1/a.
  const Term below_one = a < 1;
  const Term near_root = digamma_near_root(precision, select(below_one, a + 1, a));
  const Term right = select(a < 2, near_root - select(below_one, u, 0), series);
  const Term f = x - round_even(x);
  const Term result = select(left, less_pi_cotangent(precision, right, f), right);
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
