// cumsum, cumprod, cummax, cummin.
#include <limits>

#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("cumulative sums and products along a dimension") {
  const Tensor x = arange(1, 7, f32).reshape({2, 3});
  check_tensor(x.cumsum(0), f32, {2, 3}, {1, 2, 3, 5, 7, 9});
  check_tensor(cumsum(x, -1), f32, {2, 3}, {1, 3, 6, 4, 9, 15});
  check_tensor(cumprod(x, 1), f32, {2, 3}, {1, 2, 6, 4, 20, 120});
  check_tensor(x.cumprod(-2), f32, {2, 3}, {1, 2, 3, 4, 10, 18});
  check_tensor(tensor({true, false, true}).cumsum(0), i64, {3}, {1, 1, 2});
  check_tensor(tensor({1, 2, 3}).to(i32).cumprod(0), i64, {3}, {1, 2, 6});
  check_tensor(tensor({1, 2, 3}).cumsum(0, f64), f64, {3}, {1, 3, 6});
  check_tensor(tensor(5.0).cumsum(0), f32, {}, {5});
  check_tensor(tensor(5).cumprod(-1), i64, {}, {5});
  check_tensor(zeros({0}).cumsum(0), f32, {0}, {});
  check_tensor(zeros({2, 0}).cumprod(0), f32, {2, 0}, {});
  CHECK_ERROR("cumsum: dimension out of range", x.cumsum(2));
  CHECK_ERROR("cumprod: dimension out of range", cumprod(tensor(1.0), 1));
}

TEST_CASE(
    "cumprod takes its factors in order, so that blocks of large ones by themselves overflow "
    "nothing") {
  const Tensor growing = arange(0.0, 400.0, 1.0);
  for (const Tensor& x : {growing, growing.reshape({400, 1}), growing.to(f64)})
    CHECK(x.cumprod(0).abs().sum().to(f64).item<double>() == 0);
  // 1e20, 14 times 1e-3, 15 times 1e3: back at 1e23, over 1e-22.
  const Tensor turning = cat({full({1}, 1e20), full({14}, 1e-3), full({15}, 1e3)}, 0);
  CHECK(turning.cumprod(0)[29].to(f64).item<double>() == doctest::Approx(1e23));
  const Tensor alternating = where(arange(0, 70000).remainder(2) == 0, tensor(1e30), tensor(1e-30));
  CHECK(alternating.cumprod(0)[69999].to(f64).item<double>() == doctest::Approx(1).epsilon(0.02));
}

TEST_CASE("cumulative extremes come with their positions, the last of equal ones") {
  const Tensor x = tensor({{1.0, 3.0, 3.0, 2.0}, {4.0, -1.0, 4.0, 5.0}});
  const auto [values, indices] = x.cummax(1);
  check_tensor(values, f32, {2, 4}, {1, 3, 3, 3, 4, 4, 4, 5});
  check_tensor(indices, i64, {2, 4}, {0, 1, 2, 2, 0, 0, 2, 3});
  check_tensor(cummin(x, 0).values, f32, {2, 4}, {1, 3, 3, 2, 1, -1, 3, 2});
  check_tensor(cummin(x, 0).indices, i64, {2, 4}, {0, 0, 0, 0, 0, 1, 0, 0});

  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto seen = tensor({1.0, nan, 2.0, nan, 3.0}).cummax(0);
  check_values(seen.values, {1, nan, nan, nan, nan});
  check_values(seen.indices, {0, 1, 1, 3, 3});

  const auto flags = tensor({false, true, false}).cummax(0);
  check_tensor(flags.values, boolean, {3}, {0, 1, 1});
  check_tensor(flags.indices, i64, {3}, {0, 1, 1});
  check_tensor(tensor({3, 1, 2}).cummin(0).values, i64, {3}, {3, 1, 1});
  check_tensor(tensor(2.0).cummax(-1).indices, i64, {}, {0});
  check_tensor(tensor(2.0).cummin(0).values, f32, {}, {2});
  check_tensor(zeros({0, 2}).cummax(1).indices, i64, {0, 2}, {});
  CHECK_ERROR("cummin: dimension out of range", cummin(x, -3));
}

TEST_CASE("gradients of cumulative operations") {
  const auto gradient = [](auto f, const Tensor& at) {
    const Tensor x = at.clone().requires_grad_();
    f(x).backward();
    return x.grad();
  };
  const Tensor weights = tensor({1.0, 10.0, 100.0});
  check_values(gradient([&](const Tensor& x) { return (x.cumsum(0) * weights).sum(); },
                        tensor({5.0, 6.0, 7.0})),
               {111, 110, 100});
  // x = (2, 0, 3): products 2, 0, 0; each factor's slope is that of the others, zeros or not.
  check_values(gradient([&](const Tensor& x) { return (x.cumprod(0) * weights).sum(); },
                        tensor({2.0, 0.0, 3.0})),
               {1, 2 * 10 + 6 * 100, 0});
  check_values(gradient([&](const Tensor& x) { return (x.cummax(0).values * weights).sum(); },
                        tensor({2.0, 2.0, 1.0})),
               {1, 110, 0});
  check_values(gradient([&](const Tensor& x) { return (x.cummin(0).values * weights).sum(); },
                        tensor({2.0, 3.0, 1.0})),
               {11, 0, 100});
  check_values(gradient([](const Tensor& x) { return x.cumsum(0) * 3; }, tensor(2.0)), {3});

  const Tensor y = (rand({3, 5}).to(f64) + 0.5).requires_grad_();
  CHECK(gradcheck([](const Tensor& x) { return x.cumsum(0); }, y).ok);
  CHECK(gradcheck([](const Tensor& x) { return x.cumprod(1); }, y).ok);
  CHECK(gradgradcheck([](const Tensor& x) { return x.cumprod(0) * x.cumsum(1); }, y).ok);
}

TEST_CASE("long cumulative sums are those of double") {
  const std::int64_t n = 200001;
  const Tensor x = rand({n}) - 0.25;
  const std::vector<double> elements = numbers(x), sums = numbers(x.cumsum(0));
  double sum = 0, worst = 0;
  for (std::size_t k = 0; k < elements.size(); ++k) {
    sum += elements[k];
    worst = std::max(worst, std::abs(sums[k] - sum) / std::max(1.0, std::abs(sum)));
  }
  CHECK(worst < 1e-5);
}
