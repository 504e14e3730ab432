// polygamma of order n >= 1, the n-th derivative of digamma: (-1)^(n+1) n! zeta(n + 1, x) with the
// Hurwitz zeta function, f32 through f64. As in the zeta.c of Cephes (Moshier), which SciPy and
// PyTorch use: the first terms of the series one by one, and the rest by the Euler-Maclaurin
// formula (DLMF 25.11.7). Their numbers are fixed here: 7 terms and 12 Bernoulli numbers leave less
// than 2^-58 of the result, for every order up to 100 and every x > 0. Left of the origin, where
// Cephes adds terms up to there, the reflection formula (DLMF 5.15.6).
#include <array>
#include <type_traits>
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

// The same formulas in f64, whose digits are enough for f32, and in pairs of f64, for f64: there
// every rounding of a power of order n would count n times.

Term constant_like(Term x, long double c) { return like(x, static_cast<double>(c)); }
Pair constant_like(Pair x, long double c) {
  const auto high = static_cast<double>(c);
  return pair_like(x.high, high, static_cast<double>(c - high));
}
Term high_part(Term x) { return x; }
Term high_part(Pair x) { return x.high; }

Term plus(Term x, int k) { return k == 0 ? x : x + k; }
Pair plus(Pair x, int k) {
  if (k == 0) return x;
  const Pair sum = sum_of_any(x.high, like(x.high, k));
  return {sum.high, sum.low + x.low};
}
Term plus(Term a, Term b) { return a + b; }
Pair plus(Pair a, Pair b) {
  const Pair sum = sum_of_any(a.high, b.high);
  return {sum.high, sum.low + (a.low + b.low)};
}
Term inverse(Term x) { return 1 / x; }
Pair inverse(Pair x) {
  const Term u = 1 / x.high;
  return {u, fma(-x.low, u, fma(-x.high, u, 1)) * u};
}

/// c[0] + x (c[1] + x (c[2] + ...))
Term poly(Term x, const std::vector<long double>& c) {
  Term sum = constant_like(x, c.back());
  for (std::size_t k = c.size() - 1; k-- > 0;) sum = fma(sum, x, static_cast<double>(c[k]));
  return sum;
}
Pair poly(Pair x, const std::vector<long double>& c) {
  Pair sum = constant_like(x, c.back());
  for (std::size_t k = c.size() - 1; k-- > 0;) sum = plus(sum * x, constant_like(x, c[k]));
  return sum;
}

/// x^n for n >= 0.
template <class Number>
Number power(Number x, int n) {
  if (n == 0) return constant_like(x, 1);
  if (n == 1) return x;
  const Number half = power(x, n / 2);
  return n % 2 == 0 ? half * half : half * half * x;
}

/// c x^n in two steps, since x^n may leave the range of f64 where the product does not.
template <class Number>
Number scaled_power(Number c, Number x, int n) {
  return c * power(x, n / 2) * power(x, n - n / 2);
}

/// n! zeta(n + 1, a) for a > 0.
template <class Number>
Number scaled_zeta(int n, Number a) {
  // w = a + 7 and u = 1/w: the terms from w on are
  // u^n ((n-1)! + u (n!/2 + u sum over j of B(2j)/(2j)! (n+2j-1)! u^(2j-2))).
  std::vector<long double> coefficients;
  for (int j = 1; j <= static_cast<int>(bernoulli.size()); ++j) {
    const long double over = factorial(2 * j);
    coefficients.push_back(bernoulli[static_cast<std::size_t>(j - 1)] / over *
                           factorial(n + 2 * j - 1));
  }
  const Number u = inverse(plus(a, series_terms));
  const Term v = high_part(u);
  const Term small = fma(v, poly(v * v, coefficients), static_cast<double>(factorial(n) / 2));
  Number rest = constant_like(u, factorial(n - 1));
  if constexpr (std::is_same_v<Number, Term>)
    rest = fma(v, small, rest);
  else
    rest = plus(rest, product_of(v, small));
  Number sum = scaled_power(rest, u, n);
  for (int k = series_terms - 1; k >= 0; --k)
    sum = plus(sum, scaled_power(constant_like(a, factorial(n)), inverse(plus(a, k)), n + 1));
  return sum;
}

/// |d^n/dx^n of C| = |C|^(n % 2 == 0) times a polynomial in C^2, C = pi cot(pi x): from
/// C' = -(C^2 + pi^2). All coefficients have one sign, and the result that of C^(n + 1).
template <class Number>
Number cotangent_derivative(int n, Number c) {
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
  const Number even = poly(c * c, coefficients);
  return odd_powers ? c * even : even;
}

// With V = n! zeta(n + 1, .) and R = |derivative of pi cot(pi x)|, both but for the sign of all:
// V(x) right of the origin; left of it R - V(1 - x) for odd n, R + V(1 - x) for even n.

Term magnitude_for_f32(int n, Term x) {
  const Term left = x < 0;
  const Term value = scaled_zeta(n, select(left, 1 - x, x));
  const Term slope = cotangent_derivative(n, pi_cotangent(x - round_even(x)));
  return select(left, slope + (n % 2 == 0 ? value : -value), value);
}

Term magnitude_for_f64(int n, Term x) {
  const Term left = x < 0, size = abs(x), sum = 1 + size;
  const Term sum_low = select(size < 1, size - (sum - 1), 1 - (sum - size));
  const Pair value = scaled_zeta(n, Pair{select(left, sum, x), select(left, sum_low, 0)});
  // Next to 1/2 its parts cancel; next to 0 it may be infinite, and its square is.
  const Term f = x - round_even(x);
  const Pair cotangent = pi_cotangent_pair(f);
  const Term low = select(abs(f) < 0x1p-600, 0, cotangent.low);
  const Pair slope = cotangent_derivative(n, sum_of(cotangent.high, low));
  const Pair all = select(left, plus(slope, n % 2 == 0 ? value : -value), value);
  // Where something is infinite, the low part is NaN.
  const Term finite = (abs(all.high) < infinity) & (x < infinity);
  return select(finite, all.high + all.low, all.high);
}

Term with_poles(int n, Term x, Term magnitude) {
  const Term pole = (x <= 0) & (round_even(x) == x);
  const Term all = select(pole, infinity, magnitude);
  return n % 2 == 0 ? -all : all;
}

}  // namespace

Scalar polygamma(ScalarBuilder& b, Scalar value, int order) {
  const Term x{&b, value};
  if (!is_f32(x)) return with_poles(order, x, magnitude_for_f64(order, x));
  const Term wide = convert(x, DType::f64);
  return convert(with_poles(order, wide, magnitude_for_f32(order, wide)), DType::f32);
}

}  // namespace weft::ir::math
