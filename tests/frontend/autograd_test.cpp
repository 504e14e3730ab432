// Gradients by recording: PyTorch's behaviour and wording.
#include <thread>

#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("backward accumulates, and zero_grad leaves the gradient undefined") {
  Tensor x = tensor(2.0).requires_grad_(), w = tensor(3.0).requires_grad_(),
         b = tensor(1.0).requires_grad_();
  const Tensor loss = pow(x * w + b - 10, 2);
  CHECK_FALSE(x.grad().defined());
  loss.backward({.retain_graph = true});
  CHECK(x.grad().item<float>() == -18);
  CHECK(w.grad().item<float>() == -12);
  CHECK(b.grad().item<float>() == -6);
  loss.backward();
  CHECK(x.grad().item<float>() == -36);
  CHECK_ERROR("Trying to backward through the graph a second time", loss.backward());
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("errors of backward are worded as PyTorch words them") {
  const Tensor plain = ones({2}), x = ones({2}).requires_grad_();
  CHECK_ERROR("element 0 of tensors does not require grad and does not have a grad_fn",
              plain.sum().backward());
  CHECK_ERROR("grad can be implicitly created only for scalar outputs", (x * 2).backward());
  CHECK_ERROR(
      "Mismatch in shape: grad_output[0] has a shape of [3] and output[0] has a shape of [2]",
      (x * 2).backward(ones({3})));
  CHECK_ERROR("only Tensors of floating point and complex dtype can require gradients",
              tensor({1}).requires_grad_());
  CHECK_ERROR("you can only change requires_grad flags of leaf variables",
              (x * 2).requires_grad_(false));
  CHECK_ERROR("One of the differentiated Tensors does not require grad",
              autograd::grad(x.sum(), {plain}));
  CHECK_ERROR("One of the differentiated Tensors appears to not have been used in the graph",
              autograd::grad(x.sum(), {ones({1}).requires_grad_()}));
}

TEST_CASE("in-place operations on leaves that require grad are refused, and allowed without grad") {
  Tensor x = ones({2}).requires_grad_();
  CHECK_ERROR("a leaf Variable that requires grad is being used in an in-place operation",
              x.add_(1));
  CHECK_ERROR("a view of a leaf Variable that requires grad is being used in an in-place operation",
              x[0].mul_(2));
  no_grad([&] { x -= 0.5; });
  check_values(x, {0.5, 0.5});
  CHECK(x.requires_grad());
  CHECK(x.is_leaf());
  x.detach().fill_(3);
  check_values(x, {3, 3});
}

TEST_CASE("requires_grad, is_leaf, detach and no_grad") {
  Tensor x = ones({2}).requires_grad_();
  const Tensor y = x * 2;
  CHECK(y.requires_grad());
  CHECK_FALSE(y.is_leaf());
  CHECK(x.is_leaf());
  CHECK_FALSE(y.detach().requires_grad());
  CHECK(y.detach().shares_storage(y));
  CHECK_FALSE((x > 0).requires_grad());
  CHECK_FALSE(no_grad([&] { return x * 2; }).requires_grad());
  CHECK_FALSE(no_grad([&] { return x.view({2, 1}); }).requires_grad());
  {
    const NoGradGuard outer;
    CHECK_FALSE(is_grad_enabled());
    const EnableGradGuard inner;
    CHECK((x * 2).requires_grad());
  }
  CHECK(is_grad_enabled());
  x.requires_grad_(false);
  CHECK_FALSE((x * 2).requires_grad());
}

TEST_CASE("autograd::grad gives gradients without touching grad()") {
  const Tensor u = tensor(2.0).requires_grad_(), v = tensor(3.0).requires_grad_();
  const Tensor f = u * u * v;
  const auto g = autograd::grad(f, {u, v});
  CHECK(g[0].item<float>() == 12);
  CHECK(g[1].item<float>() == 4);
  CHECK_FALSE(u.grad().defined());
  const auto unused = autograd::grad(u * 2, {u, v}, {.allow_unused = true});
  CHECK_FALSE(unused[1].defined());
}

TEST_CASE("gradients of inner values, and through them to what they come from") {
  const Tensor x = tensor(3.0).requires_grad_();
  const Tensor y = x * x, z = exp(y * 0) * y * y;
  const auto g = autograd::grad(z, {x, y});
  CHECK(g[1].item<float>() == 18);   // 2 y
  CHECK(g[0].item<float>() == 108);  // 2 y * 2 x
}

TEST_CASE("create_graph gives gradients of any order") {
  const Tensor x = tensor(2.0, f64).requires_grad_();
  Tensor y = sin(pow(x, 3) + 2 * x + 1);
  const auto f1 = [](double v) { return std::cos(v * v * v + 2 * v + 1) * (3 * v * v + 2); };
  const Tensor d1 = autograd::grad(y, {x}, {.create_graph = true})[0];
  check_values(d1, {f1(2)}, 1e-13);
  const Tensor d2 = autograd::grad(d1, {x}, {.create_graph = true})[0];
  check_values(d2, {(f1(2 + 1e-5) - f1(2 - 1e-5)) / 2e-5}, 1e-7);
  const Tensor p = pow(x, 4);
  Tensor d = p;
  for (int k = 0; k < 4; ++k) d = autograd::grad(d, {x}, {.create_graph = true})[0];
  check_values(d, {24}, 1e-14);
}

TEST_CASE("backward with create_graph leaves a gradient that can be differentiated") {
  Tensor x = tensor(3.0).requires_grad_();
  pow(x, 3).backward({.create_graph = true});
  const Tensor g = x.grad();
  CHECK(g.item<float>() == 27);
  CHECK(autograd::grad(g, {x})[0].item<float>() == 18);
}

TEST_CASE("a graph that saved nothing can be walked twice") {
  Tensor x = ones({3}).requires_grad_();
  const Tensor y = (x + 1).reshape({3, 1}).sum();
  y.backward();
  y.backward();
  check_values(x.grad(), {2, 2, 2});
}

TEST_CASE("a value looked at before backward still has its gradient") {
  Tensor x = tensor({1.0, 2.0}).requires_grad_();
  const Tensor h = exp(x), y = (h * h).sum();
  const float value = y.item<float>();
  h.eval();
  y.backward();
  check_values(x.grad(), {2 * std::exp(2.0), 2 * std::exp(4.0)}, 1e-6);
  CHECK(value == doctest::Approx(std::exp(2.0) + std::exp(4.0)));
}

TEST_CASE("in-place operations and views take part in gradients") {
  const Tensor w = tensor({1.0, 2.0, 3.0}).requires_grad_();
  Tensor x = zeros({2, 3});
  x[0] = w * 2;
  x.t()[1].add_(w[0]);
  (x * x).sum().backward();
  // x = [[2, 5, 6], [0, 1, 0]]
  check_values(w.grad(), {4 * 2 + 2 * 5 + 2 * 1, 4 * 5, 4 * 6});
}

TEST_CASE("an update in place changes what is recorded later, not what was recorded before") {
  Tensor w = tensor(2.0).requires_grad_();
  const Tensor before = w * w;
  no_grad([&] { w.fill_(10.0); });
  before.backward();
  CHECK(w.grad().item<float>() == 4);
  (w * w).backward();
  CHECK(w.grad().item<float>() == 24);
}

TEST_CASE("max over a dimension sends its gradient to one position, amax shares it") {
  Tensor x = tensor({1.0, 3.0, 3.0}).requires_grad_();
  x.max(0).values.backward();
  check_values(x.grad(), {0, 1, 0});
  x.zero_grad();
  x.amax({0}).backward();
  check_values(x.grad(), {0, 0.5, 0.5});
}

TEST_CASE("gradients at the edges are PyTorch's") {
  const auto gradient = [](const Tensor& at, auto f) {
    const Tensor x = at.clone().requires_grad_();
    return autograd::grad(f(x).sum(), {x})[0];
  };
  check_values(gradient(tensor({-1.0, 0.0, 1.0}), [](Tensor x) { return relu(x); }), {0, 0, 1});
  check_values(gradient(tensor({-1.0, 0.0, 1.0}), [](Tensor x) { return abs(x); }), {-1, 0, 1});
  check_values(gradient(tensor({-1.0, 0.0, 1.0, 2.0}), [](Tensor x) { return x.clamp(0, 1); }),
               {0, 1, 1, 0});
  check_values(gradient(zeros({2}), [](Tensor x) { return x.norm(); }), {0, 0});
  check_values(gradient(tensor({200.0, -200.0, 0.0}), [](Tensor x) { return softplus(x); }),
               {1, 0, 0.5});
  check_values(gradient(tensor({200.0, -200.0, 0.0}), [](Tensor x) { return logsigmoid(x); }),
               {0, 1, 0.5});
  check_values(gradient(tensor({0.0, 2.0, 3.0}), [](Tensor x) { return x.prod(); }), {6, 0, 0});
  check_values(gradient(tensor({2.0}), [](Tensor x) { return maximum(x, x); }), {1});
}

TEST_CASE("retain_grad keeps the gradient of an inner value") {
  const Tensor x = tensor(2.0).requires_grad_();
  Tensor y = x * 3;
  y.retain_grad();
  (y * y).backward();
  CHECK(y.grad().item<float>() == 12);
  CHECK(x.grad().item<float>() == 36);
}

TEST_CASE("gather and positions get their gradients back, repeated ones summed") {
  const Tensor x = tensor({1.0, 2.0, 3.0}).requires_grad_();
  (x[tensor({0, 2, 0})] * tensor({1.0, 10.0, 100.0})).sum().backward();
  check_values(x.grad(), {101, 0, 10});
}

TEST_CASE(
    "a chain of a hundred thousand operations is recorded, run, differentiated and destroyed") {
  Tensor x = tensor(1.0, f64).requires_grad_();
  {
    Tensor y = x;
    for (int k = 0; k < 100000; ++k) y = y + 1e-5;
    check_values(y, {2}, 1e-9);
  }
  Tensor y = x;
  for (int k = 0; k < 3000; ++k) y = y * 1.0001;
  y.backward();
  check_values(x.grad(), {std::pow(1.0001, 3000)}, 1e-9);
}

TEST_CASE("a retained gradient belongs to its tensor alone, even where the operation did nothing") {
  const Tensor a = ones({2}).requires_grad_();
  Tensor c = a.clone();
  CHECK(contains(c.str(), "CloneBackward0"));
  c.retain_grad();
  (c * 3).sum().backward();
  check_values(a.grad(), {3, 3});
  check_values(c.grad(), {3, 3});
  CHECK(a.grad().defined());

  const Tensor b = ones({2}).requires_grad_();
  Tensor power = b.pow(1);
  power.retain_grad();
  (power * 2 + b).sum().backward();
  check_values(b.grad(), {3, 3});
  check_values(power.grad(), {2, 2});

  const Tensor d = ones({2}).requires_grad_();
  Tensor h = d * 2;
  Tensor copy = h.clone();
  h.retain_grad();
  copy.retain_grad();
  (copy * 3 + h).sum().backward();
  check_values(copy.grad(), {3, 3});
  check_values(h.grad(), {4, 4});
  check_values(d.grad(), {8, 8});
}

TEST_CASE("threads may run backward into one leaf at the same time") {
  const Tensor w = ones({4}).requires_grad_();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) (w * 2).sum().backward();
    });
  }
  for (std::thread& thread : threads) thread.join();
  check_values(w.grad(), {400, 400, 400, 400});
}

TEST_CASE("a power of 0 has zeros as its gradient") {
  const Tensor x = tensor({0.0, 2.0, -3.0}, requires_grad());
  check_values(pow(x, 0), {1, 1, 1});
  pow(x, 0).sum().backward();
  check_values(x.grad(), {0, 0, 0});
  check_values(grad([](const Tensor& a) { return a.pow(0.0).sum(); })(tensor({2.0})), {0});
}
