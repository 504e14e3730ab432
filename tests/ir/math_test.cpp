// The accuracy of the scalar programs of ir/scalar_math.h, and C's rules for special values.
#include "math_reference.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>

using namespace weft;
using namespace weft::ir;
using namespace weft::ir::testing;

namespace {

constexpr int samples = 400000;

template <class T>
double promised(const MathFunction& f) {
  return sizeof(T) == 4 ? f.ulp_f32 : f.ulp_f64;
}
template <class T>
double promised(const MathFunction2& f) {
  return sizeof(T) == 4 ? f.ulp_f32 : f.ulp_f64;
}

template <class T>
std::string describe(const Worst<T>& worst) {
  char text[160];
  std::snprintf(text, sizeof text, "%.3g ULP at %a: got %.17g, want %.20Lg", worst.ulp,
                static_cast<double>(worst.at), static_cast<double>(worst.got), worst.want);
  return text;
}

template <class T>
void check_accuracy() {
  for (const MathFunction& f : math_functions()) {
    const Worst<T> worst = worst_error<T>(f, sample_arguments<T>(f, samples));
    CAPTURE(f.name);
    CAPTURE(describe(worst));
    CHECK(worst.ulp <= promised<T>(f));
  }
}

/// Multiples of pi/2, rounded to T, and the numbers that come closest to one of all numbers of T.
template <class T>
std::vector<T> near_multiples_of_half_pi() {
  std::vector<T> x = {static_cast<T>(6381956970095103.0 * 0x1p797),
                      static_cast<T>(0x1.6ac5b262ca1ffp+849),
                      static_cast<T>(0x1.3570efp+79),
                      static_cast<T>(0x1.53cd8ap+117),
                      static_cast<T>(0x1.f9cbe2p+7),
                      static_cast<T>(0x1.d31fp+40),
                      static_cast<T>(0x1.b951f1572eba5p+23)};
  for (int k = 1; k <= 20000; ++k)
    x.push_back(static_cast<T>(k * 1.57079632679489661923132169163975144L));
  for (long double k = 1; k < 1e15L; k *= 1.01L)
    x.push_back(static_cast<T>(std::floor(k) * 1.57079632679489661923132169163975144L));
  std::erase_if(x, [](T v) { return std::isinf(v); });
  return x;
}

template <class T>
struct Pairs {
  std::vector<T> x, y;
};
template <class T>
Pairs<T> every_pair(const std::vector<T>& values) {
  Pairs<T> pairs;
  for (T a : values)
    for (T b : values) {
      pairs.x.push_back(a);
      pairs.y.push_back(b);
    }
  return pairs;
}

template <class T>
std::vector<T> special_values() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> values;
  for (T v :
       {T{0}, Limits::denorm_min(), Limits::min() / 2, Limits::min(), T{0.5}, T{1},
        std::nextafter(T{1}, T{0}), std::nextafter(T{1}, T{2}), T{1.5}, T{2}, T{3}, T{7},
        T{8388607}, T{16777216}, T{1e18f}, Limits::max(), Limits::infinity(), Limits::quiet_NaN()})
    values.insert(values.end(), {v, -v});
  return values;
}

template <class T>
bool same(T a, T b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

/// Arguments whose powers neither overflow nor underflow too often.
template <class T>
Pairs<T> pow_arguments(int n) {
  Pairs<T> pairs;
  std::mt19937_64 random(7);
  const auto unit = [&random] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  const double range = sizeof(T) == 4 ? 150 : 1080;
  for (int k = 0; k < n; ++k) {
    const double log2_x = k % 3 == 0   ? (unit() - 0.5) * 2 * range
                          : k % 3 == 1 ? (unit() - 0.5) * 8
                                       : (unit() - 0.5) * 1e-3;
    const T x = static_cast<T>(std::exp2(log2_x));
    const double result = (unit() - 0.5) * 2 * range * (k % 5 == 0 ? 0.01 : 1);
    pairs.x.push_back(x);
    pairs.y.push_back(static_cast<T>(result / std::log2(static_cast<double>(x))));
  }
  return pairs;
}

template <class T>
Pairs<T> atan2_arguments(int n) {
  Pairs<T> pairs;
  std::mt19937_64 random(8);
  const auto unit = [&random] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  const double range = sizeof(T) == 4 ? 120 : 1000;
  for (int k = 0; k < n; ++k) {
    const double spread = k % 2 == 0 ? 4 : range;
    for (std::vector<T>* v : {&pairs.x, &pairs.y})
      v->push_back(
          static_cast<T>((random() % 2 ? 1 : -1) * std::exp2((unit() - 0.5) * 2 * spread)));
  }
  return pairs;
}

template <class T>
Worst<T> worst_pow(int n) {
  const Pairs<T> p = pow_arguments<T>(n);
  return worst_error<T>(math_functions2()[0], p.x, p.y);
}
template <class T>
Worst<T> worst_atan2(int n) {
  const Pairs<T> p = atan2_arguments<T>(n);
  return worst_error<T>(math_functions2()[1], p.x, p.y);
}

template <class T>
std::vector<T> integer_pow(const std::vector<T>& x, const std::vector<T>& y) {
  ScalarBuilder b;
  const ScalarProgram program =
      b.take(math::pow(b, b.param(0, dtype_of<T>), b.param(1, dtype_of<T>)));
  std::vector<T> out(x.size());
  const void* params[] = {x.data(), y.data()};
  const bool splat[] = {false, false};
  eval_scalar_program(program, params, splat, out.data(), static_cast<std::int64_t>(x.size()));
  return out;
}

template <class T>
T naive_pow(T x, T y) {
  using U = std::make_unsigned_t<T>;
  if (std::is_signed_v<T> && y < T{0})
    return x == T{1} ? T{1} : x == static_cast<T>(-1) ? (y % 2 ? x : T{1}) : T{0};
  U result = 1;
  U power = static_cast<U>(x);
  for (U rest = static_cast<U>(y); rest != 0; rest >>= 1) {
    if (rest & 1) result *= power;
    power *= power;
  }
  return static_cast<T>(result);
}

template <class T>
void check_integer_pow() {
  std::vector<T> x, y;
  std::mt19937_64 random(3);
  for (int k = -12; k <= 12; ++k)
    for (int e = -5; e <= 40; ++e) {
      x.push_back(static_cast<T>(k));
      y.push_back(static_cast<T>(e));
    }
  for (int k = 0; k < 1000; ++k) {
    x.push_back(static_cast<T>(random()));
    y.push_back(static_cast<T>(random()));
  }
  const std::vector<T> got = integer_pow<T>(x, y);
  for (std::size_t k = 0; k < x.size(); ++k) {
    CAPTURE(x[k]);
    CAPTURE(y[k]);
    CHECK(got[k] == naive_pow<T>(x[k], y[k]));
  }
}

using Counter = std::array<std::uint32_t, 4>;

/// Philox 4x32-10 as its authors publish it.
Counter philox_block(Counter c, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xd2511f53} * c[0],
                        p1 = std::uint64_t{0xcd9e8d57} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(p0)};
    key[0] += 0x9e3779b9;
    key[1] += 0xbb67ae85;
  }
  return c;
}

}  // namespace

TEST_CASE("f32 functions keep their promised accuracy over all arguments") {
  check_accuracy<float>();
}
TEST_CASE("f64 functions keep their promised accuracy over all arguments") {
  check_accuracy<double>();
}

TEST_CASE_TEMPLATE("sin, cos and tan are accurate next to multiples of pi/2", T, float, double) {
  for (const MathFunction& f : math_functions())
    if (f.name == "sin" || f.name == "cos" || f.name == "tan") {
      const Worst<T> worst = worst_error<T>(f, near_multiples_of_half_pi<T>());
      CAPTURE(f.name);
      CAPTURE(describe(worst));
      CHECK(worst.ulp <= 2);
    }
}

TEST_CASE_TEMPLATE("sin and cos never leave the range of -1 to 1", T, float, double) {
  for (const MathFunction& f : math_functions())
    if (f.name == "sin" || f.name == "cos")
      for (T y : run_math<T>(program_of<T>(f), sample_arguments<T>(f, samples)))
        if (std::fabs(y) > 1) FAIL(f.name << " gave " << y);
}

TEST_CASE_TEMPLATE("functions of one argument have the references' zeros, infinities and NaNs", T,
                   float, double) {
  const std::vector<T> x = special_values<T>();
  for (const MathFunction& f : math_functions()) {
    const std::vector<T> y = run_math<T>(program_of<T>(f), x);
    for (std::size_t k = 0; k < x.size(); ++k) {
      CAPTURE(f.name);
      CAPTURE(x[k]);
      const T want = static_cast<T>(f.reference(x[k]));
      if (!std::isfinite(want) || want == 0)
        CHECK_MESSAGE(same(y[k], want), "got ", y[k], ", want ", want);
      else
        CHECK(error_of<T>(f, x[k], y[k], f.reference(x[k])) <= promised<T>(f));
    }
  }
}

TEST_CASE_TEMPLATE("pow and atan2 follow C's rules for every pair of special values", T, float,
                   double) {
  const Pairs<T> p = every_pair(special_values<T>());
  for (const MathFunction2& f : math_functions2()) {
    const std::vector<T> z = run_math<T>(program_of<T>(f), p.x, p.y);
    for (std::size_t k = 0; k < p.x.size(); ++k) {
      CAPTURE(f.name);
      CAPTURE(p.x[k]);
      CAPTURE(p.y[k]);
      const long double exact = f.reference(p.x[k], p.y[k]);
      const T want = static_cast<T>(exact);
      if (!std::isfinite(want) || want == 0)
        CHECK_MESSAGE(same(z[k], want), "got ", z[k], ", want ", want);
      else
        CHECK(ulp_error<T>(z[k], exact) <= promised<T>(f));
    }
  }
}

TEST_CASE_TEMPLATE("pow is accurate up to overflow and underflow", T, float, double) {
  const Worst<T> worst = worst_pow<T>(samples);
  CAPTURE(describe(worst));
  CHECK(worst.ulp <= promised<T>(math_functions2()[0]));
}

TEST_CASE_TEMPLATE("atan2 is accurate for any ratio of its arguments", T, float, double) {
  const Worst<T> worst = worst_atan2<T>(samples);
  CAPTURE(describe(worst));
  CHECK(worst.ulp <= promised<T>(math_functions2()[1]));
}

TEST_CASE("pow of integers wraps, and truncates reciprocals") {
  check_integer_pow<std::int32_t>();
  check_integer_pow<std::int64_t>();
  check_integer_pow<std::uint32_t>();
  check_integer_pow<std::uint64_t>();
}

TEST_CASE("philox_u32 gives the words of Philox 4x32-10") {
  // Known answers of the Random123 library.
  CHECK(philox_block({0, 0, 0, 0}, {0, 0}) ==
        Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox_block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

  ScalarBuilder b;
  const ScalarProgram program = b.take(
      math::philox_u32(b, b.param(0, DType::u64), b.param(1, DType::u64), b.param(2, DType::u64)));
  std::mt19937_64 random(5);
  std::vector<std::uint64_t> index;
  for (std::uint64_t k = 0; k < 64; ++k) index.push_back(k);
  for (int k = 0; k < 1000; ++k) index.push_back(random());
  const std::uint64_t key0 = 0x299f31d0a4093822, key1 = 0x0370734413198a2e;
  std::vector<std::uint32_t> got(index.size());
  const void* params[] = {&key0, &key1, index.data()};
  const bool splat[] = {true, true, false};
  eval_scalar_program(program, params, splat, got.data(), static_cast<std::int64_t>(index.size()));
  for (std::size_t k = 0; k < index.size(); ++k) {
    const std::uint64_t block = index[k] / 4;
    const Counter want =
        philox_block({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                      0x13198a2e, 0x03707344},
                     {0xa4093822, 0x299f31d0});
    CHECK(got[k] == want[index[k] % 4]);
  }
}

TEST_CASE("the table of docs/accuracy.md is printed" * doctest::skip()) {
  constexpr int n = 2000000;
  const auto row = [](std::string_view name, double ulp32, double ulp64, std::size_t size32,
                      std::size_t size64) {
    std::printf("| %s | %.2f | %.2f | %zu | %zu |\n", std::string(name).c_str(), ulp32, ulp64,
                size32, size64);
  };
  const auto size = [](const ScalarProgram& program) {
    std::size_t count = 0;
    for (const ScalarInst& inst : program.insts)
      count += inst.op != ScalarOp::constant && inst.op != ScalarOp::param;
    return count;
  };
  for (const MathFunction& f : math_functions())
    row(f.name, worst_error<float>(f, sample_arguments<float>(f, n)).ulp,
        worst_error<double>(f, sample_arguments<double>(f, n)).ulp, size(program_of<float>(f)),
        size(program_of<double>(f)));
  const MathFunction2 &pow = math_functions2()[0], &atan2 = math_functions2()[1];
  row("pow", worst_pow<float>(n).ulp, worst_pow<double>(n).ulp, size(program_of<float>(pow)),
      size(program_of<double>(pow)));
  row("atan2", worst_atan2<float>(n).ulp, worst_atan2<double>(n).ulp,
      size(program_of<float>(atan2)), size(program_of<double>(atan2)));
}
