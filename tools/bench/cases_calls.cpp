// What calls cost apart from their work: compiled functions on small tensors, new sizes, recording.
#include <chrono>
#include <stdexcept>

#include "runtime/engine.h"
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Case call8() {
  return {.name = "call_8", .prepare = [] {
            const auto a = values(8, 1);
            return prepared([](const Tensor& x) { return x * 2 + 1; },
                            compare([a](std::int64_t k) { return a[at(k)] * 2 + 1; }, 1e-6),
                            tensor(a));
          }};
}

/// A sample is the first call with a number of rows that was never seen before.
Case new_batch_size() {
  return {.name = "new_batch_size", .prepare = [] {
            constexpr std::int64_t width = 64;
            const auto w = values(width * width, 2, -0.2, 0.2);
            const Tensor weight = tensor(w).reshape({width, width});
            auto f = [](const Tensor& x, const Tensor& m) { return x.matmul(m).tanh().sum(1); };
            auto compiled = std::make_shared<Jitted<decltype(f)>>(jit(f));
            auto input = [](std::int64_t rows) { return values(rows * width, 1); };
            auto rows = std::make_shared<std::int64_t>(200);
            auto first = std::make_shared<std::size_t>(0);
            Prepared p;
            p.run = [=] { return (*compiled)(tensor(input(200)).reshape({200, width}), weight); };
            p.report = [=] { return compiled->report(); };
            p.check = [=](const Tensor& got) {
              auto want = [a = input(got.numel()), w](std::int64_t r) {
                double total = 0;
                for (std::int64_t j = 0; j < width; ++j) {
                  double sum = 0;
                  for (std::int64_t k = 0; k < width; ++k)
                    sum += static_cast<double>(a[at(r * width + k)]) * w[at(k * width + j)];
                  total += std::tanh(sum);
                }
                return total;
              };
              return compare_elements(got.data<float>(), got.numel(), want, 1e-4);
            };
            p.sample = [=] {
              if (*first == 0) *first = runtime::engine_stats().kernels_compiled;
              ++*rows;
              const Tensor x = tensor(input(*rows)).reshape({*rows, width});
              x.data_ptr();
              const auto start = Clock::now();
              const Tensor result = (*compiled)(x, weight);
              result.data_ptr();
              const double ms = since(start);
              const std::string wrong = p.check(result);
              if (!wrong.empty()) throw std::runtime_error("new_batch_size: " + wrong);
              return ms;
            };
            p.most_samples = 60;
            p.figures = [=] {
              const std::size_t compiled_now = runtime::engine_stats().kernels_compiled - *first;
              return std::map<std::string, double>{
                  {"kernels_compiled", static_cast<double>(compiled_now)}};
            };
            return p;
          }};
}

constexpr int recorded = 100;

Tensor record_step(Tensor x, const Tensor& y) {
  for (int k = 0; k < recorded / 2; ++k) x = (x + y) * y;
  return x;
}

Prepared lazy_step() {
  const auto a = values(8, 1, 0.5, 1), b = values(8, 2, 0.5, 1);
  const Tensor x = tensor(a), y = tensor(b);
  Prepared p;
  p.run = [=] { return record_step(x, y); };
  p.report = [] { return JitReport{}; };
  p.check = compare(
      [=](std::int64_t e) {
        double v = a[at(e)];
        for (int k = 0; k < recorded / 2; ++k) v = (v + b[at(e)]) * b[at(e)];
        return v;
      },
      1e-5);
  return p;
}

/// Recording alone, an operation; what was recorded is evaluated outside of the time.
Case record_one() {
  return {.name = "record_op", .prepare = [] {
            Prepared p = lazy_step();
            p.sample = [run = p.run] {
              const auto start = Clock::now();
              const Tensor recorded_step = run();
              const double ms = since(start);
              recorded_step.data_ptr();
              return ms / recorded;
            };
            return p;
          }};
}

/// What looking at a recorded step of 100 operations adds to its recording, once it is cached.
Case lazy_step_100() {
  return {.name = "lazy_step_100", .prepare = [] {
            Prepared p = lazy_step();
            p.sample = [run = p.run] {
              const Tensor recorded_step = run();
              const auto start = Clock::now();
              recorded_step.data_ptr();
              return since(start);
            };
            return p;
          }};
}

}  // namespace

std::vector<Case> call_cases() {
  return {call8(), new_batch_size(), record_one(), lazy_step_100()};
}

}  // namespace weft::bench
