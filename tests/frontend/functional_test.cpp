// grad, value_and_grad, vjp, jvp of functions, over trees, nested, with autograd around them.
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {

struct Layer {
  Tensor w, b;
};
struct Model {
  Layer first;
  std::vector<Tensor> rest;
  int power = 2;
};

Tensor loss(const Model& m, const Tensor& x) {
  Tensor y = x * m.first.w + m.first.b;
  for (const Tensor& t : m.rest) y = y * t;
  return pow(y, m.power).sum();
}

}  // namespace

TEST_CASE("grad is a function, and composes with itself") {
  const auto f = [](Tensor x) { return pow(x, 3).sum(); };
  const Tensor x = tensor({1.0, 2.0});
  check_values(grad(f)(x), {3, 12});
  const auto df = [&](Tensor a) { return grad(f)(a).sum(); };
  check_values(grad(df)(x), {6, 12});
  const auto ddf = [&](Tensor a) { return grad(df)(a).sum(); };
  check_values(grad(ddf)(x), {6, 6});
  CHECK_FALSE(grad(df)(x).requires_grad());
  CHECK_FALSE(value_and_grad(df)(x).first.requires_grad());
}

TEST_CASE("value_and_grad keeps the structure of its argument") {
  const Model m{{tensor(2.0), tensor(1.0)}, {tensor(3.0)}};
  const auto [value, g] = value_and_grad(loss)(m, tensor(1.0));
  CHECK(value.item<float>() == 81);  // ((1 * 2 + 1) * 3)^2
  CHECK(g.first.w.item<float>() == 54);
  CHECK(g.first.b.item<float>() == 54);
  CHECK(g.rest[0].item<float>() == 54);
  CHECK(g.power == 2);
  const auto [gm, gx] = grad<0, 1>(loss)(m, tensor(1.0));
  CHECK(gx.item<float>() == 108);
  CHECK(gm.first.w.item<float>() == 54);
}

TEST_CASE("a function may return more than its loss") {
  const auto f = [](Tensor x) {
    return std::pair{(x * x).sum(), std::map<std::string, Tensor>{{"twice", x * 2}}};
  };
  const auto [value, g] = value_and_grad(f)(tensor({3.0}));
  CHECK(value.first.item<float>() == 9);
  CHECK(value.second.at("twice").item<float>() == 6);
  CHECK(g.item<float>() == 6);
}

TEST_CASE("arguments that do not matter have zero gradients") {
  const auto f = [](Tensor x, Tensor) { return x.sum(); };
  check_values(grad<1>(f)(ones({2}), ones({3})), {0, 0, 0});
  const auto constant = [](Tensor) { return tensor(1.0); };
  check_values(grad(constant)(ones({2})), {0, 0});
}

TEST_CASE("detach and no_grad stop gradients inside functions") {
  const auto f = [](Tensor x) { return (x * x.detach()).sum(); };
  check_values(grad(f)(tensor({3.0})), {3});
  const auto g = [](Tensor x) { return (x * no_grad([&] { return x * 1; })).sum(); };
  check_values(grad(g)(tensor({3.0})), {3});
  const NoGradGuard guard;
  check_values(grad(f)(tensor({3.0})), {3});
}

TEST_CASE("values may be looked at inside grad") {
  const auto f = [](Tensor x) { return x.item<float>() > 0 ? x * x : -x; };
  check_values(grad(f)(tensor(3.0)), {6});
  check_values(grad(f)(tensor(-3.0)), {-1});
}

TEST_CASE("gradients of a function can be differentiated by autograd") {
  Tensor w = tensor(3.0).requires_grad_();
  const auto f = [&](Tensor x) { return w * x * x; };
  const Tensor g = grad(f)(tensor(2.0));  // 2 w x
  CHECK(g.requires_grad());
  g.backward();
  CHECK(w.grad().item<float>() == 4);
  Tensor x = tensor(2.0).requires_grad_();
  grad(f)(x).backward();
  CHECK(x.grad().item<float>() == 6);
}

TEST_CASE("writes to captured tensors stay, without the function's variables") {
  Tensor seen = zeros({});
  const auto f = [&](Tensor x) {
    const Tensor y = (x * x).sum();
    seen.copy_(y);
    return y;
  };
  grad(f)(tensor({2.0}));
  CHECK(seen.item<float>() == 4);
  CHECK_FALSE(seen.requires_grad());
}

TEST_CASE("vjp gives a pullback that can be called again") {
  const auto f = [](Tensor a, Tensor b) { return std::tuple{a * b, a + b}; };
  const auto [value, pullback] = vjp(f, tensor(2.0), tensor(5.0));
  CHECK(std::get<0>(value).item<float>() == 10);
  const auto [ga, gb] = pullback({tensor(1.0), tensor(0.0)});
  CHECK(ga.item<float>() == 5);
  CHECK(gb.item<float>() == 2);
  const auto [ha, hb] = pullback({tensor(1.0), tensor(10.0)});
  CHECK(ha.item<float>() == 15);
  CHECK(hb.item<float>() == 12);
  const auto [square, pull] = vjp([](Tensor x) { return x * x; }, tensor({1.0, 2.0}));
  check_values(pull(tensor({1.0, 10.0})), {2, 40});
  CHECK(
      contains(error_of([&] { pull(ones({3})); }), "cotangent 0 expected type f32[2], got f32[3]"));
}

TEST_CASE("jvp pushes tangents forward, and nests with grad into Hessian-vector products") {
  const auto f = [](Tensor x) { return pow(x, 3).sum(); };
  const auto [value, tangent] = jvp(f, tensor({1.0, 2.0}), tensor({1.0, 0.5}));
  CHECK(value.item<float>() == 9);
  CHECK(tangent.item<float>() == 9);  // 3 * 1 + 12 * 0.5
  const auto [g, hv] = jvp(grad(f), tensor({1.0, 2.0}), tensor({1.0, 0.5}));
  check_values(g, {3, 12});
  check_values(hv, {6, 6});
  const auto pushed =
      jvp([](Tensor a, Tensor b) { return a * b; }, std::tuple{tensor(2.0), tensor(3.0)},
          std::tuple{tensor(1.0), tensor(10.0)});
  CHECK(pushed.second.item<float>() == 23);
  CHECK_ERROR("jvp: tangent 0 expected type f32[2], got f32[3]", jvp(f, ones({2}), ones({3})));
}

TEST_CASE("functions that cannot be differentiated are told so") {
  const auto vector = [](Tensor x) { return x * 2; };
  CHECK(contains(error_of([&] { grad(vector)(ones({2})); }),
                 "grad: expected the function to return a scalar of a float dtype, got f32[2]"));
  CHECK(contains(error_of([&] { grad(vector)(tensor({1})); }),
                 "expected an argument with a tensor of a float dtype"));
}
