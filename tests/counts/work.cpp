#include "tests/counts/work.h"

#include <memory>
#include <utility>

#include <weft/weft.h>
#include "runtime/engine.h"

namespace weft::counts {

namespace {

/// From -2 to 2 in equal steps.
Tensor input(const Shape& shape) {
  std::int64_t elements = 1;
  for (std::int64_t size : shape) elements *= size;
  Tensor x = linspace(-2, 2, elements).reshape(shape);
  x.data_ptr();
  return x;
}

/// One call of a compiled function, after two that compile it and fill the free lists.
template <class F, class... Inputs>
Work kernel(const std::string& name, F f, Inputs... inputs) {
  return {"kernel: " + name, [=] {
            auto compiled = std::make_shared<Jitted<F>>(jit(f));
            auto call = [=] { (*compiled)(inputs...).data_ptr(); };
            call();
            call();
            return call;
          }};
}

Tensor chain(const Tensor& x, const Tensor& row) {
  return ((x * row + 1).relu() * 0.5 - x).abs().sqrt() * row;
}

Tensor normalised(const Tensor& x) {
  const Tensor centred = x - x.mean(1, true);
  return centred * (centred.square().mean(1, true) + 1e-5).rsqrt();
}

std::vector<Work> kernels() {
  const Tensor square = input({256, 256}), row = input({256}), rows = input({64, 256});
  const Tensor small = input({64, 64}), heads = input({1, 2, 64, 32});
  const Tensor positions = arange(0, 256).flip({0}).contiguous();
  positions.data_ptr();
  return {
      kernel("chain [256,256]", chain, square, row),
      kernel(
          "exp [256,256]", [](const Tensor& x) { return x.exp(); }, square),
      kernel(
          "sum of rows [256,256]", [](const Tensor& x) { return x.sum(1); }, square),
      kernel(
          "sum of columns [256,256]", [](const Tensor& x) { return x.sum(0); }, square),
      kernel(
          "transpose [256,256]", [](const Tensor& x) { return (-x.transpose(0, 1)).contiguous(); },
          square),
      kernel(
          "rows by index [256,256]",
          [](const Tensor& x, const Tensor& index) { return x.index_select(0, index); }, square,
          positions),
      kernel(
          "softmax [64,256]", [](const Tensor& x) { return softmax(x, 1); }, rows),
      kernel(
          "layer_norm gradient [64,256]",
          [](const Tensor& x) {
            return grad([](const Tensor& t) { return (normalised(t) * t).sum(); })(x);
          },
          rows),
      kernel(
          "product [64,64]", [](const Tensor& x, const Tensor& y) { return x.matmul(y); }, small,
          small),
      kernel(
          "attention [1,2,64,32]",
          [](const Tensor& x) { return scaled_dot_product_attention(x, x, x, {}, true); }, heads),
  };
}

Tensor long_chain(const Tensor& x, int operations) {
  Tensor y = x;
  for (int k = 0; k < operations; k += 2) y = (y * 1.0009765625).abs();
  return y;
}

std::vector<Work> calls() {
  const Tensor eight = input({8});
  return {{"calls: 100 of a compiled function on 8 floats",
           [=] {
             auto compiled = std::make_shared<Jitted<Tensor (*)(const Tensor&)>>(
                 jit(+[](const Tensor& x) { return x * 2 + 1; }));
             (*compiled)(eight).data_ptr();
             return [=] {
               for (int k = 0; k < 100; ++k) (*compiled)(eight).data_ptr();
             };
           }},
          {"recording: 100 operations",
           [=] {
             long_chain(eight, 100);
             return [=] { long_chain(eight, 100); };
           }},
          {"recording: a lazy step of 100 operations, compiled before", [=] {
             for (int k = 0; k < 2; ++k) long_chain(eight, 100).data_ptr();
             return [=] { long_chain(eight, 100).data_ptr(); };
           }}};
}

Tensor mlp_gradient(const Tensor& x, const Tensor& w) {
  return grad([&](const Tensor& weight) {
    Tensor y = x;
    for (int layer = 0; layer < 5; ++layer) y = y.matmul(weight).tanh();
    return y.square().mean();
  })(w);
}

/// The first call with empty caches in memory.
template <class F>
Work compiling(const std::string& name, bool quick_tier, F f, const Tensor& x) {
  return {"compiling: " + name, [=] {
            runtime::set_quick_tier(quick_tier);
            runtime::clear_caches();
            return [=] {
              jit(f)(x).data_ptr();
              runtime::finish_optimising();
            };
          }};
}

std::vector<Work> compilations() {
  const Tensor rows = input({64, 256}), square = input({64, 64}), vector = input({1000});
  auto squared = [](const Tensor& x) { return x.matmul(x); };
  auto probabilities = [](const Tensor& x) { return softmax(x, 1); };
  auto program = [](const Tensor& x) { return long_chain(x, 200); };
  return {{"planning: a new batch size of an MLP's gradient",
           [=] {
             auto compiled = std::make_shared<Jitted<decltype(&mlp_gradient)>>(jit(&mlp_gradient));
             const Tensor first = input({300, 64}), second = input({301, 64});
             (*compiled)(first, square).data_ptr();
             return [=] { (*compiled)(second, square).data_ptr(); };
           }},
          compiling("softmax", false, probabilities, rows),
          compiling("softmax, quick code and then optimised", true, probabilities, rows),
          compiling("a product", false, squared, square),
          compiling("a program of 200 operations", false, program, vector)};
}

}  // namespace

std::vector<Work> all_work() {
  set_num_threads(1);
  runtime::set_disk_cache("off");
  runtime::set_quick_tier(false);
  std::vector<Work> all;
  for (auto part : {kernels, calls, compilations})
    for (Work& work : part()) all.push_back(std::move(work));
  return all;
}

}  // namespace weft::counts
