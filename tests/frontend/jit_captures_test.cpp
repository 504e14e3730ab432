// What a jitted function is recorded for, apart from shapes: the C++ types of its arguments, and
// what its captured tensors are.
#include <array>
#include <memory>
#include <thread>

#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("values of different types are different signatures, though their bytes are equal") {
  auto f = jit([](const Tensor& x, auto k) {
    if constexpr (std::is_same_v<decltype(k), float>) {
      return x * k;
    } else {
      return x + k;
    }
  });
  const Tensor one = tensor(1.0);
  CHECK(f(one, 1065353216).item<float>() == 1065353217.0f);  // the bytes of 1.0f
  CHECK(f(one, 1.0f).item<float>() == 1.0f);
  auto scaled = jit([](const Tensor& x, auto s) { return x * s; });
  const Tensor whole = tensor({1, 2});
  CHECK(scaled(whole, 0).dtype() == DType::i64);
  CHECK(scaled(whole, 0.0f).dtype() == DType::f32);
}

TEST_CASE("results have the tree of their own signature") {
  auto same = jit([](const auto& v) { return v; });
  const Tensor a = tensor({1.0, 2.0}), b = tensor({3.0, 4.0});
  check_values(same(std::array<Tensor, 2>{a, b})[1], {3, 4});
  const std::vector<Tensor> both = same(std::vector<Tensor>{a, b});
  REQUIRE(both.size() == 2);
  check_values(both[1], {3, 4});
  CHECK(std::get<1>(same(std::tuple<Tensor, int>{a, 7})) == 7);
  CHECK(same(std::pair<Tensor, int>{a, 7}).second == 7);
  CHECK(f32 == same(a).dtype());
}

TEST_CASE("a captured tensor that stops or begins to require gradients is recorded anew") {
  Tensor w = tensor(2.0), u = tensor(3.0);
  w.requires_grad_();
  u.requires_grad_();
  optim::SGD sgd({w, u}, {.lr = 0.1});
  auto step = jit([&](const Tensor& x) {
    sgd.zero_grad();
    const Tensor loss = (x * w * u).square();
    loss.backward();
    sgd.step();
    return loss;
  });
  const Tensor x = tensor(0.1);
  step(x);
  w.requires_grad_(false);
  const float w_before = w.item<float>(), u_before = u.item<float>();
  step(x);
  CHECK(w.item<float>() == w_before);
  CHECK(u.item<float>() != u_before);

  Tensor v = tensor(2.0);
  auto product = jit([&](const Tensor& y) { return y * v; });
  CHECK(!product(x).requires_grad());
  v.requires_grad_();
  const Tensor y = product(x);
  REQUIRE(y.requires_grad());
  y.backward();
  CHECK(v.grad().item<float>() == 0.1f);
  CHECK(product.explain().find("requires_grad changed") != std::string::npos);
}

TEST_CASE("a handle that is captured by reference and rebound gives its new tensor") {
  Tensor w = tensor(2.0);
  auto f = jit([&](const Tensor& x) { return x * w; });
  const Tensor x = tensor(3.0);
  CHECK(f(x).item<float>() == 6.0f);
  w = tensor(7.0);
  CHECK(f(x).item<float>() == 21.0f);
  CHECK(f.report().signatures == 2);
  for (int k = 0; k < 20; ++k) {
    w = w - 0.5 * f(x) / x;
    CHECK(f(x).item<float>() == w.item<float>() * 3.0f);
  }
  CHECK(f.explain().find("was replaced by another one") != std::string::npos);
}

TEST_CASE("views made of captures while recording belong to the recording") {
  Tensor w = tensor({{1.0, 2.0}, {3.0, 4.0}});
  w.requires_grad_();
  auto f = jit([&](const Tensor& x) { return w.t()[0].detach() * x + w.view({4})[1]; });
  const Tensor x = tensor({1.0, 10.0});
  for (int k = 0; k < 3; ++k) check_values(f(x).detach(), {3, 32});
  CHECK(f.report().signatures == 1);
}

TEST_CASE("programs of rebound captures are deleted, while others call") {
  auto shared = std::make_shared<Tensor>(tensor(1.0));
  auto f = jit([shared](const Tensor& x) { return x + *shared; });
  const Tensor x = tensor(1.0);
  f(x);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&f, t] {
      auto own = std::make_shared<Tensor>(tensor(static_cast<float>(t)));
      auto g = jit([own](const Tensor& y) { return y * *own; });
      for (int k = 0; k < 50; ++k) {
        CHECK(g(tensor(2.0)).item<float>() == static_cast<float>(2 * t));
        CHECK(f(tensor({1.0, 2.0}).narrow(0, 0, 1 + k % 2)).numel() == 1 + k % 2);
        if (k % 5 == 4) *own = tensor(static_cast<float>(t));
      }
    });
  }
  for (std::thread& t : threads) t.join();
}

TEST_CASE("an undefined argument or result names jit and the place") {
  auto f = jit([](const Tensor& x) { return x; });
  CHECK_THROWS_WITH_AS(f(Tensor()),
                       doctest::Contains("jit: expected a tensor as argument, got an undefined"),
                       Error);
  auto g = jit([](const Tensor&) { return Tensor(); });
  CHECK_THROWS_WITH_AS(g(tensor(1.0)),
                       doctest::Contains("jit: expected a tensor as result, got an undefined"),
                       Error);
}

TEST_CASE("captured weights are packed once, and what is written to them counts at the next call") {
  Tensor w = full({100, 100}, 0.5);
  const auto f = jit([&](const Tensor& x) { return x.matmul(w.T()); });
  const auto halve = jit([&](const Tensor& factor) {
    w.mul_(factor);
    return w.sum();
  });
  const Tensor x = ones({2, 100}), half = full({}, 0.5);
  double expected = 50;
  for (int round = 0; round < 3; ++round) {
    for (int call = 0; call < 3; ++call) check_values(f(x), std::vector<double>(200, expected));
    halve(half).item<float>();
    expected /= 2;
    for (int call = 0; call < 3; ++call) check_values(f(x), std::vector<double>(200, expected));
    w.mul_(0.5);
    expected /= 2;
  }
  CHECK(contains(f.explain(),
                 "right factors that are packed once, as long as they stay unchanged: 1"));
}
