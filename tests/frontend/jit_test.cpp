// jit: signatures, captures, side effects, gradients through and inside it, errors.
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {
struct State {
  Tensor weight;
  std::vector<Tensor> moments;
  int step = 0;
};
}  // namespace

TEST_CASE("a jitted function is recorded once per signature") {
  int recorded = 0;
  const auto f = jit([&](Tensor a, Tensor b) {
    ++recorded;
    return std::tuple{a * b, a + b};
  });
  for (int k = 1; k < 4; ++k) {
    const auto [p, q] = f(full({2}, double(k)), ones({2}));
    check_values(p, {double(k), double(k)});
    check_values(q, {k + 1.0, k + 1.0});
  }
  CHECK(recorded == 1);
  f(ones({3}), ones({3}));
  CHECK(recorded == 2);
  f(ones({3}, f64), ones({3}, f64));
  CHECK(recorded == 3);
  f(ones({2}), ones({2}));
  CHECK(recorded == 3);
  CHECK(f.report().signatures == 3);
  CHECK(contains(f.explain(), "signature 2: tensor 0 of the arguments is f32[3], not f32[2]"));
}

TEST_CASE("arguments and results are trees; numbers among them belong to the signature") {
  int recorded = 0;
  const auto f = jit([&](const State& s, std::map<std::string, Tensor> named, double rate) {
    ++recorded;
    State next = s;
    next.weight = s.weight + rate * named.at("g");
    for (Tensor& m : next.moments) m = m * 2;
    next.step = s.step + 1;
    return next;
  });
  const State s{tensor(1.0), {tensor(2.0), tensor(3.0)}, 4};
  const State next = f(s, std::map<std::string, Tensor>{{"g", tensor(10.0)}}, 0.5);
  CHECK(next.weight.item<float>() == 6);
  CHECK(next.moments[1].item<float>() == 6);
  CHECK(next.step == 5);
  f(s, std::map<std::string, Tensor>{{"g", tensor(1.0)}}, 0.5);
  CHECK(recorded == 1);
  f(s, std::map<std::string, Tensor>{{"g", tensor(1.0)}}, 0.25);
  CHECK(recorded == 2);
}

TEST_CASE("captured tensors are read anew at each call") {
  Tensor scale = tensor(2.0);
  const auto f = jit([&](Tensor x) { return x * scale; });
  CHECK(f(tensor(3.0)).item<float>() == 6);
  scale.fill_(10);
  CHECK(f(tensor(3.0)).item<float>() == 30);
  scale = scale + 0;  // another tensor under the name: the function holds on to the first
  CHECK(f(tensor(3.0)).item<float>() == 30);
}

TEST_CASE("writes to captures and arguments happen at each call") {
  Tensor count = zeros({});
  const auto f = jit([&](Tensor x) {
    count.add_(1);
    x[0] = count;
    count.add_(1);
    return x.sum();
  });
  Tensor x = ones({3});
  CHECK(f(x).item<float>() == 3);
  check_values(x, {1, 1, 1});
  CHECK(f(x).item<float>() == 5);
  check_values(x, {3, 1, 1});
  CHECK(count.item<float>() == 4);
}

TEST_CASE("captured memory that is replaced is reused, unless somebody else refers to it") {
  Tensor x = zeros({1024});
  const auto f = jit([&] { x.add_(1); });
  f();
  const float* memory = x.data<float>();
  f();
  CHECK(x.data<float>() == memory);
  const Tensor kept = x.clone();
  f();
  CHECK(kept.sum().item<float>() == 2048);
  CHECK(x.sum().item<float>() == 3072);
}

TEST_CASE("a function without results runs for its effects") {
  Tensor total = zeros({2});
  const auto f = jit([&](Tensor x) { total += x; });
  f(ones({2}));
  f(ones({2}));
  check_values(total, {2, 2});
}

TEST_CASE("random numbers are fresh at each call and repeat with the seed") {
  const auto f = jit([] { return std::pair{rand({2}), rand({2})}; });
  manual_seed(1);
  const auto [a, b] = f();
  const auto [c, d] = f();
  CHECK_FALSE(equal(a, b));
  CHECK_FALSE(equal(a, c));
  manual_seed(1);
  CHECK(equal(rand({2}), a));
  CHECK(equal(rand({2}), b));
  CHECK(equal(f().first, c));
}

TEST_CASE("looking at a value inside a trace throws and names the place") {
  const auto f = jit([](Tensor x) { return x.item<float>() > 0 ? x : -x; });
  const std::string message = error_of([&] { f(tensor(1.0)); });
  CHECK(contains(message, "item: looks at a value that is not known while jit records"));
  CHECK(contains(message, "jit_test.cpp"));
  CHECK(tensor(1.0).item<float>() == 1);  // recording has ended
  Tensor leaked;
  jit([&](Tensor x) { leaked = x * 2; })(ones({1}));
  CHECK_ERROR("the value belongs to a jit trace that has ended", leaked.item());
}

TEST_CASE("known values may be looked at inside a trace") {
  const auto f = jit([](Tensor x) { return x * ones({2}).sum().item<float>(); });
  CHECK(f(tensor(3.0)).item<float>() == 6);
}

TEST_CASE("jit inside jit and grad inside jit are one program") {
  const auto inner = jit([](Tensor x) { return x * x; });
  const auto f =
      jit([&](Tensor x) { return grad([&](Tensor a) { return inner(a).sum(); })(x) + inner(x); });
  check_values(f(tensor({1.0, 3.0})), {3, 15});
  check_values(f(tensor({2.0, 0.0})), {8, 0});
}

TEST_CASE("gradients pass through a jitted function") {
  const Tensor w = tensor(3.0).requires_grad_();
  const auto f = jit([&](Tensor x) { return w * x * x; });
  const Tensor x = tensor(2.0).requires_grad_();
  f(x).backward();
  CHECK(x.grad().item<float>() == 12);
  CHECK(w.grad().item<float>() == 4);
  CHECK(grad([&](Tensor a) { return f(a); })(tensor(5.0)).item<float>() == 30);
  CHECK_FALSE(no_grad([&] { return f(x); }).requires_grad());
}

TEST_CASE("a training step with backward and an optimizer is one compiled function") {
  manual_seed(0);
  const Tensor w = tensor({1.0, -1.0}).requires_grad_();
  optim::SGD optimizer({w}, {.lr = 0.1});
  int recorded = 0;
  const auto step = jit([&](Tensor x) {
    ++recorded;
    optimizer.zero_grad();
    const Tensor loss = (w * w * x).sum();
    loss.backward();
    optimizer.step();
    return loss.detach();
  });
  Tensor expected = tensor({1.0, -1.0});
  for (int k = 0; k < 3; ++k) {
    const Tensor loss = step(tensor({1.0, 2.0}));
    CHECK(allclose(loss, (expected * expected * tensor({1.0, 2.0})).sum()));
    expected = expected - 0.1 * 2 * expected * tensor({1.0, 2.0});
    CHECK(allclose(w.detach(), expected));
    CHECK(w.grad().defined());
  }
  CHECK(recorded == 1);
}

TEST_CASE("gradients that accumulate over calls depend on whether there is one yet") {
  const Tensor w = tensor(2.0).requires_grad_();
  int recorded = 0;
  const auto f = jit([&](Tensor x) {
    ++recorded;
    (w * x).backward();
  });
  f(tensor(3.0));
  CHECK(w.grad().item<float>() == 3);
  f(tensor(4.0));
  CHECK(w.grad().item<float>() == 7);
  f(tensor(1.0));
  CHECK(w.grad().item<float>() == 8);
  CHECK(recorded == 2);
}

TEST_CASE("an exception inside the function leaves everything as it was") {
  Tensor x = ones({2});
  const auto f = jit([&](Tensor a) {
    x.add_(1);
    return matmul(a, ones({5, 5}));
  });
  CHECK(contains(error_of([&] { f(ones({2, 2})); }), "cannot be multiplied"));
  check_values(x, {1, 1});
  CHECK(f(ones({1, 5})).shape() == Shape{1, 5});
  check_values(x, {2, 2});
}

TEST_CASE("results that are arguments or constants are returned too") {
  const auto f = jit([](Tensor x) { return std::tuple{x, ones({2}), x.t()}; });
  const auto [same, one, turned] = f(tensor({{1.0, 2.0}}));
  check_values(same, {1, 2});
  check_values(one, {1, 1});
  CHECK(turned.shape() == Shape{2, 1});
}

TEST_CASE("the program is shown at every stage") {
  const auto f = jit([](Tensor x) { return softmax(x, -1); });
  CHECK(contains(error_of([&] { f.report(); }), "expected a jitted function that has been called"));
  f(ones({4, 8}));
  CHECK(f.report().kernels == 1);
  CHECK(contains(f.dump(Stage::graph), "func @jit"));
  CHECK(contains(f.dump(Stage::fused), "fused"));
  CHECK(contains(f.dump(Stage::kernel), "kernel"));
  CHECK(contains(f.dump(Stage::llvm), "define"));
  CHECK(!f.dump(Stage::assembly).empty());
  CHECK(contains(f.explain(), "1 kernels after fusion"));
  CHECK(contains((ones({2}) + 1).dump(), "func @value"));
}

TEST_CASE("options choose the interpreter and leave fusion away, with equal results") {
  const auto work = [](Tensor x) { return softmax(x * 3 - 1, -1); };
  const Tensor x = rand({3, 5});
  const Tensor fused = jit(work)(x);
  const auto apart = jit(work, {.fuse = false});
  CHECK(equal(apart(x), fused));
  CHECK(apart.report().kernels > 1);
  CHECK(equal(jit(work, {.backend = Backend::interp})(x), fused));
}
