// Elementwise functions: values, promotion, broadcasting, errors.
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("operators broadcast and take numbers on both sides") {
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}}), y = tensor({{10.0}, {20.0}});
  check_tensor(x + y, f32, {2, 2}, {11, 12, 23, 24});
  check_values(x * 2, {2, 4, 6, 8});
  check_values(2 - x, {1, 0, -1, -2});
  check_values(1 / x, {1, 0.5, 1.0f / 3, 0.25});
  check_values(-x, {-1, -2, -3, -4});
  check_values(x.add(y, 0.5), {6, 7, 13, 14});
}

TEST_CASE("a number is a weak literal, a tensor is not") {
  const Tensor i = tensor({1, 2}), h = tensor({1.0}, f64);
  CHECK((i * 2).dtype() == i64);
  CHECK((i * 2.5).dtype() == f32);
  CHECK((i / 2).dtype() == f32);
  CHECK((h * 2.5).dtype() == f64);
  CHECK((tensor({1}, i32) + i).dtype() == i64);
  CHECK((tensor({true}) + 1).dtype() == i64);
  CHECK((tensor({1.0}) + tensor(2.0, f64)).dtype() == f32);  // a scalar tensor of one category
  CHECK((tensor({1}) + tensor(2.0, f64)).dtype() == f64);    // and of a higher one
  CHECK((tensor({1.0}) + tensor({1}, i64)).dtype() == f32);
}

TEST_CASE("powers of two give exact squares") {
  const Tensor x = tensor(2.0);
  CHECK(pow(x, 2).item<float>() == 4);
  check_values(pow(tensor({1, 2, 3}), 3), {1, 8, 27});
  check_values(pow(2, tensor({0.0, 1.0, 5.0})), {1, 2, 32}, 1e-6);
  check_values(pow(tensor({4.0, 9.0}), 0.5), {2, 3});
  check_values(pow(tensor({4.0}), -1), {0.25});
  CHECK_ERROR("Integers to negative integer powers are not allowed", pow(tensor({2}), -1));
  // Integer exponents stay integers: 2^53 + 1 is no double.
  check_values(pow(tensor({-1}), 9007199254740993), {-1});
  check_tensor(square(tensor({true, false})), i64, {2}, {1, 0});
  check_tensor(square(tensor({3})), i64, {1}, {9});
}

TEST_CASE("polygamma takes its order first") {
  constexpr double pi = 3.14159265358979323846, zeta3 = 1.2020569031595942854;
  const Tensor x = tensor({1.0, 0.5}, f64);
  check_tensor(polygamma(1, x), f64, {2}, {pi * pi / 6, pi * pi / 2}, 1e-15);
  check_tensor(x.polygamma(2), f64, {2}, {-2 * zeta3, -14 * zeta3}, 1e-15);
  check_values(polygamma(0, x), numbers(digamma(x)));
  check_tensor(polygamma(1, tensor({1})), f32, {1}, {pi * pi / 6}, 1e-7);
  check_values(polygamma(1, tensor({0.0, -2.0, INFINITY, NAN})), {INFINITY, INFINITY, 0, NAN});
  CHECK_ERROR("polygamma: does not support negative n, got -1", polygamma(-1, x));
  CHECK_ERROR("polygamma: expected n of at most 100, got 101", x.polygamma(101));
}

TEST_CASE("functions of integers are floats") {
  const Tensor x = tensor({0, 1});
  CHECK(exp(x).dtype() == f32);
  check_values(exp(x), {1, std::exp(1.0)}, 1e-6);
  CHECK(floor(x).dtype() == i64);
  CHECK(sum(x).dtype() == i64);
}

TEST_CASE("elementwise functions agree with the C library") {
  const std::vector<double> at = {-1.5, -0.5, -0.1, 0.3, 0.9, 2.5};
  const Tensor x = tensor(at);
  const auto check = [&](const Tensor& y, double (*f)(double)) {
    std::vector<double> expected;
    for (double v : at) expected.push_back(f(v));
    check_tensor(y, f64, {6}, expected, 1e-14);
  };
  check(sin(x), std::sin);
  check(cos(x), std::cos);
  check(tan(x), std::tan);
  check(exp(x), std::exp);
  check(expm1(x), std::expm1);
  check(tanh(x), std::tanh);
  check(sinh(x), std::sinh);
  check(cosh(x), std::cosh);
  check(atan(x), std::atan);
  check(asinh(x), std::asinh);
  check(erf(x), std::erf);
  check(erfc(x), std::erfc);
  check(log(x), std::log);
  check(sqrt(x), std::sqrt);
  check(cbrt(x), std::cbrt);
  check(log1p(x), std::log1p);
  check(floor(x), std::floor);
  check(ceil(x), std::ceil);
  check(round(x), std::nearbyint);
  check(trunc(x), std::trunc);
  check(abs(x), std::fabs);
  check(exp2(x), std::exp2);
  check(log2(x), std::log2);
  check(log10(x), std::log10);
  check(sigmoid(x), [](double v) { return 1 / (1 + std::exp(-v)); });
  check(gelu(x), [](double v) { return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))); });
  check(silu(x), [](double v) { return v / (1 + std::exp(-v)); });
  check(softplus(x), [](double v) { return std::log1p(std::exp(v)); });
  check(logsigmoid(x), [](double v) { return -std::log1p(std::exp(-v)); });
  check(elu(x), [](double v) { return v > 0 ? v : std::expm1(v); });
  check(leaky_relu(x), [](double v) { return v > 0 ? v : 0.01 * v; });
  check(relu(x), [](double v) { return v > 0 ? v : 0; });
  check(frac(x), [](double v) { return v - std::trunc(v); });
  check(reciprocal(x), [](double v) { return 1 / v; });
  check(square(x), [](double v) { return v * v; });
  check(sign(x), [](double v) { return v > 0 ? 1.0 : -1.0; });
}

TEST_CASE("comparisons and logic give bool") {
  const Tensor x = tensor({1.0, 2.0, 3.0});
  check_tensor(x > 1.5, boolean, {3}, {0, 1, 1});
  check_values((x > 1.5) & (x < 2.5), {0, 1, 0});
  check_values(~(x == 2), {1, 0, 1});
  check_values(x != tensor({1.0, 0.0, 3.0}), {0, 1, 0});
  check_values(1 <= x, {1, 1, 1});
  check_values(logical_and(x, tensor({0, 1, 2})), {0, 1, 1});
  check_values(where(x > 2, x, 0), {0, 0, 3});
  check_values(where(x > 2, 1, tensor({-1, -2, -3})), {-1, -2, 1});
  CHECK_ERROR("operand 0 (the condition) has dtype f32, expected bool", where(x, x, 0));
}

TEST_CASE("remainder takes the divisor's sign, fmod the dividend's") {
  const Tensor a = tensor({-7, 7, -6, 5}), b = tensor({3, -3, 3, 3});
  check_values(remainder(a, b), {2, -2, 0, 2});
  check_values(fmod(a, b), {-1, 1, 0, 2});
  check_values(floor_divide(a, b), {-3, -3, -2, 1});
  check_values(remainder(tensor({-5.5}), 2), {0.5});
}

TEST_CASE("clamp, maximum and minimum keep NaN") {
  const Tensor x = tensor({-2.0, 0.5, 3.0, NAN});
  check_values(x.clamp(-1, 1), {-1, 0.5, 1, NAN});
  check_values(clamp_min(x, 0), {0, 0.5, 3, NAN});
  check_values(maximum(x, 1), {1, 1, 3, NAN});
  check_values(minimum(x, tensor({0.0})), {-2, 0, 0, NAN});
  check_values(isnan(x), {0, 0, 0, 1});
  check_values(isfinite(x / 0), {0, 0, 0, 0});
}

TEST_CASE("shapes that do not broadcast are named with the line that recorded them") {
  CHECK_ERROR("add: operand 1 has shape [4], expected one that broadcasts with [2,3]",
              zeros({2, 3}) + zeros({4}));
  CHECK_ERROR("mul: operand 1 has shape [3], expected one that broadcasts with [2]",
              ones({2}).mul(ones({3})));
  CHECK_ERROR("where: operand 1 has shape", where(ones({2}) > 0, ones({3}), 0));
}

TEST_CASE("wrong dtypes are named") {
  CHECK_ERROR("Subtraction, the `-` operator, with two bool tensors is not supported",
              tensor({true}) - tensor({true}));
  CHECK_ERROR("bitwise_and: expected integers or bool, got f32", ones({1}) & ones({1}));
  CHECK_ERROR("abs: expected numbers, got a bool tensor", abs(tensor({true})));
  CHECK_ERROR("expected a tensor, got an undefined Tensor", exp(Tensor()));
}

TEST_CASE("dtypes that are only stored convert, and do not compute") {
  std::uint8_t bytes[] = {1, 255};
  const Tensor x = from_blob(bytes, {2}, u8);
  check_tensor(x.to(f32), f32, {2}, {1, 255});
  std::uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7c00};
  check_values(from_blob(halves, {4}, f16).to(f32), {1, -2, std::ldexp(1.0, -24), INFINITY});
  CHECK_THROWS_AS(x + x, Unsupported);
  CHECK_ERROR("add: expected a dtype that Weft computes in", x + x);
}

TEST_CASE("conversions to dtypes that are only stored are refused") {
  for (const DType stored : {u8, i16, f16, bf16}) {
    CAPTURE(name(stored));
    CHECK_THROWS_AS(tensor({1, 2}).to(stored), Unsupported);
  }
  CHECK_ERROR("to: cannot convert i64[2] to u8", tensor({1, 2}).to(u8));
}
