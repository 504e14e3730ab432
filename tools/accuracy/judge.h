// The error of a result in units in the last place, quickly from a wider float or exactly from
// MPFR, and the tally of a run.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tools/accuracy/function.h"

namespace weft::accuracy {

template <class T>
using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;
template <class T>
using Pattern = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

/// An infinite result counts as the power of two after the largest number, so that overflow a
/// little early or late costs what it is off.
template <class T, class R>
R finite_value(T got) {
  constexpr int top = std::numeric_limits<T>::max_exponent;
  return std::isinf(got) ? std::copysign(std::ldexp(R(1), top), static_cast<R>(got))
                         : static_cast<R>(got);
}

/// The exponent of the last place of numbers of T in [2^(exponent-1), 2^exponent).
template <class T>
int last_place(int exponent) {
  using Limits = std::numeric_limits<T>;
  return std::clamp(exponent, Limits::min_exponent, Limits::max_exponent) - Limits::digits;
}

template <class T>
double ulp_error(T got, Wide<T> want) {
  using R = Wide<T>;
  if (std::isnan(got) || std::isnan(want))
    return std::isnan(got) && std::isnan(want) ? 0 : INFINITY;
  if (static_cast<T>(want) == got && (std::isinf(got) || want == 0))
    return std::signbit(got) == std::signbit(want) ? 0 : INFINITY;
  if (std::isinf(want)) return INFINITY;
  int exponent = std::numeric_limits<T>::min_exponent;
  if (want != 0) std::frexp(want, &exponent);
  return static_cast<double>(
      std::ldexp(std::fabs(finite_value<T, R>(got) - want), -last_place<T>(exponent)));
}

/// The same for ordinary values in a few instructions without branches; where the result is not
/// below 1e6, ulp_error decides.
inline double ulp_error_in_range(float got, double want) {
  const std::uint64_t field = std::bit_cast<std::uint64_t>(want) >> 52 & 0x7ff;
  const std::uint64_t bounded = std::max<std::uint64_t>(field, 1023 - 126);
  const auto inverse_unit = std::bit_cast<double>((2 * 1023 + 23 - bounded) << 52);
  return std::fabs(static_cast<double>(got) - want) * inverse_unit;
}
inline double ulp_error_in_range(double got, long double want) { return ulp_error(got, want); }

/// MPFR's value of a function.
class ExactValue {
 public:
  ExactValue() {
    mpfr_inits2(exact_bits, x_, y_, want_, difference_, static_cast<mpfr_ptr>(nullptr));
  }
  ~ExactValue() { mpfr_clears(x_, y_, want_, difference_, static_cast<mpfr_ptr>(nullptr)); }
  ExactValue(const ExactValue&) = delete;
  ExactValue& operator=(const ExactValue&) = delete;

  struct Error {
    double ulp, absolute;
  };
  template <class T>
  Error error(const Function& f, T x, T y, T got) {
    mpfr_set_d(x_, x, MPFR_RNDN);
    mpfr_set_d(y_, y, MPFR_RNDN);
    f.exact(want_, x_, y_);
    if (!mpfr_number_p(want_) || mpfr_zero_p(want_)) {
      const double ulp = ulp_error<T>(got, mpfr_get_d(want_, MPFR_RNDN));
      return {ulp, std::fabs(static_cast<double>(got))};
    }
    if (std::isnan(got)) return {INFINITY, INFINITY};
    mpfr_set_d(difference_, finite_value<T, double>(std::isinf(got) ? T(0) : got), MPFR_RNDN);
    if (std::isinf(got))
      mpfr_set_si_2exp(difference_, got < 0 ? -1 : 1, std::numeric_limits<T>::max_exponent,
                       MPFR_RNDN);
    if (std::isinf(got) && mpfr_cmpabs(want_, difference_) >= 0 &&
        (mpfr_sgn(want_) < 0) == (got < 0))
      return {0, 0};
    mpfr_sub(difference_, difference_, want_, MPFR_RNDN);
    mpfr_abs(difference_, difference_, MPFR_RNDN);
    const double absolute = mpfr_get_d(difference_, MPFR_RNDN);
    const int exponent =
        static_cast<int>(std::clamp<mpfr_exp_t>(mpfr_get_exp(want_), -100000, 100000));
    mpfr_mul_2si(difference_, difference_, -last_place<T>(exponent), MPFR_RNDN);
    return {mpfr_get_d(difference_, MPFR_RNDN), absolute};
  }

 private:
  mpfr_t x_, y_, want_, difference_;
};

template <class T>
struct Worst {
  double ulp = -1;
  T x = 0, y = 0, got = 0;
};

/// What a run has found; `local` holds the worst of each bucket of arguments, where a search
/// starts.
template <class T>
struct Tally {
  std::uint64_t arguments = 0, only_absolute = 0;
  double sum = 0;
  Worst<T> worst;
  std::array<Worst<T>, 64> local{};

  void merge(const Tally& other) {
    arguments += other.arguments;
    only_absolute += other.only_absolute;
    sum += other.sum;
    if (other.worst.ulp > worst.ulp) worst = other.worst;
    for (std::size_t k = 0; k < local.size(); ++k)
      if (other.local[k].ulp > local[k].ulp) local[k] = other.local[k];
  }
};

}  // namespace weft::accuracy
