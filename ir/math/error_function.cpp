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
  const Term d = a + 3.25;
  const Term u = 1 / d;
  // u's relative error joins t and, with the low part of a^2, the argument of exp.
  const Term error = fma(-u, d, 1);
  const Term t = fma(u * error, -6.5, fma(u, -6.5, 1));
  const Term flat =
      poly(t, {1.0811797647743422,      -0.9129949832951062,    0.6457337773843059,
               -0.37516494226373,       0.17200591888550015,    -0.0566752190343383,
               0.009529321787695527,    0.0018073247819265106,  -0.0014879109359062976,
               0.0001593602309650554,   0.0001475104687362869,  -4.313807253641847e-05,
               -1.5309184524008332e-05, 7.426495957016492e-06,  2.0120073440137257e-06,
               -1.2009507116634572e-06, -3.542084394677044e-07, 1.866551042672893e-07,
               7.258860594146579e-08,   -2.469286154650425e-08, -1.3131686738493638e-08,
               1.9157763175264524e-09,  1.3344715133803806e-09});
  const Term square = a * a;
  const Term square_low = fma(a, a, -square);
  const ExpReduced r = reduce_exp(-square);
  const Term e = exp_near_zero(r.f + (error - square_low));
  return scale_by_any_power(flat * u * e, r.n, 690 < square);
}

Term erf_inv_f32(Term x, Term w) {
  // erf_inv(x) / x as functions of w = -log(1 - x^2) and of its square root.
  const Term central = poly(
      w - 2.5, {1.50140941, 0.24664028, -0.00417738687, -0.0012527419, 0.000218344459,
                -4.96333723e-06, -3.46270849e-06, 4.66168416e-07, 2.32329196e-08, -8.7908969e-09});
  const Term tail = poly(sqrt(w) - 3, {2.83297682, 1.00167513, 0.00944567472, -0.00763940578,
                                       0.00568323908, -0.00358703639, 0.00149569882,
                                       -7.64882498e-05, -0.000318605074, 0.000128858854});
  return select(w < 5, central, tail) * x;
}

/// AS 241 (M. J. Wichura, "The percentage points of the normal distribution", 1988), PPND16, whose
/// normal quantile is sqrt(2) erf_inv(2 p - 1).
Term erf_inv_f64(Term x) {
  const Term a = abs(x);
  const Term q = a * 0.5;
  const Term central = fma(-q, q, 0.180625);
  const Term r = sqrt(-log_normal(fma(a, -0.5, 0.5)));
  const Term near_one = 5 < r, is_central = q <= 0.425;
  const Term t = select(is_central, central, select(near_one, r - 5, r - 1.6));
  constexpr double tops[3][8] = {
      {3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
       45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727},
      {1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550,
       3.64784832476320460504, 1.27045825245236838258, 0.241780725177450611770,
       0.0227238449892691845833, 7.74545014278341407640e-4},
      {6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580,
       0.296560571828504891230, 0.0265321895265761230930, 0.00124266094738807843860,
       2.71155556874348757815e-5, 2.01033439929228813265e-7}};
  constexpr double bottoms[3][8] = {
      {1, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
       21213.794301586595867, 39307.895800092710610, 28729.085735721942674, 5226.4952788528545610},
      {1, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
       0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4,
       1.05075007164441684324e-9},
      {1, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
       7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
       2.04426310338993978564e-15}};
  const auto choose = [&](const double(&c)[3][8], int k) {
    return select(is_central, c[0][k], select(near_one, like(t, c[2][k]), like(t, c[1][k])));
  };
  Term top = choose(tops, 7), bottom = choose(bottoms, 7);
  for (int k = 6; k >= 0; --k) {
    top = fma(top, t, choose(tops, k));
    bottom = fma(bottom, t, choose(bottoms, k));
  }
  constexpr double inverse_sqrt2 = 0x1.6a09e667f3bcdp-1;
  return copy_sign(select(is_central, q, 1) * inverse_sqrt2 * top / bottom, x);
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
  const Term inside = is_f32(x) ? erf_inv_f32(x, -log_normal(fma(-x, x, 1))) : erf_inv_f64(x);
  const Term limit = select(abs(x) == 1, copy_sign(like(x, infinity), x), like(x, not_a_number));
  return select(abs(x) < 1, inside, limit);
}

}  // namespace weft::ir::math
