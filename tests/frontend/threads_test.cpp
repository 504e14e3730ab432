// Several threads on the same tensors and the same jitted functions.
#include <atomic>
#include <functional>
#include <thread>
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {

void on_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) threads.emplace_back(work, t);
  for (std::thread& thread : threads) thread.join();
}

constexpr int calls = 200;

}  // namespace

TEST_CASE("calls of a jitted function that write one captured tensor take turns") {
  Tensor counter = zeros({8});
  const auto next = jit([counter]() mutable {
    counter.add_(1);
    return counter * 1;
  });
  std::atomic<int> wrong{0};
  on_threads(4, [&](int) {
    float last = 0;
    for (int k = 0; k < calls; ++k) {
      const std::vector<float> now = next().to_vector<float>();
      if (now != std::vector<float>(8, now[0]) || now[0] <= last) ++wrong;
      last = now[0];
    }
  });
  CHECK(wrong == 0);
  check_values(counter, std::vector<double>(8, 4 * calls));
}

TEST_CASE("jitted functions that write the same captured tensors in other orders take turns") {
  Tensor a = ones({4}), b = ones({4}), c = zeros({4});
  const auto there = jit([a, b, c]() mutable {
    a.add_(b * 0 + 1);
    b.sub_(1);
    c.add_(a + b);
  });
  const auto back = jit([a, b, c]() mutable {
    c.add_(a + b);
    b.add_(1);
    a.sub_(b * 0 + 1);
  });
  on_threads(4, [&](int t) {
    for (int k = 0; k < calls; ++k) t % 2 == 0 ? there() : back();
  });
  check_values(a, {1, 1, 1, 1});
  check_values(b, {1, 1, 1, 1});
  check_values(c, std::vector<double>(4, 2.0 * 4 * calls));
}

TEST_CASE("calls that write one argument take turns") {
  Tensor x = zeros({4});
  const auto increment = jit([](Tensor y) { y.add_(1); });
  on_threads(3, [&](int) {
    for (int k = 0; k < calls; ++k) increment(x);
  });
  check_values(x, std::vector<double>(4, 3 * calls));
}

TEST_CASE("a tensor that calls write is read meanwhile, whole") {
  Tensor weights = zeros({64});
  const auto train = jit([weights]() mutable { weights.add_(1); });
  const auto use = jit([weights](Tensor x) { return weights + x; });
  std::atomic<int> wrong{0};
  on_threads(4, [&](int t) {
    for (int k = 0; k < calls; ++k) {
      if (t == 0) train();
      const std::vector<float> seen = t == 3   ? weights.to_vector<float>()
                                      : t == 2 ? (weights * 1).to_vector<float>()
                                               : use(zeros({64})).to_vector<float>();
      if (seen != std::vector<float>(64, seen[0])) ++wrong;
    }
  });
  CHECK(wrong == 0);
  check_values(weights, std::vector<double>(64, calls));
}

TEST_CASE("a jitted training step that sets gradients may be called by several threads") {
  Tensor w = ones({4}).requires_grad_();
  const auto step = jit([w](Tensor x) mutable {
    w.zero_grad();
    (w * x).sum().backward();
    const NoGradGuard guard;
    w.sub_(w.grad());
  });
  on_threads(3, [&](int) {
    for (int k = 0; k < calls; ++k) step(ones({4}));
  });
  check_values(w, std::vector<double>(4, 1 - 3 * calls));
  const auto accumulate = jit([w](Tensor x) { (w * x).sum().backward(); });
  w.zero_grad();
  on_threads(3, [&](int) {
    for (int k = 0; k < calls; ++k) accumulate(ones({4}));
  });
  check_values(w.grad(), std::vector<double>(4, 3 * calls));
}

TEST_CASE("racing writes to one tensor lose updates, and nothing else") {
  Tensor x = zeros({16});
  const Tensor other = ones({16});
  std::atomic<int> wrong{0};
  on_threads(3, [&](int t) {
    for (int k = 0; k < 50; ++k) {
      if (t < 2) {
        x.add_(other);
      } else {
        const std::vector<float> seen = x.to_vector<float>();
        if (seen != std::vector<float>(16, seen[0])) ++wrong;
      }
    }
  });
  CHECK(wrong == 0);
  const float last = x[0].item<float>();
  CHECK(last >= 1);
  CHECK(last <= 100);
  check_values(other, std::vector<double>(16, 1));
}

TEST_CASE("handles may die on one thread while another reads the tensor") {
  for (int k = 0; k < 50; ++k) {
    auto x = std::make_unique<Tensor>(rand({8}) + 1);
    const Tensor y = *x, sum = (*x * 2).sum();
    double seen = 0;
    on_threads(2, [&](int t) { t == 0 ? x.reset() : void(seen = (y + sum).sum().item<float>()); });
    CHECK(seen > 0);
  }
}
