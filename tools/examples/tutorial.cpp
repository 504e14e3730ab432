// The tutorial that PyTorch users come with, in Weft. Each part prints what it shows; a test
// compares the output. docs/from-pytorch.md has the PyTorch line beside each line of this file.
#include <cstdio>
#include <iostream>
#include <vector>

#include <weft/weft.h>

namespace wf = weft;
using wf::Tensor;

namespace {

void title(const char* text) { std::cout << "\n# " << text << "\n"; }

const char* yes_no(bool value) { return value ? "True" : "False"; }

void creating_tensors() {
  title("Creating tensors");
  const Tensor a = wf::tensor({{1, 2}, {3, 4}});
  std::cout << a << "\n";
  std::cout << "shape " << a.shape() << ", dtype " << wf::name(a.dtype()) << ", device "
            << a.device() << "\n";
  std::cout << wf::zeros({2, 3}) << "\n";
  std::cout << wf::ones_like(a) << "\n";
  std::cout << wf::arange(0, 10, 2) << "\n";
  wf::manual_seed(0);
  const Tensor r = wf::rand({2, 3});
  std::cout << "rand: shape " << r.shape() << ", dtype " << wf::name(r.dtype())
            << ", all in [0, 1): " << yes_no(r.ge(0).logical_and(r.lt(1)).all().item<bool>())
            << "\n";
}

void computing() {
  title("Computing");
  const Tensor x = wf::tensor({{1, 2}, {3, 4}}), y = wf::tensor({{10}, {20}});
  std::cout << x + y << "\n";
  std::cout << x * 2 << "\n";
  std::cout << x.sum(0) << "\n";
  const auto [values, indices] = x.max(1);
  std::cout << values << " " << indices << "\n";
  std::cout << x.to(wf::f32).exp() << "\n";
}

void views_and_copies() {
  title("Views share, clones copy");
  Tensor x = wf::arange(6);
  Tensor view = x.view({2, 3}), copy = x.clone();
  x[0] = 100;
  std::cout << view << "\n";
  std::cout << copy << "\n";
  view.T()[2][1] = -5;
  std::cout << x << "\n";
  std::cout << "reshape shares: " << yes_no(x.reshape({3, 2}).shares_storage(x))
            << ", of a transposed tensor: " << yes_no(view.T().reshape({6}).shares_storage(x))
            << "\n";
  std::cout << "unsqueeze " << x.unsqueeze(0).shape() << ", squeeze "
            << x.unsqueeze(0).squeeze().shape() << "\n";
}

void memory_from_outside() {
  title("Memory from outside");
  std::vector<float> memory = {1, 2, 3, 4};
  Tensor t = wf::from_blob(memory.data(), {2, 2});
  memory[0] = 10;
  std::cout << t << "\n";
  t.mul_(2);
  t.eval();
  std::cout << memory[0] << " " << memory[1] << " " << memory[2] << " " << memory[3] << "\n";
}

void devices() {
  title("Devices");
  const wf::Device device = wf::cuda::is_available() ? wf::Device("cuda:0") : wf::Device("cpu");
  const Tensor x = wf::ones({2}, wf::device(device));
  std::cout << "a tensor on the chosen device sums to " << x.sum().item<float>() << "\n";
}

void gradients() {
  title("Gradients");
  Tensor x = wf::tensor(2.0, wf::requires_grad());
  wf::pow(x, 2).backward();
  std::cout << "d x^2 at 2: " << x.grad() << "\n";

  Tensor z = wf::tensor(0.5, wf::requires_grad());
  wf::sin(wf::pow(z, 3) + 2 * z + 1).backward();
  std::cout << "d sin(z^3 + 2z + 1) at 0.5: " << z.grad() << "\n";

  Tensor u = wf::tensor({1.0, 2.0}, wf::requires_grad()),
         v = wf::tensor({3.0, 4.0}, wf::requires_grad());
  const Tensor f = (u * u * v).sum();
  for (const Tensor& g : wf::autograd::grad(f, {u, v})) std::cout << g << "\n";
}

void accumulating() {
  title("Gradients accumulate");
  Tensor x = wf::tensor(2.0, wf::requires_grad());
  Tensor w = wf::tensor(3.0, wf::requires_grad());
  Tensor b = wf::tensor(1.0, wf::requires_grad());
  const Tensor loss = wf::pow(x * w + b - 10, 2);
  loss.backward({.retain_graph = true});
  std::cout << "first pass:  " << x.grad() << "\n";
  loss.backward();
  std::cout << "second pass: " << x.grad() << "\n";
  try {
    loss.backward();
  } catch (const wf::Error& e) {
    std::cout << std::string(e.what()).substr(0, 52) << " ...\n";
  }
}

void optimizing() {
  title("An optimizer");
  Tensor w = wf::tensor({1.0, -2.0}, wf::requires_grad());
  wf::optim::SGD sgd({w}, {.lr = 0.1});
  for (int step = 0; step < 3; ++step) {
    sgd.zero_grad();
    const Tensor loss = (w * w).sum();
    loss.backward();
    sgd.step();
    std::cout << "loss " << loss.item<float>() << ", w " << w.detach() << "\n";
  }
  sgd.zero_grad();
  std::cout << "grad after zero_grad is defined: " << yes_no(w.grad().defined()) << "\n";
}

void without_gradients() {
  title("Without gradients");
  Tensor x = wf::tensor({1.0, 2.0}, wf::requires_grad());
  const Tensor y = wf::no_grad([&] { return x * 2; });
  std::cout << "no_grad: " << yes_no(y.requires_grad())
            << ", detach: " << yes_no((x * 2).detach().requires_grad());
  Tensor frozen = x.detach().requires_grad_().requires_grad_(false);
  std::cout << ", requires_grad_(false): " << yes_no(frozen.requires_grad()) << "\n";
  try {
    y.sum().backward();
  } catch (const wf::Error& e) {
    const std::string message = e.what();
    std::cout << message.substr(0, message.find(", at ")) << "\n";
  }
}

void checking_gradients() {
  title("Checking gradients");
  wf::manual_seed(3);
  const Tensor a = wf::randn({2, 3}, wf::dtype(wf::f64).requires_grad(true));
  const Tensor b = wf::randn({3}, wf::dtype(wf::f64).requires_grad(true));
  auto f = [](const Tensor& x, const Tensor& y) { return (x * y).tanh().sum(1); };
  std::cout << "gradcheck: " << yes_no(wf::gradcheck(f, a, b).ok)
            << ", gradgradcheck: " << yes_no(wf::gradgradcheck(f, a, b).ok) << "\n";
}

void functions_of_functions() {
  title("Functions of functions");
  auto f = [](const Tensor& x) { return wf::sin(wf::pow(x, 3) + 2 * x + 1).sum(); };
  const Tensor x = wf::tensor({0.5, 1.0});
  std::cout << "grad:      " << wf::grad(f)(x) << "\n";
  const auto [value, slope] = wf::jvp(f, x, wf::ones_like(x));
  std::cout << "jvp:       " << value << " " << slope << "\n";
  auto second = wf::grad([&](const Tensor& t) { return wf::grad(f)(t).sum(); });
  std::cout << "grad grad: " << second(x) << "\n";
  auto fast = wf::jit([](const Tensor& a, const Tensor& b) { return std::tuple{a * b, a + b}; });
  const auto [p, q] = fast(x, x);
  std::cout << "jit:       " << p << " " << q << ", kernels: " << fast.report().kernels << "\n";
}

}  // namespace

int main() {
  try {
    creating_tensors();
    computing();
    views_and_copies();
    memory_from_outside();
    devices();
    gradients();
    accumulating();
    optimizing();
    without_gradients();
    checking_gradients();
    functions_of_functions();
  } catch (const std::exception& e) {
    std::cerr << "tutorial: " << e.what() << "\n";
    return 1;
  }
}
