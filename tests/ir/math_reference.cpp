#include "math_reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "tests/support/polygamma.h"

namespace weft::ir::testing {

namespace {

constexpr long double pi = 3.14159265358979323846264338327950288L;

long double logistic(long double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}
long double rsqrt(long double x) { return 1 / std::sqrt(x); }

/// Newton's method on the side of erf or erfc where the function is steep relative to its value.
long double erf_inv(long double x) {
  const long double a = std::fabs(x);
  if (!(a < 1)) return a == 1 ? x * std::numeric_limits<long double>::infinity() : std::nanl("");
  if (a < 1e-12L) return x * std::sqrt(pi) / 2;
  const long double l = std::log((1 - a) * (1 + a)), b = 2 / (pi * 0.147L) + l / 2;
  long double y = std::sqrt(std::sqrt(b * b - l / 0.147L) - b);
  for (int k = 0; k < 6; ++k) {
    const long double error = a < 0.5L ? std::erf(y) - a : (1 - a) - std::erfc(y);
    const long double step = error * std::exp(y * y) * std::sqrt(pi) / 2;
    y -= step / (1 + y * step);
  }
  return std::copysign(y, x);
}

/// pi * cot(pi x), exact in its argument reduction.
long double pi_cotangent(long double x) {
  const long double f = x - std::nearbyint(x);
  return pi / std::tan(pi * f);
}
long double digamma(long double x) {
  if (x == 0) return -std::copysign(std::numeric_limits<long double>::infinity(), x);
  if (x < 0) {
    if (std::isinf(x) || x == std::floor(x)) return std::nanl("");
    return digamma(1 - x) - pi_cotangent(x);
  }
  if (std::isinf(x)) return x;
  long double shift = 0;
  for (; x < 40; x += 1) shift += 1 / x;
  // Abramowitz and Stegun 6.3.18.
  const long double z = 1 / (x * x);
  const long double series =
      z * (1 / 12.L - z * (1 / 120.L - z * (1 / 252.L - z * (1 / 240.L - z * (1 / 132.L)))));
  return std::log(x) - 1 / (2 * x) - series - shift;
}

/// Even orders have zeros left of the origin, where terms as large as near 1/2 cancel.
template <int order>
MathFunction polygamma_function(std::string_view name) {
  const double scale = std::ldexp(std::tgamma(order + 1.0), order + 2);
  return {name,
          [](ScalarBuilder& b, Scalar x) { return math::polygamma(b, x, order); },
          test::polygamma<order>,
          -20,
          60,
          2,
          2,
          {0, 1, -0.5, -1, -1.5},
          order % 2 == 0 ? scale * 0x1p-51 : 0,
          order % 2 == 0 ? scale * 0x1p-51 : 0};
}

#define WEFT_LD(f) [](long double x) -> long double { return std::f(x); }

template <class T>
T from_pattern(std::uint64_t pattern) {
  T x;
  if constexpr (sizeof(T) == 4) {
    const auto word = static_cast<std::uint32_t>(pattern);
    std::memcpy(&x, &word, 4);
  } else {
    std::memcpy(&x, &pattern, 8);
  }
  return x;
}

template <class T>
constexpr DType dtype_of_float = sizeof(T) == 4 ? DType::f32 : DType::f64;

}  // namespace

const std::vector<MathFunction>& math_functions() {
  static const std::vector<MathFunction> functions = {
      {"exp",
       math::exp,
       WEFT_LD(exp),
       -746,
       710,
       1,
       1,
       {-80, -690, 89, -104, 710, 88.7228, 709.7827}},
      {"expm1", math::expm1, WEFT_LD(expm1), -50, 710, 2, 2, {0.3466, -0.3466, 0x1p-60, -30, -45}},
      {"logistic", math::logistic, logistic, -746, 50, 2, 2, {0, -80, -690, -104, -746}},
      {"log", math::log, WEFT_LD(log), 0, 10, 1, 1, {2. / 3, 4. / 3, 0.7071067811865476, 1}},
      {"log1p", math::log1p, WEFT_LD(log1p), -1, 10, 2, 2, {-0.2929, 0.4142, 1. / 3, -1. / 3, -1}},
      {"sin",
       math::sin,
       WEFT_LD(sin),
       -100,
       100,
       2,
       2,
       {1, 1.5708, 3.14159, 0x1p44, 0x1p65, 0x1p86}},
      {"cos",
       math::cos,
       WEFT_LD(cos),
       -100,
       100,
       2,
       2,
       {1, 1.5708, 3.14159, 0x1p44, 0x1p65, 0x1p86}},
      {"tan", math::tan, WEFT_LD(tan), -100, 100, 2, 2, {1, 0.7854, 1.5708, 2.356, 0x1p44, 0x1p65}},
      {"asin", math::asin, WEFT_LD(asin), -1, 1, 2, 2, {0.5, -0.5, 1, -1}},
      {"acos", math::acos, WEFT_LD(acos), -1, 1, 2, 2, {0.5, -0.5, 1, -1}},
      {"atan", math::atan, WEFT_LD(atan), -10, 10, 2, 2, {1, -1}},
      {"sinh", math::sinh, WEFT_LD(sinh), -711, 711, 2, 2, {1, -1, 89.4159, 710.4758}},
      {"cosh", math::cosh, WEFT_LD(cosh), -711, 711, 2, 2, {89.4159, 710.4758}},
      {"tanh", math::tanh, WEFT_LD(tanh), -20, 20, 2, 2, {0.625, -0.625, 9.25, 19.5}},
      {"asinh", math::asinh, WEFT_LD(asinh), -10, 10, 2, 2, {0x1p-12, 0x1p-28, 0x1p60}},
      {"acosh", math::acosh, WEFT_LD(acosh), 1, 10, 2, 2, {1, 0x1p60}},
      {"atanh", math::atanh, WEFT_LD(atanh), -1, 1, 2, 2, {0x1p-12, 0x1p-28, 1, -1}},
      {"erf", math::erf, WEFT_LD(erf), -6, 6, 2, 2, {0.927734375, 1, -1, 5.95}},
      {"erfc", math::erfc, WEFT_LD(erfc), -6, 28, 2, 2, {10.5, 27.3, 27.226, 10.05, 26.54}},
      {"erf_inv", math::erf_inv, erf_inv, -1, 1, 2, 2, {0.99443, 1, -1}},
      {"lgamma",
       math::lgamma,
       WEFT_LD(lgamma),
       -20,
       20,
       2,
       2,
       {-0.5, 0.5, 1, 1.5, 2, 3.3},
       0,
       1e-16},
      {"digamma", math::digamma, digamma, -20, 20, 2, 2, {0, 1, 2, -0.5, -1}, 0, 1e-16, 3e-18},
      polygamma_function<1>("polygamma 1"),
      polygamma_function<2>("polygamma 2"),
      polygamma_function<8>("polygamma 8"),
      {"cbrt", math::cbrt, WEFT_LD(cbrt), -10, 10, 2, 2, {1, 8, 27}},
      {"rsqrt", math::rsqrt, rsqrt, 0, 10, 1, 1, {1, 4}},
  };
  return functions;
}

const std::vector<MathFunction2>& math_functions2() {
  static const std::vector<MathFunction2> functions = {
      {"pow", math::pow, [](long double x, long double y) { return std::pow(x, y); }, 2, 2},
      {"atan2", math::atan2, [](long double y, long double x) { return std::atan2(y, x); }, 2, 2},
  };
  return functions;
}

template <class T>
double ulp_error(T got, long double want) {
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) && std::isnan(got) ? 0 : INFINITY;
  if (static_cast<T>(want) == got && (std::isinf(got) || want == 0)) return 0;
  if (std::isinf(got) || std::isinf(want)) return INFINITY;
  int exponent = 0;
  std::frexp(want, &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  const long double unit = std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::fabs(static_cast<long double>(got) - want) / unit);
}

template <class T>
std::vector<T> run_math(const ScalarProgram& program, const std::vector<T>& x,
                        const std::vector<T>& y) {
  std::vector<T> out(x.size());
  const void* params[] = {x.data(), y.data()};
  const bool splat[] = {false, false};
  eval_scalar_program(program, params, splat, out.data(), static_cast<std::int64_t>(x.size()));
  return out;
}
template <class T>
std::vector<T> run_math(const ScalarProgram& program, const std::vector<T>& x) {
  return run_math(program, x, x);
}

template <class T>
ScalarProgram program_of(const MathFunction& f) {
  ScalarBuilder b;
  return b.take(f.build(b, b.param(0, dtype_of_float<T>)));
}
template <class T>
ScalarProgram program_of(const MathFunction2& f) {
  ScalarBuilder b;
  const Scalar x = b.param(0, dtype_of_float<T>), y = b.param(1, dtype_of_float<T>);
  return b.take(f.build(b, x, y));
}

template <class T>
std::vector<T> sample_arguments(const MathFunction& f, int n) {
  std::vector<T> x;
  std::mt19937_64 random(2024);
  const auto unit = [&random] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  const std::uint64_t step = (sizeof(T) == 4 ? 0xffffffffu : ~std::uint64_t{0}) / (n / 4);
  for (int k = 0; k < n / 4; ++k) x.push_back(from_pattern<T>(step * k + random() % step));
  // f32 overflows earlier, and samples beyond that are wasted.
  const double low = sizeof(T) == 4 ? std::max(f.low, -110.0) : f.low;
  const double high = sizeof(T) == 4 ? std::min(f.high, 95.0) : f.high;
  for (int k = 0; k < n / 2; ++k)
    x.push_back(static_cast<T>(low + (high - low) * (k + unit()) / (n / 2)));
  for (int k = 0; k < n / 16; ++k) {
    const double t = std::exp2(-40 * unit());
    for (double v : {t, 1 - t, 1 + t, -2 + t * 4}) x.push_back(static_cast<T>(v));
  }
  const auto neighbours = [&x](T center, int count) {
    T up = center, down = center;
    for (int k = 0; k < count; ++k) {
      x.insert(x.end(), {up, down});
      up = std::nextafter(up, std::numeric_limits<T>::infinity());
      down = std::nextafter(down, -std::numeric_limits<T>::infinity());
    }
  };
  for (double border : f.borders) neighbours(static_cast<T>(border), 100);
  for (int e = std::numeric_limits<T>::min_exponent - std::numeric_limits<T>::digits;
       e <= std::numeric_limits<T>::max_exponent; e += e > -20 && e < 70 ? 1 : 7)
    for (T v : {T{1}, T{-1}}) neighbours(static_cast<T>(std::ldexp(v, e)), 2);
  return x;
}

template <class T>
double error_of(const MathFunction& f, T x, T got, long double want) {
  const double left = sizeof(T) == 4 ? f.absolute_f32 : f.absolute_f64;
  const double absolute = x < 0 ? left : f.reference_error;
  return std::fabs(got - want) <= absolute ? 0 : ulp_error<T>(got, want);
}

template <class T>
Worst<T> worst_error(const MathFunction& f, const std::vector<T>& x) {
  const std::vector<T> y = run_math<T>(program_of<T>(f), x);
  Worst<T> worst;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const long double want = f.reference(x[k]);
    const double error = error_of<T>(f, x[k], y[k], want);
    if (error > worst.ulp) worst = {error, x[k], y[k], want};
  }
  return worst;
}
template <class T>
Worst<T> worst_error(const MathFunction2& f, const std::vector<T>& x, const std::vector<T>& y) {
  const std::vector<T> z = run_math<T>(program_of<T>(f), x, y);
  Worst<T> worst;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const long double want = f.reference(x[k], y[k]);
    const double error = ulp_error<T>(z[k], want);
    if (error > worst.ulp) worst = {error, x[k], z[k], want};
  }
  return worst;
}

#define WEFT_INSTANTIATE(T)                                                         \
  template double ulp_error<T>(T, long double);                                     \
  template double error_of<T>(const MathFunction&, T, T, long double);              \
  template std::vector<T> run_math<T>(const ScalarProgram&, const std::vector<T>&); \
  template std::vector<T> run_math<T>(const ScalarProgram&, const std::vector<T>&,  \
                                      const std::vector<T>&);                       \
  template ScalarProgram program_of<T>(const MathFunction&);                        \
  template ScalarProgram program_of<T>(const MathFunction2&);                       \
  template std::vector<T> sample_arguments<T>(const MathFunction&, int);            \
  template Worst<T> worst_error<T>(const MathFunction&, const std::vector<T>&);     \
  template Worst<T> worst_error<T>(const MathFunction2&, const std::vector<T>&,     \
                                   const std::vector<T>&);
WEFT_INSTANTIATE(float)
WEFT_INSTANTIATE(double)

}  // namespace weft::ir::testing
