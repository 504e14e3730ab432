// sin, cos, tan after a reduction modulo pi, and their inverses. The polynomials are minimax fits
// (fpminimax of Sollya) in odd powers whose first coefficient is 1.
#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {

/// pi/2 in two parts of x's dtype.
struct HalfPi {
  Term high, low;
};
HalfPi half_pi(Term x) {
  return is_f32(x) ? HalfPi{like(x, 0x1.921fb6p+0), like(x, -0x1.777a5cp-25)}
                   : HalfPi{like(x, 0x1.921fb54442d18p+0), like(x, 0x1.1a62633145c07p-54)};
}

/// x + x^3 (c[0] + c[1] x^2 + ...).
Term odd_poly(Term x, std::initializer_list<double> c) {
  const Term square = x * x;
  return fma(x * square, poly(square, c), x);
}

/// asin(x) - x for |x| <= 1/2.
Term asin_rest(Term x) {
  const Term square = x * x;
  if (is_f32(x))
    return x * square *
           poly(square, {0.166667521, 0.0749531016, 0.0454690196, 0.0241855029, 0.042157013});
  return x * square *
         poly(square, {0.16666666666665408, 0.07500000000337102, 0.04464285682827013,
                       0.030381959138981125, 0.022371758008737832, 0.017359705316372515,
                       0.013885230602036811, 0.012169240344549827, 0.0065278627078135835,
                       0.019528546896973968, -0.0162246601671711, 0.03191252891867049});
}

/// atan(x) for 0 <= x <= 1.
Term atan_core(Term x) {
  if (is_f32(x))
    return odd_poly(x, {-0.333331525, 0.199937686, -0.142110229, 0.106658801, -0.0755195171,
                        0.0432087593, -0.0163660031, 0.00292020338});
  return odd_poly(x, {-0.3333333333333307,     0.19999999999951756,   -0.1428571428258855,
                      0.11111111007354928,     -0.09090907008003092,  0.0769227989099772,
                      -0.06666404438095226,    0.05880529884394639,   -0.05253527079727738,
                      0.04722349267275337,     -0.04219245735707881,  0.03664320067333156,
                      -0.029905807941652925,   0.021987147924416955,  -0.01390263943655398,
                      0.007197924874566304,    -0.002885627400106062, 0.0008315650472112013,
                      -0.00015221215623143833, 1.3230087278456372e-05});
}

/// sin_core, which rounding may take a little beyond 1, held to the range of a sine.
Term bounded_sin_core(Term r) { return at_least(at_most(sin_core(r), 1), -1); }

}  // namespace

Term sin_core(Term r) {
  if (is_f32(r)) return odd_poly(r, {-0.166666597, 0.00833306927, -0.000198097798, 2.60610977e-06});
  return odd_poly(r, {-0.16666666666666666, 0.008333333333333208, -0.00019841269841213368,
                      2.7557319211744386e-06, -2.505210692161403e-08, 1.6058941903321075e-10,
                      -7.643043459832602e-13, 2.721677930889819e-15});
}

Scalar sin(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const PiReduced p = reduce_pi(x, false);
  return flip_sign(bounded_sin_core(p.r), (p.odd ^ bits(x)) & sign_mask(x));
}

Scalar cos(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const PiReduced p = reduce_pi(x, true);
  return flip_sign(bounded_sin_core(p.r), p.odd & sign_mask(x));
}

Scalar tan(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const HalfPiReduced p = reduce_half_pi(x);
  const Term r = p.r, square = r * r;
  const Term rest =
      is_f32(x)
          ? poly(square, {0.333333492, 0.133326769, 0.0540586822, 0.0212875344, 0.0108238589,
                          0.000102860875, 0.00437041372})
          : poly(square, {0.33333333333332776, 0.13333333333414757, 0.05396825392661973,
                          0.021869489609934466, 0.008863219153048217, 0.0035922891688729445,
                          0.0014547574607488428, 0.0005950667681011562, 0.00022237407935984775,
                          0.00013653686817320334, -2.640147069313253e-05, 8.946583322443704e-05,
                          -4.488356539238417e-05, 2.0864883546228418e-05});
  // tan' = 1 + tan^2, roughly 1 + r^2 + 0.7 r^4.
  const Term low = p.low * fma(fma(square, 0.7, 1), square, 1);
  const Term t = r + fma(r * square, rest, low);
  return flip_sign(select(p.odd, -1 / t, t), sign_bit(x));
}

Scalar asin(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term a = abs(x);
  // Above 1/2: pi/2 - 2 asin(sqrt((1 - a) / 2)).
  const Term large = 0.5 < a;
  const Term root = sqrt(fma(a, -0.5, 0.5));
  const Term r = select(large, root, a);
  const Term rest = asin_rest(r);
  const HalfPi half = half_pi(x);
  const Term main = fma(r, -2.0, half.high);
  const Term main_low = fma(r, -2.0, half.high - main);
  const Term from_half_pi = main + (fma(rest, -2.0, half.low) + main_low);
  return copy_sign(select(large, from_half_pi, r + rest), x);
}

Scalar acos(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term a = abs(x);
  const Term large = 0.5 < a;
  const Term root = sqrt(fma(a, -0.5, 0.5));
  const Term r = select(large, root, x);
  const Term rest = asin_rest(r);
  const Term twice = (r + rest) * 2;
  const HalfPi half = half_pi(x);
  const Term from_pi = half.high * 2 - (twice - half.low * 2);
  const Term from_half_pi = half.high - (r - (half.low - rest));
  return select(large, select(x < 0, from_pi, twice), from_half_pi);
}

Scalar atan(ScalarBuilder& b, Scalar value) {
  const Term x{&b, value};
  const Term a = abs(x);
  const Term large = 1 < a;
  const Term r = atan_core(select(large, 1 / a, a));
  const HalfPi half = half_pi(x);
  return copy_sign(select(large, half.high - (r - half.low), r), x);
}

Scalar atan2(ScalarBuilder& b, Scalar y_value, Scalar x_value) {
  const Term y{&b, y_value}, x{&b, x_value};
  const Term ay = abs(y), ax = abs(x);
  const Term steep = ax < ay;
  const Term small = select(steep, ax, ay), large = select(steep, ay, ax);
  // Equal ones include two zeros, whose quotient counts as 0, and two infinities.
  const Term q = select(small == large, select_like(x, large == 0, 0, 1), small / large);
  const Term r = atan_core(q);
  // r, pi/2 - r, pi/2 + r or pi - r.
  const Term left = bits(x) < 0;
  const HalfPi half = half_pi(x);
  const Term base = select(steep, half.high, select(left, half.high * 2, 0));
  const Term base_low = select(steep, half.low, select(left, half.low * 2, 0));
  return copy_sign(base + (select(steep ^ left, -r, r) + base_low), y);
}

}  // namespace weft::ir::math
