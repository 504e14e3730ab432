// erf, erfc, erf_inv. exp(x^2) erfc(x) (x + c) is nearly flat over x >= 0 and becomes a polynomial
// in (x - c) / (x + c), so erfc keeps its relative accuracy into the denormals. The fits without
// another source are minimax fits made for these intervals.
#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {

Term erf_f32(Term x) {
  // Both polynomials: N. Juffa's published implementation. Large |x|: 1 - exp(-|x| + |x| p(|x|)).
  const Term a = abs(x);
  const Term p = poly(a, {-1.28717512e-1, -6.34846687e-1, -1.06777877e-1, 2.42546219e-2,
                          -3.88396438e-3, 3.83197126e-4, -1.72853470e-5});
  const ExpReduced r = reduce_exp(at_least(fma(p, a, -a), -60.0));
  const Term large = 1 - scale_by_power(exp_near_zero(r.f), r.n);
  const Term q = poly(x * x, {1.28379166e-1, -3.76125336e-1, 1.12819925e-1, -2.67681349e-2,
                              4.99119423e-3, -5.96761703e-4});
  return select(0.927734375 < a, copy_sign(large, x), fma(q, x, x));
}

Term erf_f64(Term x) {
  const Term a = at_most(abs(x), 5.95);  // where the result is 1
  // -log(erfc(a)) on [1, 5.95], its error weighted with erfc(a).
  const Term p =
      poly(a, {1.5338611520689821e-07, 1.1283775731347734, 0.6366274446196063, 0.10274998042211986,
               -0.019083006472131427, -0.0002742948209441755, 0.0017631752596917484,
               -0.0006371196624965905, 4.2783262905719534e-05, 7.104624961510735e-05,
               -4.513160265278929e-05, 1.6472210788629963e-05, -4.29405528606257e-06,
               8.38691243743691e-07, -1.2294741022544722e-07, 1.3194124517236532e-08,
               -9.81051443495194e-10, 4.5209452601662483e-11, -9.727566106908694e-13});
  const ExpReduced r = reduce_exp(-p);
  const Term large = 1 - scale_by_power(exp_near_zero(r.f), r.n);
  const Term q =
      poly(x * x, {0.12837916709551257, -0.3761263890318346, 0.11283791670942668,
                   -0.026866170642933267, 0.0052239776049508215, -0.000854832588244731,
                   0.000120552923664167, -1.4924691776601541e-05, 1.6446904371860057e-06,
                   -1.6204733000644746e-07, 1.370470581236866e-08, -7.768631603009701e-10});
  return select(1 < a, copy_sign(large, x), fma(q, x, x));
}

Term erfc_f32_magnitude(Term a) {  // a is f64
  const Term u = 1 / (a + 2);
  const Term flat =
      poly(fma(u, -4.0, 1), {1.021582708680418, -0.687160697076524, 0.2794717708111882,
                             -0.036441783561040574, -0.021505722044973804, 0.006475878277164422,
                             0.003062604400357781, -0.0008320621459105955, -0.0005925597799355177,
                             4.69393787211357e-05, 6.947969219060051e-05});
  return flat * u * exp_wide(-(a * a));
}

Term erfc_f64_magnitude(Term a) {
  const Term t = (a - 3.5) / (a + 3.5);
  const Term slope =
      poly(t, {-0.17847898188109743,   0.08214613243398627,     -0.011742399210068819,
               -0.022134371489231062,  0.026952791468857144,    -0.01804537756274244,
               0.007958825989927372,   -0.00200724056811481,    -4.2925696809012325e-05,
               0.00024166057545535818, -6.250901860245797e-05,  -1.6387094335619517e-05,
               1.1520306329230631e-05, 5.969672590825475e-07,   -1.769592940735171e-06,
               4.486689465461542e-08,  2.78614929869951e-07,    -8.27239021069992e-09,
               -4.446195722831011e-08, -2.5363714372565755e-09, 5.269261854846306e-09,
               1.1785074475226992e-09});
  const double middle = 0.6794097432889126;
  const Term flat = fma(t, slope, middle);
  const Term flat_low = fma(t, slope, middle - flat);
  const Term d = a + 0.875;
  const Term d_low = a - (d - 0.875);
  const Term u = 1 / d;
  // u's relative error and the low part of a^2 join the argument of exp.
  const Term error = fma(-u, d_low, fma(-u, d, 1));
  const Term square = a * a;
  const Term square_low = fma(a, a, -square);
  const ExpReduced r = reduce_exp(-square);
  const Term correction = r.low + (error - square_low);
  const Term f = r.f + correction;
  const Term f_low = correction - (f - r.f);
  // (product + product_low) e^(f + f_low): the small terms first, so that one rounding is large.
  const Term product = flat * u;
  const Term product_low = fma(flat_low, u, fma(flat, u, -product));
  const Term small = fma(product, fma(f * f, exp_tail(f), f_low), product_low);
  return scale(product + fma(product, f, small), r.n.value);
}

/// erf_inv(x) for |x| < 1. With w = -log(1 - x^2): x plus x times a function of w, so that the
/// rounding of that counts less than the last; above 4.5, r = sqrt(w) and a small correction.
Term erf_inv_inside(Term x) {
  const Term w = -log_normal(fma(-x, x, 1));
  const Term r = sqrt(w);
  Term factor = w, correction = r;
  if (is_f32(x)) {
    factor =
        poly(w, {-0.113773108, 0.232013822, 0.0115486542, -0.002334296, -0.00012748185,
                 4.45653932e-05, 3.98315706e-06, -1.97644181e-06, 2.21028102e-07, -8.7908969e-09});
    correction =
        poly(r - 3, {-0.167198017, 0.00266238442, 0.00684349611, -0.00344507443, 0.0011441753,
                     -0.000221163762, -4.21251716e-05, 5.6727029e-05, -1.68233382e-05});
  } else {
    factor = poly(w, {-0.11377307454724199,    0.23201366653465214,     0.0115493420383494,
                      -0.0023351016426507655,  -0.000128043286988777,   4.661140938126483e-05,
                      2.0200769521922394e-06,  -1.0127306811907428e-06, -3.703693331385139e-08,
                      2.2508997719489753e-08,  9.943171613094076e-10,   -6.807605932862104e-10,
                      6.305882968862214e-11,   -1.883767167475967e-11,  9.687250805602545e-12,
                      -2.3635883153810816e-12, 3.09521871237469e-13,    -1.991381386232006e-14,
                      -1.0022950697984466e-16, 1.1992573317715858e-16,  -8.472470303155927e-18,
                      2.0995203171366627e-19});
    const Term u = 1 / (r + 1.5);
    correction =
        poly(u - 0.2, {-0.1645222632713511,    -0.18555662758303657,   2.869152331699991,
                       2.813073077219956,      3.0367317661136846,     -110.519728117673,
                       -1121.5833616359628,    -6655.978569558404,     47849.57503026573,
                       969503.7413634749,      677868.8403362614,      -88425289.35695162,
                       -270800531.990147,      7427955745.692443,      24631504095.43825,
                       -625127273387.1752,     -1090838509325.7325,    49859648696291.57,
                       -35722351083649.016,    -3311277184643259.0,    1.0383429517607614e+16,
                       1.5288136150303248e+17, -7.833213074836266e+17, -3.5212557513387377e+18,
                       2.3425411235030266e+19});
    // The rounding of the root, times about 1 / (2r).
    correction = fma(fma(-r, r, w) * u, fma(u, 1.58, 0.41), correction);
  }
  const Term a = abs(x);  // x itself would lose the sign of -0
  return copy_sign(select(w < 4.5, fma(factor, a, a), r + correction), x);
}

}  // namespace

Scalar erf(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  return is_f32(x) ? erf_f32(x) : erf_f64(x);
}

Scalar erfc(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  if (is_f32(x)) {
    const Term wide = convert(x, DType::f64);
    const Term r = erfc_f32_magnitude(at_most(abs(wide), 10.5));
    return convert(select(wide < 0, 2 - r, r), DType::f32);
  }
  const Term r = erfc_f64_magnitude(at_most(abs(x), 27.3));
  return select(x < 0, 2 - r, r);
}

Scalar erf_inv(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term limit = select(abs(x) == 1, copy_sign(like(x, infinity), x), like(x, not_a_number));
  return select(abs(x) < 1, erf_inv_inside(x), limit);
}

}  // namespace weft::ir::math
