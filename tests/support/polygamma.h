// A reference for polygamma in long double, by series alone: no reflection formula.
#pragma once

#include <cmath>
#include <limits>

namespace weft::test {

/// The Hurwitz zeta function for q >= 0: terms up to 50, and the Euler-Maclaurin formula from
/// there.
inline long double hurwitz_zeta(int s, long double q) {
  const auto power = [s](long double x) {
    long double product = 1;
    for (int k = 0; k < s; ++k) product *= x;
    return 1 / product;
  };
  long double head = 0;
  const long double first = q;
  const int steps = q < 50 ? static_cast<int>(50 - q) + 1 : 0;
  for (int k = steps; k-- > 0;) head += power(first + k);
  const long double w = first + steps;
  const long double over[] = {12.L,         -720.L,     30240.L,
                              -1209600.L,   47900160.L, -1307674368000 / 691.L,
                              74724249600.L};  // (2j)! / B(2j)
  long double term = power(w) / w * s, rest = power(w) * (w / (s - 1) + 0.5L);
  for (int j = 1; j <= 7; ++j) {
    rest += term / over[j - 1];
    term *= (s + 2 * j - 1.0L) * (s + 2 * j) / (w * w);
  }
  return head + rest;
}

/// As the derivatives of order `n` of digamma are defined; at poles as SciPy has it.
inline long double polygamma(int n, long double x) {
  const int s = n + 1;
  const long double scale = (n % 2 == 0 ? -1 : 1) * std::tgamma(n + 1.0L);
  if (x <= 0 && x == std::floor(x)) return scale * std::numeric_limits<long double>::infinity();
  if (std::isinf(x)) return scale * 0;
  if (x > 0 || std::isnan(x)) return scale * hurwitz_zeta(s, x);
  // The series from x on: its terms left of the origin are those between two series to the right.
  const long double right = x - std::floor(x), left = std::floor(x) + 1 - x;
  const long double below = hurwitz_zeta(s, left) - hurwitz_zeta(s, 1 - x);
  return scale * (hurwitz_zeta(s, right) + (s % 2 == 0 ? below : -below));
}

template <int n>
long double polygamma(long double x) {
  return polygamma(n, x);
}

}  // namespace weft::test
