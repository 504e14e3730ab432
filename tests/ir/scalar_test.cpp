// The scalar IR: what its builder reuses and folds, and what every opcode computes.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include <weft/error.h>
#include "ir/scalar.h"
#include "ir/scalar_math.h"

using namespace weft;
using namespace weft::ir;

namespace {

template <class T>
std::uint64_t bits_of(T value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
T value_of(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// One opcode with result R on operands of one C++ type.
template <class R, class A, class... Rest>
R eval(ScalarOp op, A first, Rest... rest) {
  const std::uint64_t args[] = {bits_of(first), bits_of(rest)...};
  return value_of<R>(eval_scalar(op, dtype_of<R>, dtype_of<A>, args));
}
template <class T>
T binary(ScalarOp op, T a, T b) {
  return eval<T>(op, a, b);
}

/// The same in opcodes that every processor has.
template <class T, class... Rest>
T expanded(ScalarOp op, T first, Rest... rest) {
  const T args[] = {first, rest...};
  std::vector<const void*> params;
  for (const T& arg : args) params.push_back(&arg);
  const bool splat[2] = {};
  T out{};
  eval_scalar_program(math::expansion(op, dtype_of<T>), params, std::span(splat, params.size()),
                      &out, 1);
  return out;
}

template <class T>
std::vector<T> run(const ScalarProgram& program, std::span<const void* const> params,
                   std::initializer_list<bool> splat, std::int64_t n) {
  std::vector<T> out(static_cast<std::size_t>(n));
  eval_scalar_program(program, params, std::span(splat.begin(), splat.size()), out.data(), n);
  return out;
}

constexpr float nan32 = std::numeric_limits<float>::quiet_NaN();
constexpr float inf32 = std::numeric_limits<float>::infinity();
constexpr auto min32 = std::numeric_limits<std::int32_t>::min();
constexpr auto max32 = std::numeric_limits<std::int32_t>::max();
constexpr auto min64 = std::numeric_limits<std::int64_t>::min();
constexpr auto max64 = std::numeric_limits<std::int64_t>::max();

}  // namespace

TEST_CASE("every scalar opcode has a name of its own and an arity from 0 to 3") {
  for (int a = 0; a < scalar_op_count; ++a) {
    const ScalarOpInfo& one = info(static_cast<ScalarOp>(a));
    CHECK_FALSE(one.name.empty());
    CHECK(one.arity >= 0);
    CHECK(one.arity <= 3);
    for (int b = 0; b < a; ++b) CHECK(one.name != info(static_cast<ScalarOp>(b)).name);
  }
  CHECK(info(ScalarOp::fma).arity == 3);
  CHECK(info(ScalarOp::round_even).name == "round_even");
}

TEST_CASE("the scalar builder makes equal instructions one") {
  ScalarBuilder b;
  const Scalar x = b.param(0, DType::f32), y = b.param(1, DType::f32);
  CHECK(b.add(x, y).id == b.add(x, y).id);
  CHECK(b.param(0, DType::f32).id == x.id);
  CHECK(b.add(x, y).id != b.add(y, x).id);
  CHECK(b.constant(DType::f32, 1).id == b.constant(DType::f32, 1).id);
  CHECK(b.constant(DType::f32, 0.0).id != b.constant(DType::f32, -0.0).id);
  CHECK(b.convert(x, DType::f64).id != b.convert(x, DType::i64).id);
}

TEST_CASE("the scalar builder folds constants and drops conversions that change nothing") {
  ScalarBuilder b;
  const Scalar two = b.constant(DType::f64, 2), three = b.constant(DType::f64, 3);
  const Scalar sum = b.fma(two, three, two);
  CHECK(b.program().insts[sum.id].op == ScalarOp::constant);
  CHECK(value_of<double>(b.program().insts[sum.id].bits) == 8);
  const Scalar x = b.param(0, DType::f64);
  CHECK(b.convert(x, DType::f64).id == x.id);
  CHECK(b.bitcast(x, DType::f64).id == x.id);
  CHECK(b.select(b.lt(two, three), x, two).id == x.id);
  CHECK(b.select(b.lt(three, two), x, two).id == two.id);
}

TEST_CASE("scalar constants round and wrap to their dtype") {
  ScalarBuilder b;
  const auto bits = [&](Scalar s) { return b.program().insts[s.id].bits; };
  CHECK(value_of<float>(bits(b.constant(DType::f32, 0.1))) == 0.1f);
  CHECK(bits(b.constant(DType::i32, -1)) == 0xffffffffu);
  CHECK(bits(b.constant_int(DType::u32, -1)) == 0xffffffffu);
  CHECK(bits(b.constant_int(DType::i64, -2)) == ~std::uint64_t{1});
  CHECK(bits(b.constant_bits(DType::i32, 0x1234567890u)) == 0x34567890u);
  CHECK(bits(b.constant(DType::boolean, 7)) == 1);
}

TEST_CASE("the scalar builder names the opcode and the operand of another dtype") {
  ScalarBuilder b;
  const Scalar x = b.param(0, DType::f32), n = b.param(1, DType::i32);
  CHECK_THROWS_WITH_AS(b.add(x, n), "scalar add: operand 1 is i32, expected f32", InternalError);
  CHECK_THROWS_WITH_AS(b.select(x, x, x), "scalar select: operand 0 is f32, expected bool",
                       InternalError);
  CHECK_THROWS_AS(b.emit(ScalarOp::add, DType::f32, {x}), InternalError);
  CHECK_THROWS_AS(b.emit(ScalarOp::neg, DType::f32, {Scalar{}}), InternalError);
}

TEST_CASE("taking a scalar program leaves out what its result does not need") {
  ScalarBuilder b;
  const Scalar x = b.param(0, DType::f32), unused = b.param(1, DType::f32);
  b.mul(unused, unused);
  const ScalarProgram program = b.take(b.add(x, b.constant(DType::f32, 1)));
  CHECK(program.insts.size() == 3);
  CHECK(program.result == 2);
  CHECK(b.program().insts.empty());
}

TEST_CASE("scalar integer arithmetic wraps and divides as documented") {
  using enum ScalarOp;
  CHECK(binary(add, max32, 1) == min32);
  CHECK(binary(sub, min64, std::int64_t{1}) == max64);
  CHECK(binary(mul, max32, max32) == 1);
  CHECK(eval<std::int32_t>(neg, min32) == min32);
  CHECK(eval<std::int64_t>(abs, min64) == min64);
  CHECK(binary(ScalarOp::div, 7, -2) == -3);
  CHECK(binary(ScalarOp::div, 5, 0) == -1);
  CHECK(binary(ScalarOp::div, min32, -1) == min32);
  CHECK(binary(ScalarOp::div, 5u, 0u) == ~0u);
  CHECK(binary(ScalarOp::div, ~0u, ~0u) == 1u);
  CHECK(binary(rem, -7, 2) == -1);
  CHECK(binary(rem, 7, -2) == 1);
  CHECK(binary(rem, 5, 0) == 5);
  CHECK(binary(rem, min64, std::int64_t{-1}) == 0);
  CHECK(binary(rem, std::uint64_t{5}, std::uint64_t{0}) == 5);
  CHECK(binary(ScalarOp::max, -3, 2) == 2);
  CHECK(binary(ScalarOp::min, 3u, ~0u) == 3u);
}

TEST_CASE("scalar max and min give NaN for a NaN on either side, and keep the second of equals") {
  for (const ScalarOp op : {ScalarOp::max, ScalarOp::min}) {
    CHECK(std::isnan(binary(op, nan32, 1.0f)));
    CHECK(std::isnan(binary(op, 1.0f, nan32)));
    CHECK(std::signbit(binary(op, 0.0f, -0.0f)));
    CHECK_FALSE(std::signbit(binary(op, -0.0f, 0.0f)));
  }
  CHECK(binary(ScalarOp::max, -inf32, 3.0f) == 3.0f);
  CHECK(binary(ScalarOp::min, -inf32, 3.0f) == -inf32);
}

TEST_CASE("scalar float arithmetic follows IEEE at special values") {
  using enum ScalarOp;
  CHECK(binary(ScalarOp::div, 1.0f, -0.0f) == -inf32);
  CHECK(std::isnan(binary(ScalarOp::div, 0.0f, 0.0f)));
  CHECK(binary(rem, -7.5f, 2.0f) == -1.5f);
  CHECK(std::isnan(binary(rem, 1.0f, 0.0f)));
  CHECK(binary(rem, 1.0f, inf32) == 1.0f);
  CHECK(std::signbit(eval<float>(neg, 0.0f)));
  CHECK(std::signbit(eval<float>(neg, std::copysign(nan32, 1.0f))));
  CHECK_FALSE(std::signbit(eval<float>(abs, std::copysign(nan32, -1.0f))));
  CHECK(std::isnan(eval<float>(ScalarOp::sqrt, -1.0f)));
  CHECK(std::signbit(eval<float>(ScalarOp::sqrt, -0.0f)));
  CHECK(std::signbit(eval<float>(ScalarOp::ceil, -0.5f)));
  CHECK(eval<double>(round_even, 2.5) == 2);
  CHECK(eval<double>(round_even, 3.5) == 4);
  CHECK(std::signbit(eval<double>(round_even, -0.5)));
  CHECK(eval<double>(ScalarOp::trunc, -1.75) == -1);
  CHECK(eval<double>(ScalarOp::floor, -1.25) == -2);
}

TEST_CASE_TEMPLATE("scalar scale rounds once, from zero to infinity", T, float, double) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> mantissa(0.5, 2);
  const int low = sizeof(T) == 4 ? -150 : -1080, high = sizeof(T) == 4 ? 129 : 1025;
  for (int n = low; n <= high; ++n)
    for (int k = 0; k < 20; ++k) {
      const auto a = static_cast<T>(random() % 2 ? mantissa(random) : -mantissa(random));
      const auto b = static_cast<T>(n);
      const T scaled = binary(ScalarOp::scale, a, b);
      REQUIRE(bits_of(scaled) == bits_of(std::ldexp(a, n)));
      REQUIRE(bits_of(expanded(ScalarOp::scale, a, b)) == bits_of(scaled));
    }
  const T nan = std::numeric_limits<T>::quiet_NaN();
  CHECK(std::isnan(binary(ScalarOp::scale, nan, nan)));
  CHECK(std::isnan(expanded(ScalarOp::scale, nan, nan)));
}

TEST_CASE_TEMPLATE("scalar exponent and mantissa take floats apart", T, float, double) {
  using limits = std::numeric_limits<T>;
  const T least = sizeof(T) == 4 ? T(2) / 3 : std::sqrt(T(0.5));
  std::mt19937_64 random(6);
  const auto parts = [](T a) {
    const T k = eval<T>(ScalarOp::exponent, a), m = eval<T>(ScalarOp::mantissa, a);
    const T other_k = expanded(ScalarOp::exponent, a), other_m = expanded(ScalarOp::mantissa, a);
    REQUIRE((bits_of(k) == bits_of(other_k) || std::isnan(k) || a < 0));
    REQUIRE((bits_of(m) == bits_of(other_m) || (std::isnan(m) && std::isnan(other_m))));
    return std::pair(k, m);
  };
  const auto check = [&](T a) {
    const auto [k, m] = parts(a);
    REQUIRE(std::ldexp(m, static_cast<int>(k)) == a);
    REQUIRE(m >= least);
    REQUIRE(m / 2 < least);
  };
  for (int k = 0; k < 20000; ++k) {
    const T a = std::fabs(value_of<T>(random()));
    if (std::isfinite(a) && a != 0) check(a);
  }
  for (const T a : {limits::denorm_min(), limits::min(), limits::max(), least, least * 2, T(1),
                    std::nextafter(least, T(0)), std::nextafter(2 * least, T(0))})
    check(a);
  for (const T zero : {T(0), -T(0)}) CHECK(parts(zero) == std::pair(-limits::infinity(), T(1)));
  CHECK(parts(limits::infinity()) == std::pair(limits::infinity(), T(1)));
  CHECK(std::isnan(parts(limits::quiet_NaN()).first));
  for (const T a : {limits::quiet_NaN(), T(-1), -limits::infinity(), -limits::denorm_min()})
    CHECK(std::isnan(parts(a).second));
}

TEST_CASE("scalar fma rounds once") {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> mantissa(-2, 2);
  for (int k = 0; k < 2000; ++k) {
    const double a = std::ldexp(mantissa(random), static_cast<int>(random() % 200) - 100);
    const double b = std::ldexp(mantissa(random), static_cast<int>(random() % 200) - 100);
    const double c = -a * b + std::ldexp(mantissa(random), static_cast<int>(random() % 100) - 150);
    CHECK(bits_of(eval<double>(ScalarOp::fma, a, b, c)) == bits_of(std::fma(a, b, c)));
    const auto x = static_cast<float>(a), y = static_cast<float>(b), z = -x * y;
    CHECK(bits_of(eval<float>(ScalarOp::fma, x, y, z)) == bits_of(std::fma(x, y, z)));
  }
  // 1 + 2^-23 squared leaves 2^-46 behind, which two roundings lose.
  const float x = std::nextafter(1.0f, 2.0f);
  CHECK(eval<float>(ScalarOp::fma, x, x, -(x * x)) == std::ldexp(1.0f, -46));
}

TEST_CASE("scalar comparisons are ordered, but for ne") {
  using enum ScalarOp;
  CHECK_FALSE(eval<bool>(eq, nan32, nan32));
  CHECK(eval<bool>(ne, nan32, nan32));
  CHECK_FALSE(eval<bool>(lt, nan32, 1.0f));
  CHECK_FALSE(eval<bool>(le, 1.0f, nan32));
  CHECK(eval<bool>(eq, 0.0f, -0.0f));
  CHECK(eval<bool>(lt, -1, 1));
  CHECK_FALSE(eval<bool>(lt, ~0u, 1u));
  CHECK(eval<bool>(lt, false, true));
  CHECK(eval<bool>(le, true, true));
}

TEST_CASE("scalar shifts beyond the width give zero, or the sign") {
  using enum ScalarOp;
  CHECK(binary(shl, 1, 31) == min32);
  CHECK(binary(shl, 1, 32) == 0);
  CHECK(binary(shl, 1, -1) == 0);
  CHECK(binary(shr_logical, -1, 28) == 15);
  CHECK(binary(shr_logical, -1, 32) == 0);
  CHECK(binary(shr_arith, -8, 1) == -4);
  CHECK(binary(shr_arith, -8, 99) == -1);
  CHECK(binary(shr_arith, 8, -1) == 0);
  CHECK(binary(shr_arith, min64, std::int64_t{64}) == -1);
  CHECK(binary(shr_arith, 0x80000000u, 31u) == ~0u);
  CHECK(binary(shl, std::uint64_t{3}, std::uint64_t{63}) == std::uint64_t{1} << 63);
}

TEST_CASE("scalar bit operations keep bool a truth value") {
  using enum ScalarOp;
  CHECK(eval<bool>(not_, false));
  CHECK_FALSE(eval<bool>(not_, true));
  CHECK(eval<bool>(xor_, true, false));
  CHECK(eval<std::int32_t>(not_, 5) == -6);
  CHECK(binary(and_, 12u, 10u) == 8u);
  CHECK(binary(or_, 12u, 10u) == 14u);
}

TEST_CASE("scalar conversion from float to integer truncates, saturates and takes NaN to zero") {
  const auto to = [](auto x, auto like) { return eval<decltype(like)>(ScalarOp::convert, x); };
  CHECK(to(-1.9f, std::int32_t{}) == -1);
  CHECK(to(3e9f, std::int32_t{}) == max32);
  CHECK(to(-3e9f, std::int32_t{}) == min32);
  CHECK(to(2147483520.0f, std::int32_t{}) == 2147483520);
  CHECK(to(2147483647.0, std::int32_t{}) == max32);
  CHECK(to(9.3e18, std::int64_t{}) == max64);
  CHECK(to(-inf32, std::int64_t{}) == min64);
  CHECK(to(-1.0f, std::uint32_t{}) == 0);
  CHECK(to(4294967040.0f, std::uint32_t{}) == 4294967040u);
  CHECK(to(inf32, std::uint64_t{}) == ~std::uint64_t{0});
  CHECK(to(nan32, std::int32_t{}) == 0);
  CHECK(to(nan32, std::uint64_t{}) == 0);
  CHECK(to(nan32, bool{}));
  CHECK_FALSE(to(-0.0, bool{}));
}

TEST_CASE("scalar conversion between integers wraps, and to float rounds to nearest even") {
  const auto to = [](auto x, auto like) { return eval<decltype(like)>(ScalarOp::convert, x); };
  CHECK(to(std::int64_t{1} << 32, std::int32_t{}) == 0);
  CHECK(to(-1, std::uint64_t{}) == ~std::uint64_t{0});
  CHECK(to(~0u, std::int64_t{}) == 0xffffffff);
  CHECK(to(256, bool{}));
  CHECK(to(true, std::int32_t{}) == 1);
  CHECK(to(16777217, float{}) == 16777216.0f);
  CHECK(to(~std::uint64_t{0}, float{}) == 18446744073709551616.0f);
  CHECK(to(1e300, float{}) == inf32);
  CHECK(eval<std::uint32_t>(ScalarOp::bitcast, 1.0f) == 0x3f800000u);
}

TEST_CASE("a scalar opcode on a dtype without arithmetic is unsupported") {
  const std::uint64_t args[2] = {};
  CHECK_THROWS_AS(eval_scalar(ScalarOp::add, DType::f16, DType::f16, args), Unsupported);
  CHECK_THROWS_AS(eval_scalar(ScalarOp::add, DType::boolean, DType::boolean, args), Unsupported);
  CHECK_THROWS_AS(eval_scalar(ScalarOp::and_, DType::f32, DType::f32, args), Unsupported);
}

TEST_CASE("a scalar program runs any number of elements, with parameters packed or single") {
  ScalarBuilder b;
  const Scalar x = b.param(0, DType::f32), scale = b.param(1, DType::f32);
  const Scalar product = b.convert(b.fma(x, scale, b.constant(DType::f32, 0.5)), DType::f64);
  const ScalarProgram program = b.take(b.mul(product, product));
  std::vector<float> values(1000);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(k);
  const float two = 2;
  const void* const params[] = {values.data(), &two};
  for (const std::int64_t n : {0, 1, 255, 256, 257, 1000}) {
    const auto out = run<double>(program, params, {false, true}, n);
    for (std::int64_t k = 0; k < n; ++k) {
      const double y = 2 * static_cast<double>(k) + 0.5;
      CHECK(out[static_cast<std::size_t>(k)] == y * y);
    }
  }
}

TEST_CASE("a scalar program may return a parameter, a constant or a value that is used again") {
  const std::vector<std::int32_t> x = {1, 2, 3};
  const std::int32_t one = 7;
  const void* const params[] = {x.data(), &one};
  ScalarBuilder b;
  CHECK(run<std::int32_t>(b.take(b.param(0, DType::i32)), params, {false, true}, 3) == x);
  CHECK(run<std::int32_t>(b.take(b.param(1, DType::i32)), params, {false, true}, 2) ==
        std::vector{7, 7});
  CHECK(run<std::int32_t>(b.take(b.constant_int(DType::i32, 4)), params, {false, true}, 2) ==
        std::vector{4, 4});
  const Scalar doubled = b.add(b.param(0, DType::i32), b.param(0, DType::i32));
  b.mul(doubled, doubled);
  ScalarProgram program = b.program();
  program.result = doubled.id;
  CHECK(run<std::int32_t>(program, params, {false, true}, 3) == std::vector{2, 4, 6});
}

TEST_CASE("a scalar program with many live values of mixed sizes keeps them apart") {
  ScalarBuilder b;
  const Scalar x = b.param(0, DType::i32);
  std::vector<Scalar> wide, flags;
  for (int k = 0; k < 20; ++k) {
    wide.push_back(b.convert(b.add(x, b.constant_int(DType::i32, k)), DType::i64));
    flags.push_back(b.lt(x, b.constant_int(DType::i32, 10 * k)));
  }
  Scalar sum = b.constant_int(DType::i64, 0);
  for (int k = 0; k < 20; ++k)
    sum = b.add(sum, b.select(flags[k], wide[k], b.constant_int(DType::i64, -1)));
  const ScalarProgram program = b.take(sum);
  std::vector<std::int32_t> values(300);
  for (int k = 0; k < 300; ++k) values[k] = k - 50;
  const void* const params[] = {values.data()};
  const auto out = run<std::int64_t>(program, params, {false}, 300);
  for (int i = 0; i < 300; ++i) {
    std::int64_t expected = 0;
    for (int k = 0; k < 20; ++k) expected += values[i] < 10 * k ? values[i] + k : -1;
    CHECK(out[i] == expected);
  }
}
