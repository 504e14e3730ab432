#include "tools/accuracy/polygamma.h"

#include <array>
#include <cmath>
#include <limits>

#include "tools/accuracy/function.h"

namespace weft::accuracy {

namespace {

template <class R>
R inverse_power(R x, int n) {
  R product = 1, square = x;
  for (; n > 0; n /= 2) {
    if (n % 2 == 1) product *= square;
    square *= square;
  }
  return 1 / product;
}

/// For q >= 0.
template <class R>
R quick_zeta(int s, R q) {
  constexpr std::array<R, 7> over = {
      12, -720, 30240, -1209600, 47900160, R(-1307674368000) / 691, 74724249600};  // (2j)! / B(2j)
  const R least = 40 + s / 2;
  const int steps = q < least ? static_cast<int>(least - q) + 1 : 0;
  R head = 0;
  for (int k = steps; k-- > 0;) head += inverse_power(q + k, s);
  const R w = q + steps;
  R term = inverse_power(w, s + 1) * s, rest = inverse_power(w, s) * (w / (s - 1) + R(0.5));
  for (int j = 1; j <= static_cast<int>(over.size()); ++j) {
    rest += term / over[static_cast<std::size_t>(j - 1)];
    term *= R(s + 2 * j - 1) * R(s + 2 * j) / (w * w);
  }
  return head + rest;
}

template <class R>
R quick(int order, R x) {
  const int s = order + 1;
  const R scale = (order % 2 == 0 ? -1 : 1) * std::tgamma(R(order + 1));
  if (x <= 0 && x == std::floor(x)) return scale * std::numeric_limits<R>::infinity();
  if (std::isinf(x)) return scale * 0;
  if (x > 0 || std::isnan(x)) return scale * quick_zeta(s, x);
  const R right = x - std::floor(x), left = std::floor(x) + 1 - x;
  const R below = quick_zeta(s, left) - quick_zeta(s, 1 - x);
  return scale * (quick_zeta(s, right) + (s % 2 == 0 ? below : -below));
}

/// A number with enough digits for the differences left of the origin.
class Number {
 public:
  Number() { mpfr_init2(value_, exact_bits + 128); }
  ~Number() { mpfr_clear(value_); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  operator mpfr_ptr() { return value_; }

 private:
  mpfr_t value_;
};

/// For q > 0. With 40 Bernoulli numbers from w >= 80 + s on, less than 2^-150 of it is missing.
void exact_zeta(mpfr_ptr result, unsigned long s, mpfr_srcptr q) {
  Number w, term, square, bernoulli, circle, power;
  mpfr_set_zero(result, 1);
  mpfr_set(w, q, MPFR_RNDN);
  for (; mpfr_cmp_ui(w, 80 + s) < 0; mpfr_add_ui(w, w, 1, MPFR_RNDN)) {
    mpfr_pow_ui(term, w, s, MPFR_RNDN);
    mpfr_ui_div(term, 1, term, MPFR_RNDN);
    mpfr_add(result, result, term, MPFR_RNDN);
  }
  // w^-s (w / (s - 1) + 1/2)
  mpfr_pow_ui(power, w, s, MPFR_RNDN);
  mpfr_div_ui(term, w, s - 1, MPFR_RNDN);
  mpfr_add_d(term, term, 0.5, MPFR_RNDN);
  mpfr_div(term, term, power, MPFR_RNDN);
  mpfr_add(result, result, term, MPFR_RNDN);
  // B(2j) / (2j)! = (-1)^(j+1) 2 zeta(2j) / (2 pi)^(2j), times s (s + 1) ... (s + 2j - 2)
  // w^(1-s-2j)
  mpfr_mul(power, power, w, MPFR_RNDN);
  mpfr_ui_div(power, s, power, MPFR_RNDN);
  mpfr_sqr(square, w, MPFR_RNDN);
  mpfr_const_pi(circle, MPFR_RNDN);
  mpfr_mul_ui(circle, circle, 2, MPFR_RNDN);
  mpfr_sqr(circle, circle, MPFR_RNDN);
  for (unsigned long j = 1; j <= 40; ++j) {
    mpfr_div(power, power, circle, MPFR_RNDN);
    mpfr_zeta_ui(bernoulli, 2 * j, MPFR_RNDN);
    mpfr_mul_ui(bernoulli, bernoulli, 2, MPFR_RNDN);
    mpfr_mul(term, bernoulli, power, MPFR_RNDN);
    (j % 2 == 1 ? mpfr_add : mpfr_sub)(result, result, term, MPFR_RNDN);
    mpfr_mul_ui(power, power, (s + 2 * j - 1) * (s + 2 * j), MPFR_RNDN);
    mpfr_div(power, power, square, MPFR_RNDN);
  }
}

}  // namespace

double quick_polygamma(int order, double x) { return quick(order, x); }
long double quick_polygamma(int order, long double x) { return quick(order, x); }

void exact_polygamma(mpfr_ptr result, int order, mpfr_srcptr x) {
  const auto s = static_cast<unsigned long>(order) + 1;
  if (mpfr_nan_p(x)) return mpfr_set_nan(result);
  if (mpfr_inf_p(x) || (mpfr_sgn(x) <= 0 && mpfr_integer_p(x))) {
    const int sign = order % 2 == 0 ? -1 : 1;
    if (mpfr_sgn(x) > 0) return mpfr_set_zero(result, sign);
    return mpfr_set_inf(result, sign);
  }
  Number sum, floor, q, part;
  mpfr_floor(floor, x);
  if (mpfr_sgn(x) > 0) {
    exact_zeta(sum, s, x);
  } else {
    mpfr_sub(q, x, floor, MPFR_RNDN);
    exact_zeta(sum, s, q);
    mpfr_add_ui(q, floor, 1, MPFR_RNDN);
    mpfr_sub(q, q, x, MPFR_RNDN);
    exact_zeta(part, s, q);
    (s % 2 == 0 ? mpfr_add : mpfr_sub)(sum, sum, part, MPFR_RNDN);
    mpfr_ui_sub(q, 1, x, MPFR_RNDN);
    exact_zeta(part, s, q);
    (s % 2 == 0 ? mpfr_sub : mpfr_add)(sum, sum, part, MPFR_RNDN);
  }
  mpfr_fac_ui(part, static_cast<unsigned long>(order), MPFR_RNDN);
  mpfr_mul(result, sum, part, MPFR_RNDN);
  if (order % 2 == 0) mpfr_neg(result, result, MPFR_RNDN);
}

}  // namespace weft::accuracy
