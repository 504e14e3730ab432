// sinh, cosh, tanh and their inverses. Small arguments of sinh and tanh have a polynomial of their
// own, where the difference of exponentials would cancel; the inverses in f32 are a logarithm in
// f64, those in f64 a logarithm of 1 + w with a small relative error in w.
#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {

constexpr double ln2 = 0x1.62e42fefa39efp-1;

/// f32: the f64 `result` for a = |x| with x's sign where 2^-12 < a < bound; x itself elsewhere.
Term odd_through_f64(Term x, Term a, Term result, double bound) {
  const Term inside = (0x1p-12 < a) & (a < bound);
  return select(inside, copy_sign(convert(result, DType::f32), x), x);
}

/// f64: log(1 + a + b) for a >= b >= 0; log(2 a) where `large`, which wants a > 2^54.
Term log1p_of_sum(Term a, Term b, Term large) {
  const Term sum = a + b;
  const Term w = select(large, a, sum);
  const Term low = select(large, 0, b - (sum - a));
  return log1p_finite(w, low, select_like(w, large, 1, 0));
}

}  // namespace

Scalar sinh(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term a = abs(x);
  const Term h = half_exp_core(a);
  const Term square = x * x;
  // Minimax fits (fpminimax of Sollya) of sinh on [0, 1].
  const Term tail =
      is_f32(x)
          ? poly(square, {0.16666667163372040, 8.333315141499042e-3, 1.9841665925923735e-4,
                          2.789983909678995e-6})
          : poly(square, {0.16666666666666666, 0.0083333333333335188, 1.9841269841133232e-4,
                          2.7557319273902870e-6, 2.5052098350165263e-8, 1.6060174315015305e-10,
                          7.5801575040916552e-13, 4.4489950739793020e-15});
  return select(a < 1, fma(x * square, tail, x), copy_sign(h - 0.25 / h, x));
}

Scalar cosh(ScalarBuilder& b, Scalar value) {
  const Term h = half_exp_core(abs(Term{&b, value}));
  return h + 0.25 / h;
}

Scalar tanh(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term a = abs(x), square = x * x;
  // Beyond the bound the result rounds to 1.
  const Term twice = at_most(a, is_f32(x) ? 9.25 : 19.5) * 2;
  const ExpReduced r = reduce_exp(twice);
  const Term e1 = scale_by_power(exp_near_zero(r.f), r.n) + 1;
  const Term small = a < 0.625;
  if (is_f32(x)) {
    // The polynomial of N. Juffa's published implementation.
    const Term p = poly(square, {-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2,
                                 2.06390887954e-2, -5.70498872745e-3});
    return copy_sign(select(small, fma(a * square, p, a), 1 - 2 / e1), x);
  }
  // The rational function of Cephes (S. L. Moshier), tanh.c; one division serves both cases.
  const Term p = poly(
      square, {-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1});
  const Term q = poly(
      square, {4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1});
  const Term ratio = select(small, a * square * p, -2) / select(small, q, e1);
  return copy_sign(select(small, a, 1) + ratio, x);
}

Scalar asinh(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term a = abs(x);
  if (is_f32(x)) {
    const Term wide = convert(a, DType::f64);
    const Term result = log2_wide(wide + sqrt(fma(wide, wide, 1))) * ln2;
    return odd_through_f64(x, a, result, infinity);
  }
  // a + sqrt(a^2 + 1) = 1 + a + a^2 / (1 + sqrt(a^2 + 1)).
  const Term square = a * a;
  const Term result = log1p_of_sum(a, square / (sqrt(square + 1) + 1), 0x1p60 < a);
  const Term inside = (0x1p-28 < a) & (a < infinity);
  return select(inside, copy_sign(result, x), x);
}

Scalar acosh(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  Term result = x;
  if (is_f32(x)) {
    const Term wide = convert(x, DType::f64);
    result = convert(log2_wide(wide + sqrt(fma(wide, wide, -1))) * ln2, DType::f32);
  } else {
    // x + sqrt(x^2 - 1) = 1 + t + sqrt(t (t + 2)) with t = x - 1.
    const Term t = x - 1;
    const Term large = 0x1p60 < x;
    result = log1p_of_sum(select(large, x, sqrt(fma(t, t, t + t))), t, large);
  }
  return select(x < 1, not_a_number, select(x < infinity, result, x));
}

Scalar atanh(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term a = abs(x);
  Term result = x;
  if (is_f32(x)) {
    const Term wide = convert(a, DType::f64);
    result = odd_through_f64(x, a, log2_wide((wide + 1) / (1 - wide)) * (ln2 / 2), 1);
  } else {
    const Term w = (a + a) / (1 - a);
    const Term inside = (0x1p-28 < a) & (a < 1);
    result = select(inside, copy_sign(log1p_finite(w) * 0.5, x), x);
  }
  const Term limit = select(a == 1, copy_sign(like(x, infinity), x), like(x, not_a_number));
  return select(1 <= a, limit, result);
}

}  // namespace weft::ir::math
