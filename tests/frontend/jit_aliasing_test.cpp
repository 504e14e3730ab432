// jit with arguments and captures that share memory: what eager execution would do.
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("a tensor given twice is one tensor inside a jitted function") {
  const auto f = jit([](Tensor a, Tensor b) {
    a.add_(1);
    return b * 1;
  });
  const Tensor x = zeros({2});
  check_values(f(x, x), {1, 1});
  check_values(f(x, x), {2, 2});
  check_values(x, {2, 2});
  const Tensor y = zeros({2});
  check_values(f(x, y), {0, 0});
  check_values(f(y, y), {1, 1});
  check_values(f(x, y), {1, 1});
  CHECK(f.report().signatures == 2);
  CHECK(contains(f.explain(), "share other memory"));
}

TEST_CASE("a signature traced on separate tensors is not used for shared ones") {
  int recorded = 0;
  const auto f = jit([&](Tensor a, Tensor b) {
    ++recorded;
    a.add_(1);
    b.add_(10);
  });
  const Tensor x = zeros({2}), y = zeros({2});
  f(x, y);
  CHECK(recorded == 1);
  check_values(x, {1, 1});
  check_values(y, {10, 10});
  f(x, x);
  check_values(x, {12, 12});
  f(y, y);
  check_values(y, {21, 21});
  CHECK(f.report().signatures == 2);
}

TEST_CASE("overlapping views as arguments see each other's writes") {
  const auto work = [](Tensor a, Tensor b) {
    a.fill_(1);
    b.mul_(2);
    a.add_(b);
  };
  Tensor eager = zeros({4}), jitted = zeros({4});
  const auto f = jit(work);
  for (int k = 0; k < 3; ++k) {
    work(eager[Slice(0, 3)], eager[Slice(1, 4)]);
    f(jitted[Slice(0, 3)], jitted[Slice(1, 4)]);
    CHECK(equal(eager, jitted));
  }
  CHECK(f.report().signatures == 1);
  work(eager[Slice(1, 4)], eager[Slice(0, 3)]);
  f(jitted[Slice(1, 4)], jitted[Slice(0, 3)]);
  CHECK(equal(eager, jitted));
  Tensor other = ones({4}), expected = ones({4});
  work(expected[Slice(1, 4)], expected[Slice(0, 3)]);
  f(other[Slice(1, 4)], other[Slice(0, 3)]);
  CHECK(equal(other, expected));
  CHECK(f.report().signatures == 2);
}

TEST_CASE("an argument and a captured tensor may be the same") {
  const Tensor x = zeros({2});
  const auto f = jit([x](Tensor a) {
    a.add_(1);
    return x * 1;
  });
  check_values(f(x), {1, 1});
  check_values(f(x), {2, 2});
  const Tensor y = zeros({2});
  check_values(f(y), {2, 2});
  check_values(y, {1, 1});
  const auto g = jit([x](Tensor a) {
    Tensor captured = x;
    captured.mul_(10);
    return a + captured;
  });
  check_values(g(y), {21, 21});
  check_values(g(x[Slice(0, 1)].expand({2})), {400, 400});
  check_values(x, {200, 200});
}

TEST_CASE("views of one tensor that are only read share a signature, whichever they are") {
  int recorded = 0;
  const auto f = jit([&](Tensor a, Tensor b) {
    ++recorded;
    return a + b;
  });
  const Tensor x = arange(8, f32);
  for (std::int64_t k = 0; k < 4; ++k) {
    check_values(f(x[Slice(k, k + 2)], x[Slice(k + 1, k + 3)]), {2.0 * k + 1, 2.0 * k + 3});
  }
  CHECK(recorded == 1);
}

TEST_CASE("gradients pass through a function that writes what two arguments share") {
  const Tensor w = tensor({1.0, 2.0}).requires_grad_();
  const auto f = jit([](Tensor p, Tensor a, Tensor b) {
    a.copy_(p.detach() + b);
    return (p * b).sum();
  });
  const Tensor x = ones({2});
  f(w, x, x).backward();
  check_values(x, {2, 3});
  check_values(w.grad(), {2, 3});
}

TEST_CASE("arguments keep their strides inside a jitted function") {
  const Tensor x = arange(6, f32).reshape({2, 3});
  const auto wipe = jit([](Tensor a) {
    Tensor flat = a.reshape({6});  // a copy where the argument isn't contiguous
    flat.zero_();
  });
  wipe(x.t());
  check_values(x, {0, 1, 2, 3, 4, 5});
  const auto view = jit([](Tensor a) { return a.view({6}); });
  CHECK(contains(error_of([&] { view(x.t()); }), "view size is not compatible"));
  check_values(view(x), {0, 1, 2, 3, 4, 5});
  wipe(x);
  check_values(x, {0, 0, 0, 0, 0, 0});
}

TEST_CASE("a result shares no memory with an argument that the function returns") {
  const Tensor x = ones({2});
  Tensor y = jit([](Tensor a) { return a; })(x);
  y.add_(1);
  check_values(x, {1, 1});
  check_values(y, {2, 2});
}
