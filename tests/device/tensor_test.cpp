// Tensors on the fake device: where they lie, the CPU's bits, and mistakes.
#include <doctest/doctest.h>

#include <weft/weft.h>

#include <cstring>
#include <functional>
#include <sstream>
#include <thread>

#include "tests/device/fake_machine.h"
#include "tests/support/messages.h"
#include "tests/support/temporary_folder.h"

using namespace weft;
using namespace weft::test;

namespace {

bool skipped() {
  const std::string missing = fake_missing();
  if (!missing.empty()) MESSAGE("skipped: ", missing);
  return !missing.empty();
}

const Device cuda0("cuda:0");

#define CHECK_SAYS(part, ...)                                \
  do {                                                       \
    const std::string said = error_of([&] { __VA_ARGS__; }); \
    CHECK_MESSAGE(has(said, part), said);                    \
  } while (false)

/// The same bits, one of them on the device.
void check_bits(const Tensor& device, const Tensor& cpu) {
  CHECK(device.device() == cuda0);
  CHECK(cpu.device().is_cpu());
  REQUIRE(device.shape() == cpu.shape());
  REQUIRE(device.dtype() == cpu.dtype());
  const Tensor back = device.to("cpu");
  CHECK(std::memcmp(back.data_ptr(), cpu.contiguous().data_ptr(),
                    static_cast<std::size_t>(cpu.numel()) * size_of(cpu.dtype())) == 0);
}

/// Runs f on equal tensors here and there.
void check_alike(const std::function<Tensor(const Device&)>& f) {
  manual_seed(7);
  const Tensor on_device = f(cuda0);
  manual_seed(7);
  check_bits(on_device, f("cpu"));
}

}  // namespace

TEST_CASE("tensors are made on a device, moved there and back, and their values are looked at") {
  if (skipped()) return;
  fresh_fake();
  CHECK(cuda::is_available());
  CHECK(cuda::device_count() == 3);
  const Tensor x = tensor({1, 2, 3}, dtype(f32).device(cuda0));
  CHECK(x.device() == cuda0);
  CHECK(zeros({2}, Device("cuda")).device() == cuda0);
  CHECK(zeros({2}, Device("cuda:1")).device() == Device("cuda:1"));
  CHECK(zeros_like(x).device() == cuda0);
  CHECK(zeros_like(x, Device("cpu")).device().is_cpu());
  CHECK(x.to(cuda0).is_same(x));
  CHECK(x[1].item<float>() == 2);
  CHECK(x.data<float>()[2] == 3);
  CHECK(x.str() == "tensor([1., 2., 3.])");
  CHECK((x * 2 + 1).sum().item<float>() == 15);
  CHECK((x * 2).device() == cuda0);
  CHECK(x.to("cpu").device().is_cpu());
  CHECK(x.to("cuda:1").to("cpu").data<float>()[0] == 1);
  check_bits(x.to(f64), tensor({1, 2, 3}, f64));
  CHECK(fake().violations.empty());
}

TEST_CASE("what is recorded on a device runs when a value is looked at, with the CPU's bits") {
  if (skipped()) return;
  fresh_fake();
  check_alike([](const Device& d) { return randn({40}, d); });
  check_alike([](const Device& d) { return rand({5, 3}, dtype(f64).device(d)); });
  check_alike([](const Device& d) { return randint(0, 100, {20}, d); });
  check_alike([](const Device& d) { return arange(0, 12, 1, d).reshape({3, 4}).t(); });
  check_alike([](const Device& d) { return softmax(randn({9, 33}, d), 1); });
  check_alike([](const Device& d) { return matmul(randn({7, 20}, d), randn({20, 5}, d)); });
  check_alike([](const Device& d) { return linspace(0, 1, 7, d).exp(); });
  check_alike([](const Device& d) {
    const Tensor x = randn({4, 6}, d);
    return x.index_select(1, tensor({5, 0, 0}).to(d)) + eye(4, 3, d);
  });
  CHECK(fake().launches_run > 0);
  CHECK(fake().violations.empty());
}

TEST_CASE("views share memory and in-place writes reach every alias on a device, too") {
  if (skipped()) return;
  fresh_fake();
  check_alike([](const Device& d) {
    Tensor x = zeros({3, 4}, d);
    x[1].fill_(5);
    x.t()[2].add_(randn({3}, d));
    x[0].copy_(ones({4}));  // from the host, wherever x is
    x.narrow(1, 0, 2).zero_();
    return x;
  });
  check_alike([](const Device& d) {
    Tensor x = empty({50}, d);
    x.normal_();
    x.mul_(2);
    return x.uniform_() + x;
  });
  CHECK(fake().violations.empty());
}

TEST_CASE("gradients and training steps on a device give the CPU's bits") {
  if (skipped()) return;
  fresh_fake();
  const auto train = [](const Device& d) {
    nn::Linear first(6, 8, true, d), second(8, 3, true, d);
    std::vector<Tensor> parameters = first.parameters();
    for (const Tensor& p : second.parameters()) parameters.push_back(p);
    optim::Adam adam(parameters, {.lr = 0.01});
    const Tensor x = randn({10, 6}, d), y = randint(0, 3, {10}, d);
    for (int step = 0; step < 3; ++step) {
      adam.zero_grad();
      nn::cross_entropy(second(relu(first(x))), y).backward();
      CHECK(first.weight.grad().device() == d);
      adam.step();
    }
    return first.weight.detach();
  };
  check_alike(train);
  check_alike([](const Device& d) {
    Tensor x = ones({3}, device(d).requires_grad(true));
    x.sum().backward();  // a constant
    return x.grad();
  });
  CHECK(fake().violations.empty());
}

TEST_CASE("gradients come back from device to device") {
  if (skipped()) return;
  fresh_fake();
  manual_seed(2);
  Tensor w = randn({5, 4}).requires_grad_(), v = w.detach().clone().requires_grad_();
  const Tensor x = randn({3, 5});
  tanh(matmul(x, w)).sum().backward();
  tanh(matmul(x.to(cuda0), v.to(cuda0))).sum().backward();
  CHECK(v.grad().device().is_cpu());
  CHECK(equal(v.grad(), w.grad()));

  // There, back and there again, beside a way that stays.
  Tensor a = tensor({1, 2, 3}, f32).requires_grad_();
  const Tensor b = (a * 2).to(cuda0) * 3;
  const Tensor c = (b.to("cpu") + a).to("cuda:1") * 5;
  c.sum().backward();
  CHECK(equal(a.grad(), full({3}, 35.0f)));
  CHECK_SAYS("does not require grad", a.detach().to(cuda0).sum().backward());

  // Higher orders, and inputs that are named.
  const Tensor there = a.to(cuda0);
  const Tensor y = (there * there * there).sum();
  const Tensor first = autograd::grad({y}, {a}, {.create_graph = true})[0];
  CHECK(first.device().is_cpu());
  CHECK(equal(first.detach(), tensor({3, 12, 27}, f32)));
  CHECK(equal(autograd::grad({first.sum()}, {a})[0], tensor({6, 12, 18}, f32)));
  CHECK(equal(autograd::grad({(there * 7).sum()}, {there})[0].to("cpu"), full({3}, 7.0f)));
  CHECK(fake().violations.empty());
}

TEST_CASE("gradients that are given lie where the tensor does") {
  if (skipped()) return;
  fresh_fake();
  Tensor x = ones({2}, cuda0).requires_grad_();
  const Tensor y = x * 3, here = ones({2}), there = ones({2}, cuda0);
  CHECK_SAYS("set_grad: assigned grad is on cpu, expected cuda:0", x.set_grad(here));
  CHECK_SAYS("Mismatch in device: grad_output[0] is on cpu and output[0] is on cuda:0",
             y.backward(here));
  CHECK_SAYS("grad_output[0] is on cpu", autograd::grad(y, {x}, {.grad_outputs = {here}}));
  CHECK_SAYS("grad_output[0] is on cuda:1", y.backward(ones({2}, Device("cuda:1"))));
  Tensor on_cpu = ones({2}).requires_grad_();
  CHECK_SAYS("grad_output[0] is on cuda:0 and output[0] is on cpu", (on_cpu * 2).backward(there));
  CHECK(!x.grad().defined());
  // Zeros of what does not matter, which fit everywhere.
  const Tensor nothing = grad([](const Tensor&) { return ones({}, cuda0); })(x.detach());
  x.set_grad(nothing);
  y.backward(nothing, true);
  x.set_grad(there);
  y.backward(ones_like(there));
  CHECK(equal(x.grad(), full({2}, 4.0f, cuda0)));
  CHECK(fake().violations.empty());
}

TEST_CASE("looking at a tensor leaves its retained gradient and earlier pointers as they are") {
  if (skipped()) return;
  fresh_fake();
  for (const Device& d : {Device("cpu"), cuda0}) {
    CAPTURE(d);
    const Tensor x = ones({2, 3}, d).requires_grad_();
    Tensor base = x * 2;
    base.eval();
    for (Tensor y : {base.view({3, 2}), base.t(), base * 1.5}) {
      y.retain_grad();
      CHECK(y.data<float>()[0] >= 2);
      (y * 3).sum().backward(BackwardOptions{.retain_graph = true});
      CHECK(y.grad().defined());
    }
  }
  Tensor t = arange(0, 1000, 1, dtype(f32).device(cuda0));
  const Tensor turned = t.view({10, 100}).t();
  const float *values = t.data<float>(), *columns = turned.data<float>();
  const std::size_t copies = fake().count("cuMemcpyDtoHAsync_v2");
  CHECK(t.data_ptr() == values);
  CHECK(turned.data<float>() == columns);
  CHECK(t.to_vector<float>()[7] == 7);
  CHECK(fake().count("cuMemcpyDtoHAsync_v2") == copies);
  CHECK(copies > 0);
  CHECK(values[7] == 7);
  CHECK(columns[1] == 100);
  // A write through any alias is seen.
  t.add_(1);
  CHECK(turned.data<float>()[1] == 101);
  t.view({10, 100})[0].fill_(5);
  CHECK(t.data<float>()[7] == 5);
  auto grow = jit([&](const Tensor& by) { t.mul_(by); });
  for (int k = 0; k < 3; ++k) {
    const float before = t.data<float>()[7];
    grow(full({}, 2.0f, cuda0));
    CHECK(t.data<float>()[7] == 2 * before);
  }
  CHECK(fake().violations.empty());
}

TEST_CASE("jitted functions run where their arguments are") {
  if (skipped()) return;
  fresh_fake();
  int traces = 0;
  auto f = jit([&](const Tensor& x, const Tensor& w) {
    ++traces;
    return std::pair(tanh(matmul(x, w)), x.sum());
  });
  manual_seed(3);
  const Tensor x = randn({4, 5}), w = randn({5, 6});
  const auto [y, sum] = f(x, w);
  const auto [device_y, device_sum] = f(x.to(cuda0), w.to(cuda0));
  CHECK(traces == 2);
  check_bits(device_y, y);
  check_bits(device_sum, sum);
  f(x.to(cuda0), w.to(cuda0));
  CHECK(traces == 2);
  // What it captures and writes.
  Tensor count = zeros({2}, cuda0);
  auto add = jit([&](const Tensor& by) {
    count.add_(by);
    return count * 2;
  });
  for (int k = 0; k < 3; ++k) add(ones({2}, cuda0));
  CHECK(count.device() == cuda0);
  CHECK(count[1].item<float>() == 3);
  auto draw = jit([](const Tensor& like) { return randn_like(like); });
  manual_seed(5);
  const Tensor drawn = draw(zeros({30}, cuda0));
  manual_seed(5);
  check_bits(drawn, draw(zeros({30})));
  CHECK(fake().violations.empty());
}

TEST_CASE("a tensor of a device is saved and shown as any other") {
  if (skipped()) return;
  fresh_fake();
  const TemporaryFolder folder;
  const Tensor x = arange(0, 6, 1, cuda0).reshape({2, 3});
  save_npy(folder / "x.npy", x);
  CHECK(equal(load_npy(folder / "x.npy"), x.to("cpu")));
  std::ostringstream out;
  out << x;
  CHECK(has(out.str(), "[3, 4, 5]"));
  CHECK(has(x.explain(), "kernel"));
}

TEST_CASE("mixed devices, a wrong index and what cannot be moved are errors that name both sides") {
  if (skipped()) return;
  fresh_fake();
  const Tensor here = ones({2}), there = ones({2}, cuda0);
  CHECK_SAYS(
      "add: Expected all tensors to be on the same device, but found at least two devices, "
      "cpu and cuda:0; move one with to()",
      here + there);
  CHECK_SAYS("cuda:0 and cuda:1", there + ones({2}, Device("cuda:1")));
  CHECK_SAYS("expected an index of none on the CPU, which is one device, got 5",
             Device(DeviceType::cpu, 5));
  CHECK_SAYS("expected an index of 0 or more, got -7", Device(DeviceType::cuda, -7));
  CHECK_SAYS("cuda:0 and cpu", there.clone().add_(here));
  CHECK_SAYS("matmul: Expected all tensors", matmul(ones({2, 2}, cuda0), ones({2, 2})));
  CHECK_SAYS(
      "zeros: device cuda:7 does not exist: expected cuda:0 to cuda:2, the driver has 3 "
      "devices",
      zeros({2}, Device("cuda:7")));
  CHECK_SAYS("gradients pass from device to device in backward() and autograd::grad alone",
             grad([](const Tensor& x) { return x.to(cuda0).sum(); })(here));
  CHECK_SAYS("cannot move a value that is not known while jit records",
             jit([](const Tensor& x) { return x.to(cuda0); })(here));
  CHECK_SAYS("cpu and cuda:0",
             jit([&](const Tensor& x) { return std::pair(x * 2, there * 3); })(here));
  float memory[2] = {};
  CHECK_SAYS("memory of the host cannot be a tensor on cuda:0",
             from_blob(memory, {2}, Options(cuda0)));
  const CompileOptions before = compile_options();
  set_compile_options({.backend = Backend::interp});
  CHECK_SAYS("the interpreter runs on the CPU only", (there + 1).eval());
  set_compile_options(before);
  CHECK((there + 1).sum().item<float>() == 4);
}

TEST_CASE("streams of threads that ended serve the next ones") {
  if (skipped()) return;
  fresh_fake();
  const Tensor shared = ones({10}, cuda0);
  shared.eval();
  const std::size_t before = fake().streams;
  for (int k = 0; k < 20; ++k) {
    float sum = 0;
    std::jthread([&] { sum = (shared * 3 + ones({10}, cuda0)).sum().item<float>(); }).join();
    CHECK(sum == 40);
  }
  CHECK(fake().streams <= before + 1);
  CHECK(fake().violations.empty());
}

TEST_CASE("several threads work on one device at once") {
  if (skipped()) return;
  fresh_fake();
  const Tensor shared = arange(0, 1000, 1, dtype(f32).device(cuda0));
  std::vector<float> sums(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t k = 0; k < sums.size(); ++k)
      threads.emplace_back([&, k] {
        Tensor x = shared * static_cast<double>(k);
        for (int step = 0; step < 5; ++step) x = x + shared;
        sums[k] = x.sum().item<float>();
      });
  }
  for (std::size_t k = 0; k < sums.size(); ++k)
    CHECK(sums[k] == 499500.0f * static_cast<float>(k + 5));
  CHECK(fake().violations.empty());
}
