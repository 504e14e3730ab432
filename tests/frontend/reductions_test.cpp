// Reductions and softmax.
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("sums and means over all dimensions, one, or several") {
  const Tensor x = arange(0, 6, f32).reshape({2, 3});
  check_tensor(x.sum(), f32, {}, {15});
  check_tensor(x.sum(0), f32, {3}, {3, 5, 7});
  check_tensor(x.sum(-1, true), f32, {2, 1}, {3, 12});
  check_tensor(x.sum({0, 1}), f32, {}, {15});
  check_tensor(mean(x), f32, {}, {2.5});
  check_tensor(x.mean(Dims{1}), f32, {2}, {1, 4});
  CHECK(tensor({true, true}).sum().item<std::int64_t>() == 2);
  CHECK_ERROR("mean: could not infer output dtype", mean(tensor({1, 2})));
  CHECK_ERROR("sum: dimension out of range", x.sum(2));
  CHECK_ERROR("dim 1 appears multiple times", x.sum({1, -1}));
}

TEST_CASE("max and min over a dimension give values and positions") {
  const Tensor x = tensor({{1.0, 5.0, 5.0}, {7.0, 2.0, 3.0}});
  const auto [values, indices] = x.max(1);
  check_tensor(values, f32, {2}, {5, 7});
  check_tensor(indices, i64, {2}, {1, 0});
  check_values(x.min(0).values, {1, 2, 3});
  check_tensor(x.max(1, true).indices, i64, {2, 1}, {1, 0});
  check_tensor(x.max(), f32, {}, {7});
  check_values(x.argmax(), {3});
  check_values(x.argmin(1), {0, 1});
  check_tensor(x.amax({0, 1}), f32, {}, {7});
  CHECK_ERROR("to have non-zero size", max(zeros({0})));
}

TEST_CASE("products, logic and counting") {
  const Tensor x = tensor({{1, 2}, {3, 0}});
  check_values(x.prod(), {0});
  check_values(x.prod(1), {2, 0});
  check_tensor(x.all(1), boolean, {2}, {1, 0});
  check_tensor(x.any(), boolean, {}, {1});
  check_values(count_nonzero(x), {3});
}

TEST_CASE("variance, standard deviation and norms") {
  const Tensor x = tensor({1.0, 2.0, 3.0, 4.0}, f64);
  check_values(x.var(), {5.0 / 3}, 1e-15);
  check_values(x.var(false), {1.25}, 1e-15);
  check_values(x.std(), {std::sqrt(5.0 / 3)}, 1e-15);
  check_values(x.norm(), {std::sqrt(30.0)}, 1e-15);
  check_values(x.norm(1), {10});
  check_values(x.norm(INFINITY), {4});
  check_values(x.norm(3), {std::cbrt(100.0)}, 1e-14);
  check_tensor(ones({2, 3}).var(1), f32, {2}, {0, 0});
}

TEST_CASE("softmax sums to one and survives large inputs") {
  const Tensor x = tensor({{1000.0, 1000.0}, {-1000.0, 0.0}});
  check_values(softmax(x, -1), {0.5, 0.5, 0, 1});
  check_values(log_softmax(x, 1), {-std::log(2.0), -std::log(2.0), -1000, 0}, 1e-6);
  check_tensor(logsumexp(x, {1}), f32, {2}, {1000 + std::log(2.0), 0}, 1e-6);
  check_tensor(logsumexp(x, {0, 1}, true), f32, {1, 1}, {1000 + std::log(2.0)}, 1e-6);
  check_values(logsumexp(tensor({-INFINITY, -INFINITY}), {0}), {-INFINITY});
}

TEST_CASE("layer_norm normalises the last dimensions") {
  const Tensor x = tensor({{1.0, 3.0}, {5.0, 5.0}}, f64);
  check_values(layer_norm(x, {2}, {}, {}, 0.0)[0], {-1, 1}, 1e-12);
  check_values(layer_norm(x, {2}, tensor({2.0, 2.0}, f64), tensor({1.0, 1.0}, f64))[1], {1, 1});
  CHECK_ERROR("expected an input whose last dimensions are [3]", layer_norm(x, {3}));
}

TEST_CASE("the gradient of every norm is 0 where its argument is 0") {
  for (const double p : {0.5, 1.0, 1.5, 2.0, 3.0, double(INFINITY)}) {
    CAPTURE(p);
    const Tensor x = zeros({3}).requires_grad_();
    x.norm(p).backward();
    check_values(x.grad(), {0, 0, 0});
  }
  const Tensor y = tensor({0.0, 3.0}).requires_grad_();
  y.norm(1.5).backward();
  check_values(y.grad(), {0, 1}, 1e-6);
}
