// polygamma of order n >= 1, the n-th derivative of digamma: (-1)^(n+1) n! zeta(n + 1, x) with the
// Hurwitz zeta function, f32 through f64. As in the zeta.c of Cephes (Moshier), which SciPy and
// PyTorch use: the first terms of the series one by one, and the rest by the Euler-Maclaurin
// formula (DLMF 25.11.7). Their numbers are fixed here: 7 terms and 12 Bernoulli numbers leave less
// than 2^-58 of the result, for every order up to 100 and every x > 0. Left of the origin, where
// Cephes adds terms up to there, the reflection formula (DLMF 5.15.6).
#include <array>
#include <vector>

#include "ir/math/kernels.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {

constexpr long double pi = 3.14159265358979323846264338327950288L;

constexpr int series_terms = 7;
/// B(2), B(4), ...
constexpr std::array<long double, 12> bernoulli = {
    1 / 6.L, -1 / 30.L,     1 / 42.L,      -1 / 30.L,       5 / 66.L,       -691 / 2730.L,
    7 / 6.L, -3617 / 510.L, 43867 / 798.L, -174611 / 330.L, 854513 / 138.L, -236364091 / 2730.L};

/// (from + 1) (from + 2) ... to
long double rising(int from, int to) {
  long double product = 1;
  for (int k = from + 1; k <= to; ++k) product *= k;
  return product;
}
long double factorial(int n) { return rising(0, n); }

/// c[0] + x (c[1] + x (c[2] + ...))
Term poly(Term x, const std::vector<long double>& c) {
  Term sum = like(x, static_cast<double>(c.back()));
  for (std::size_t k = c.size() - 1; k-- > 0;) sum = fma(sum, x, static_cast<double>(c[k]));
  return sum;
}

/// x^n for n >= 0.
Term power(Term x, int n) {
  if (n == 0) return like(x, 1.0);
  if (n == 1) return x;
  const Term half = power(x, n / 2);
  return n % 2 == 0 ? half * half : half * half * x;
}

/// c x^n in two steps, since x^n may leave the range of f64 where the product does not.
Term scaled_power(Term c, Term x, int n) { return c * power(x, n / 2) * power(x, n - n / 2); }

/// n! zeta(n + 1, a) for a > 0.
Term scaled_zeta(int n, Term a) {
  // w = a + 7 and u = 1/w: the terms from w on are
  // u^n ((n-1)! + u (n!/2 + u sum over j of B(2j)/(2j)! (n+2j-1)! u^(2j-2))).
  std::vector<long double> coefficients;
  for (int j = 1; j <= static_cast<int>(bernoulli.size()); ++j) {
    const long double over = factorial(2 * j);
    coefficients.push_back(bernoulli[static_cast<std::size_t>(j - 1)] / over *
                           factorial(n + 2 * j - 1));
  }
  const double all = static_cast<double>(factorial(n));
  const double before = static_cast<double>(factorial(n - 1));
  const Term u = 1 / (a + series_terms);
  const Term rest = fma(u, fma(u, poly(u * u, coefficients), all / 2), before);
  Term sum = scaled_power(rest, u, n);
  for (int k = series_terms - 1; k >= 0; --k)
    sum = sum + scaled_power(like(a, all), 1 / (k == 0 ? a : a + k), n + 1);
  return sum;
}

/// |d^n/dx^n of C| = |C|^(n % 2 == 0) times a polynomial in C^2, C = pi cot(pi x): from
/// C' = -(C^2 + pi^2). All coefficients have one sign, and the result that of C^(n + 1).
Term cotangent_derivative(int n, Term c) {
  std::vector<long double> by_power(static_cast<std::size_t>(n) + 2, 0);
  by_power[1] = 1;
  for (int k = 0; k < n; ++k) {
    std::vector<long double> next(by_power.size(), 0);
    for (std::size_t i = 1; i < by_power.size(); ++i) {
      const long double slope = by_power[i] * static_cast<long double>(i);
      next[i - 1] += slope * pi * pi;
      if (i + 1 < next.size()) next[i + 1] += slope;
    }
    by_power = std::move(next);
  }
  const bool odd_powers = n % 2 == 0;
  std::vector<long double> coefficients;
  for (std::size_t i = odd_powers ? 1 : 0; i < by_power.size(); i += 2)
    coefficients.push_back(by_power[i]);
  const Term even = poly(c * c, coefficients);
  return odd_powers ? c * even : even;
}

Term polygamma_f64(int n, Term x) {
  // With V = n! zeta(n + 1, .) and R = |derivative of pi cot(pi x)|, both but for the sign of all:
  // V(x) right of the origin; left of it R - V(1 - x) for odd n, R + V(1 - x) for even n.
  const Term left = x < 0;
  const Term value = scaled_zeta(n, select(left, 1 - x, x));
  const Term nearest = round_even(x);
  // For f32 as exact, too: next to zeros its errors are multiplied by n! 2^n.
  const Pair cotangent = pi_cotangent(x - nearest);
  const Term slope = cotangent_derivative(n, cotangent.high + cotangent.low);
  const Term reflected = n % 2 == 0 ? slope + value : slope - value;
  const Term pole = (x <= 0) & (nearest == x);
  const Term magnitude = select(pole, infinity, select(left, reflected, value));
  return n % 2 == 0 ? -magnitude : magnitude;
}

}  // namespace

Scalar polygamma(ScalarBuilder& b, Scalar value, int order) {
  const Term x{&b, value};
  if (!is_f32(x)) return polygamma_f64(order, x);
  return convert(polygamma_f64(order, convert(x, DType::f64)), DType::f32);
}

}  // namespace weft::ir::math
