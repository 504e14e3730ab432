// Random numbers, layers, losses and optimizers, against PyTorch's formulas.
#include "runtime/engine.h"
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("equal seeds give equal numbers, in their ranges") {
  manual_seed(7);
  const Tensor a = rand({1000}), n = randn({20000}, f64);
  manual_seed(7);
  CHECK(equal(rand({1000}), a));
  CHECK(a.min().item<float>() >= 0);
  CHECK(a.max().item<float>() < 1);
  CHECK(std::abs(n.mean().item<double>()) < 0.03);
  CHECK(std::abs(n.std().item<double>() - 1) < 0.03);
  const Tensor i = randint(-2, 3, {1000});
  CHECK(i.dtype() == i64);
  CHECK(i.min().item<std::int64_t>() == -2);
  CHECK(i.max().item<std::int64_t>() == 2);
  const Tensor p = randperm(100);
  CHECK(p.sum().item<std::int64_t>() == 4950);
  check_values(bernoulli(tensor({0.0, 1.0})), {0, 1});
  CHECK_ERROR("randint: expects from < to", randint(3, 3, {1}));
  CHECK_ERROR("rand: expected dtype f32 or f64, got i64", rand({2}, i64));
}

TEST_CASE("a linear layer is initialised and computes as torch's") {
  manual_seed(0);
  const nn::Linear layer(4, 3);
  CHECK(layer.weight.shape() == Shape{3, 4});
  CHECK(abs(layer.weight).max().item<float>() <= 0.5f);
  CHECK(layer.bias.requires_grad());
  CHECK(layer.weight.is_leaf());
  const Tensor x = ones({2, 4});
  CHECK(allclose(layer(x), matmul(x, layer.weight.t()) + layer.bias));
  CHECK_ERROR("linear: expected input [..., in] and weight [out, in], got [2, 5] and [3, 4]",
              layer(ones({2, 5})));
}

TEST_CASE("a Sequential names its parameters and trains") {
  manual_seed(0);
  const nn::Sequential net(nn::Linear(2, 16), nn::Tanh(), nn::Linear(16, 1));
  CHECK(net.named_parameters()[2].first == "2.weight");
  CHECK(net.parameters().size() == 4);
  const Tensor x = tensor({{0.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}, {1.0, 1.0}});
  const Tensor y = tensor({{0.0}, {1.0}, {1.0}, {0.0}});
  optim::Adam optimizer(net.parameters(), {.lr = 0.05});
  float last = 0;
  for (int k = 0; k < 200; ++k) {
    optimizer.zero_grad();
    const Tensor loss = nn::mse_loss(net(x), y);
    loss.backward();
    optimizer.step();
    last = loss.item<float>();
  }
  CHECK(last < 0.01f);
}

TEST_CASE("losses and their reductions") {
  const Tensor x = tensor({{1.0, 2.0, 3.0}, {1.0, 1.0, 1.0}}, f64), target = tensor({2, 0});
  const double first = std::log(std::exp(-2.0) + std::exp(-1.0) + 1), second = std::log(3.0);
  check_values(nn::cross_entropy(x, target, nn::Reduction::none), {first, second}, 1e-14);
  check_values(nn::cross_entropy(x, target), {(first + second) / 2}, 1e-14);
  check_values(nn::cross_entropy(x, target, nn::Reduction::sum), {first + second}, 1e-14);
  check_values(nn::cross_entropy(x[0], target[0]), {first}, 1e-14);
  const Tensor soft = one_hot(target, 3).to(f64);
  check_values(nn::cross_entropy(x, soft), {(first + second) / 2}, 1e-14);
  const double low = -std::numeric_limits<double>::infinity();
  const Tensor masked = tensor({{low, 0.0, 0.0}, {low, 3.0, low}}, f64);
  check_values(nn::cross_entropy(masked, tensor({2, 1}), nn::Reduction::none), {std::log(2.0), 0});
  // A class that is known only when the program runs is clamped, in the gradient as well.
  const auto losses = jit([](const Tensor& a, const Tensor& b) {
    const Tensor leaf = a.detach().requires_grad_();
    const Tensor all = nn::cross_entropy(leaf, b, nn::Reduction::none);
    return std::pair(all.detach(), autograd::grad(all.sum(), {leaf})[0]);
  });
  const auto [clamped, slope] = losses(x, tensor({-100, 3}));
  const auto [inside, same_slope] = losses(x, tensor({0, 2}));
  check_values(clamped, numbers(inside));
  check_values(slope, numbers(same_slope));
  check_values(losses(x, target).second.select(1, 0),
               {std::exp(-2.0) / std::exp(first), 1 / 3.0 - 1}, 1e-14);
  check_values(nn::nll_loss(log_softmax(x, 1), target), {(first + second) / 2}, 1e-14);
  check_values(nn::mse_loss(tensor({1.0, 3.0}), tensor({1.0, 1.0})), {2});
  check_values(nn::l1_loss(tensor({1.0, 3.0}), tensor({1.0, 1.0})), {1});
  check_values(nn::binary_cross_entropy_with_logits(tensor({0.0, 100.0}), tensor({1.0, 1.0})),
               {std::log(2.0) / 2}, 1e-6);
  CHECK_ERROR("cross_entropy: expected input [N, C] with target [N]",
              nn::cross_entropy(x, tensor({1, 2, 3})));
  CHECK_ERROR("cross_entropy: target class 3 is out of bounds",
              nn::cross_entropy(x, tensor({3, 0})));
  CHECK_ERROR("mse_loss: expected input and target of one shape",
              nn::mse_loss(ones({2}), ones({3})));
}

TEST_CASE("SGD follows torch's formula with momentum, dampening, weight decay and nesterov") {
  const auto run = [](const optim::SGDOptions& o) {
    const Tensor w = tensor(1.0, f64).requires_grad_();
    optim::SGD optimizer({w}, o);
    double p = 1, buffer = 0;
    for (int k = 0; k < 4; ++k) {
      optimizer.zero_grad();
      (w * w * w).backward();
      optimizer.step();
      double g = 3 * p * p + o.weight_decay * p;
      if (o.momentum != 0) {
        buffer = k == 0 ? g : o.momentum * buffer + (1 - o.dampening) * g;
        g = o.nesterov ? g + o.momentum * buffer : buffer;
      }
      p -= o.lr * g;
    }
    check_values(w, {p}, 1e-14);
    CHECK(w.is_leaf());
  };
  run({.lr = 0.01});
  run({.lr = 0.01, .momentum = 0.9});
  run({.lr = 0.01, .momentum = 0.9, .dampening = 0.5, .weight_decay = 0.1});
  run({.lr = 0.01, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true});
}

TEST_CASE("Adam and AdamW follow torch's formulas") {
  const auto run = [](bool decoupled) {
    const Tensor w = tensor(1.0, f64).requires_grad_();
    const optim::AdamOptions o{.lr = 0.1, .weight_decay = 0.01};
    std::unique_ptr<optim::Optimizer> optimizer;
    if (decoupled)
      optimizer = std::make_unique<optim::AdamW>(std::vector{w}, o);
    else
      optimizer = std::make_unique<optim::Adam>(std::vector{w}, o);
    double p = 1, m = 0, v = 0;
    for (int k = 1; k <= 4; ++k) {
      optimizer->zero_grad();
      (w * w).backward();
      optimizer->step();
      double g = 2 * p;
      if (decoupled)
        p *= 1 - o.lr * o.weight_decay;
      else
        g += o.weight_decay * p;
      m = o.beta1 * m + (1 - o.beta1) * g;
      v = o.beta2 * v + (1 - o.beta2) * g * g;
      p -= o.lr / (1 - std::pow(o.beta1, k)) * m /
           (std::sqrt(v) / std::sqrt(1 - std::pow(o.beta2, k)) + o.eps);
    }
    check_values(w, {p}, 1e-13);
  };
  run(false);
  run(true);
}

TEST_CASE("optimizers refuse bad arguments and skip parameters without gradients") {
  const Tensor w = ones({2}).requires_grad_(), unused = ones({2}).requires_grad_();
  CHECK_ERROR("optimizer got an empty parameter list", optim::SGD({}, {}));
  CHECK_ERROR("SGD: invalid learning rate: -1", optim::SGD({w}, {.lr = -1}));
  CHECK_ERROR("Nesterov momentum requires a momentum and zero dampening",
              optim::SGD({w}, {.nesterov = true}));
  CHECK_ERROR("can't optimize a non-leaf Tensor", optim::Adam({w * 2}));
  optim::SGD optimizer({w, unused}, {.lr = 1});
  w.sum().backward();
  optimizer.step();
  check_values(w, {0, 0});
  check_values(unused, {1, 1});
}

TEST_CASE("eager training steps compile once") {
  const Tensor w = ones({8}).requires_grad_();
  optim::Adam optimizer({w});
  const auto step = [&] {
    optimizer.zero_grad();
    const Tensor loss = (w * w).sum();
    loss.backward();
    optimizer.step();
    return loss.item<float>();
  };
  step();
  step();
  const auto compiled = runtime::engine_stats().executables_compiled;
  step();
  step();
  CHECK(runtime::engine_stats().executables_compiled == compiled);
}

TEST_CASE("gradcheck finds right and wrong gradients, and the worst element") {
  const Tensor a = randn({2, 3}, f64).requires_grad_(), b = randn({3}, f64).requires_grad_();
  const auto good = [](Tensor x, Tensor y) { return tanh(x * y) + exp(y); };
  const GradcheckReport report = gradcheck(good, a, b);
  CAPTURE(report.message);
  CHECK(report);
  CHECK(report.compared == 36 + 18);
  CHECK(gradgradcheck(good, a, b));
  const auto wrong = [](const std::vector<Tensor>& x) {
    return std::vector<Tensor>{x[0] * x[0].detach()};
  };
  const GradcheckReport bad = gradcheck(wrong, {tensor({1.0, 5.0}, f64).requires_grad_()});
  CHECK_FALSE(bad);
  CHECK(bad.worst_input_element == 1);
  CHECK(bad.analytic == doctest::Approx(5));
  CHECK(bad.numeric == doctest::Approx(10));
  CHECK(contains(bad.message, "failed"));
  CHECK_ERROR("gradcheck failed",
              gradcheck(wrong, {ones({1}, f64).requires_grad_()}, {.raise_exception = true}));
  const GradcheckReport stepped =
      gradcheck(wrong, {ones({1}, f64).requires_grad_()}, {.eps = 1e-3});
  CHECK(stepped.eps == 1e-3);
  CHECK_ERROR("expects at least one input tensor to require gradient",
              gradcheck(wrong, {ones({1})}, GradcheckOptions()));
  CHECK(gradcheck([](Tensor x) { return sin(x); }, rand({4}).requires_grad_()));
}

TEST_CASE("options may change between steps, and are checked again") {
  const Tensor w = tensor({1.0, 2.0}).requires_grad_();
  optim::SGD optimizer({w}, {.lr = 0.5});
  const auto step = [&] {
    optimizer.zero_grad();
    w.sum().backward();
    optimizer.step();
  };
  step();
  check_values(w, {0.5, 1.5});
  optimizer.options().momentum = 0.5;
  step();
  check_values(w, {0, 1});
  step();
  check_values(w, {-0.75, 0.25});
  optimizer.options().lr = -1;
  CHECK(contains(error_of(step), "SGD::step: invalid learning rate"));
}

TEST_CASE("update rules on f64 parameters are computed in f64") {
  const Tensor w = zeros({1}, f64).requires_grad_();
  optim::SGD optimizer({w}, {.lr = 1, .momentum = 1, .dampening = 0.1});
  for (int k = 0; k < 3; ++k) {
    optimizer.zero_grad();
    w.sum().backward();
    optimizer.step();
  }
  // The buffer is 1, 1 + 0.9, 1 + 0.9 + 0.9.
  check_values(w, {-(1 + 1.9 + 2.8)}, 1e-15);
}

TEST_CASE("Adam's first steps on a constant gradient are the learning rate each") {
  const Tensor w = zeros({1}).requires_grad_();
  optim::Adam optimizer({w}, {.lr = 1e-3});
  for (int k = 1; k <= 3; ++k) {
    optimizer.zero_grad();
    w.sum().backward();
    optimizer.step();
    check_values(w * 1000, {-double(k)}, 3e-7);
  }
}
