// What runs, when, and how often: evaluation together, compiled programs found again, threads.
#include <cmath>
#include <thread>

#include "runtime/engine.h"
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {
std::size_t compiled() { return runtime::engine_stats().executables_compiled; }
std::size_t hits() { return runtime::engine_stats().executable_hits; }
}  // namespace

TEST_CASE("nothing runs before a value is looked at, and equal programs compile once") {
  const auto work = [](const Tensor& x) { return (x * 3 + 1).sum(); };
  const std::size_t before = compiled() + hits();
  const Tensor a = work(rand({17})), b = work(rand({17}));
  CHECK(compiled() + hits() == before);
  a.eval();
  const std::size_t after = compiled();
  b.eval();
  CHECK(compiled() == after);
}

TEST_CASE("live values that share work are computed together") {
  const Tensor x = rand({100});
  const Tensor h = exp(x), a = h.sum(), b = h.max(), other = cos(rand({3}));
  a.eval();
  const std::size_t before = compiled() + hits();
  b.eval();
  h.eval();
  CHECK(compiled() + hits() == before);
  other.eval();
  CHECK(compiled() + hits() == before + 1);
}

TEST_CASE("a value is computed once") {
  const Tensor y = rand({4}) * 2;
  const auto first = numbers(y);
  const std::size_t before = compiled() + hits();
  y.eval();
  CHECK(y.to_vector<float>().size() == 4);
  CHECK(compiled() + hits() == before);
  CHECK(numbers(y) == first);
}

TEST_CASE("numbers that change from call to call do not compile each time") {
  const Tensor x = ones({8}).eval();
  const auto before = compiled();
  for (int k = 0; k < 10; ++k) check_values((x * (k + 0.5)).sum(), {8 * (k + 0.5)});
  CHECK(compiled() - before <= 2);
}

TEST_CASE("a loop over a hundred learning rates compiles once") {
  const Tensor x = rand({12}).eval();
  Tensor w = ones({12}).eval();
  const auto step = [&](double lr) { w = (w - lr * (w - x) * 0.75).clamp(-3.5, 3.5).eval(); };
  step(0.3);
  const auto before = runtime::engine_stats();
  for (int k = 1; k <= 100; ++k) step(0.3 / (1 + 0.01 * k));
  step(0.0);  // whatever the number is by then
  step(1.0);
  const auto after = runtime::engine_stats();
  CHECK(after.executables_compiled == before.executables_compiled);
  CHECK(after.kernels_compiled == before.kernels_compiled);
}

TEST_CASE("schedules that begin with special numbers, and counters, compile twice at most") {
  const auto compilations = [](auto&& run) {
    const auto before = compiled();
    for (int k = 1; k <= 20; ++k) run(k);
    return compiled() - before;
  };
  const Tensor x = arange(1, 14, f32).eval(), n = arange(13).eval();
  CHECK(compilations([&](int k) { (x * (1.0 / k)).eval(); }) <= 2);
  CHECK(compilations([&](int k) { pow(x, 2.2 + k).eval(); }) <= 2);
  CHECK(compilations([&](int k) {
          const Tensor found = (n == k).sum().eval();
          CHECK(found.item<std::int64_t>() == (k < 13 ? 1 : 0));
        }) <= 2);
}

TEST_CASE("numbers that are equal only now and then are told apart once") {
  const Tensor x = tensor({1.0, 2.0, 3.0}).eval();
  const auto work = [&](double a, double b) {
    const auto before = compiled();
    const Tensor y = (x * a + b) * a;
    check_values(y, {(a + b) * a, (2 * a + b) * a, (3 * a + b) * a}, 1e-6);
    return compiled() - before;
  };
  work(0.3, 0.3);
  CHECK(work(0.7, 0.7) == 0);
  CHECK(work(0.7, 0.9) == 1);
  CHECK(work(0.6, 0.6) == 0);
  CHECK(work(0.5, 1.0) == 0);
}

TEST_CASE("a number that is looked at, or returned with a program, is that number") {
  for (const double value : {0.3, 0.4, 0.5}) {
    const Tensor number = full({1}, value), sum = rand({3}) + number;
    sum.eval();
    check_values(number, {value}, 1e-7);
  }
}

TEST_CASE("a jitted function traced anew with another number has the kernel of before") {
  double rate = 0.3;
  const auto traced = [&] {
    auto f = jit([&](Tensor x) { return exp(x * rate) - rate; });
    return f(ones({9}))[8].item<float>();
  };
  traced();
  const auto before = runtime::engine_stats().kernels_compiled;
  rate = 0.7;
  CHECK(traced() == doctest::Approx(std::exp(0.7) - 0.7));
  CHECK(runtime::engine_stats().kernels_compiled == before);
}

TEST_CASE("consecutive elements of something computed are looked at without running") {
  const Tensor x = arange(24, f32).reshape({2, 3, 4}).eval();
  const std::size_t before = compiled() + hits();
  CHECK(x[1][2][3].item<float>() == 23);
  check_values(x[1][Slice(1, 3)].detach(), {16, 17, 18, 19, 20, 21, 22, 23});
  CHECK(compiled() + hits() <= before + 2);  // check_values converts
  const Tensor row = x[1][0];
  CHECK(row.data<float>() == x.data<float>() + 12);
  CHECK(x.index({Slice(), 0}).to_vector<float>() == std::vector<float>{0, 1, 2, 3, 12, 13, 14, 15});
}

TEST_CASE("losses that are kept do not keep the programs they came from") {
  const Tensor w = ones({4}).requires_grad_();
  std::vector<Tensor> losses;
  for (int k = 0; k < 3; ++k) {
    losses.push_back((w * w).sum());
    losses.back().backward();
    no_grad([&] { w.detach().mul_(2); });
    losses.back().item<float>();
  }
  CHECK_ERROR("Trying to backward through the graph a second time", losses[0].backward());
  check_values(w.grad(), {2 + 4 + 8, 2 + 4 + 8, 2 + 4 + 8, 2 + 4 + 8});
}

TEST_CASE("loops that never look stay bounded") {
  Tensor x = zeros({});
  for (int k = 0; k < 20000; ++k) x += 1;
  CHECK(x.item<float>() == 20000);
}

TEST_CASE("items are checked for size and dtype") {
  CHECK(tensor(3).item<std::int64_t>() == 3);
  CHECK(tensor(3).item().to<int>() == 3);
  CHECK(tensor({{2.5}}).item<float>() == 2.5f);
  CHECK_ERROR("item: the tensor has dtype i64, expected f32", tensor(3).item<float>());
  CHECK_ERROR("item: a Tensor with 2 elements cannot be converted to Scalar",
              ones({2}).item<float>());
  CHECK_ERROR("to_vector: the tensor has dtype f32, expected f64", ones({2}).to_vector<double>());
  CHECK(bool(tensor(1.0) > 0));
  CHECK(contains(error_of([] { return bool(ones({2})); }),
                 "Boolean value of Tensor with more than one value is ambiguous"));
}

TEST_CASE("threads record, compile and run at once") {
  const Tensor shared = rand({64, 64}).requires_grad_();
  const Tensor pending = exp(shared.detach());
  const auto step = jit([](Tensor x) { return (x * x).sum(); });
  std::vector<std::thread> threads;
  std::vector<double> results(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int k = 0; k < 5; ++k) {
        const Tensor x = shared * (t + k + 1);
        const Tensor y = matmul(x, x.t()).sum() + pending.sum();
        const Tensor g = autograd::grad(y, {shared})[0];
        results[static_cast<std::size_t>(t)] =
            g.sum().item<float>() + step(ones({8 + t})).item<float>();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (double r : results) CHECK(std::isfinite(r));
}

TEST_CASE("threads call one jitted function while others trace it anew") {
  const auto f = jit([](Tensor x) { return (x + 1).sum(); });
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int k = 1; k < 12; ++k) {
        if (f(ones({k})).item<float>() != 2.0f * static_cast<float>(k))
          ++wrong[static_cast<std::size_t>(t)];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("memory from outside is read as it is, with strides and through views, too") {
  float memory[6] = {1, 2, 3, 4, 5, 6};
  const Tensor strided = from_blob(memory, {3}, Dims{2});
  const Tensor whole = from_blob(memory, {2, 3});
  const Tensor turned = whole.t(), part = whole[1], last = turned[2];
  check_values(strided, {1, 3, 5});
  check_values(turned, {1, 4, 2, 5, 3, 6});
  check_values(part + 0, {4, 5, 6});
  check_values(last, {3, 6});
  const auto doubled = jit([&] { return strided * 2; });
  check_values(doubled(), {2, 6, 10});
  memory[2] = 99;
  memory[4] = -1;
  check_values(strided, {1, 99, -1});
  check_values(strided + 0, {1, 99, -1});
  check_values(turned, {1, 4, 2, -1, 99, 6});
  check_values(part + 0, {4, -1, 6});
  check_values(last, {99, 6});
  check_values(doubled(), {2, 198, -2});
}

TEST_CASE("values taken from memory from outside before it is written through Weft stay") {
  float memory[4] = {1, 2, 3, 4};
  Tensor strided = from_blob(memory, {2}, Dims{2});
  const Tensor before = strided * 1;
  strided.add_(10);
  check_values(before, {1, 3});
  CHECK(memory[0] == 11);
  CHECK(memory[2] == 13);
  check_values(strided, {11, 13});
}
