// Elementwise work and transposes: bound by the bytes that must move, or, in caches,
// by a hand-written loop.
#include "tools/bench/ceilings.h"
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

template <class T>
std::string dtype_name() {
  return sizeof(T) == 4 ? "f32" : "f64";
}

template <class T>
Case streaming_case(const std::string& name, int arrays, int operations,
                    std::function<Prepared()> prepare) {
  return {.name = name + "_" + dtype_name<T>() + "_16M",
          .bound = Bound::bandwidth,
          .bytes = arrays * 16 * mega * sizeof(T),
          .flops = operations * 16 * mega,
          .prepare = std::move(prepare),
          .doubles = sizeof(T) == 8};
}

template <class T>
Case negated_copy() {
  return streaming_case<T>("copy", 2, 1, [] {
    const auto a = values<T>(16 << 20, 1);
    return prepared([](const Tensor& x) { return -x; },
                    compare<T>([a](std::int64_t k) { return -a[at(k)]; }, 0), tensor(a));
  });
}

template <class T>
Case add() {
  return streaming_case<T>("add", 3, 1, [] {
    const auto a = values<T>(16 << 20, 1), b = values<T>(16 << 20, 2);
    return prepared([](const Tensor& x, const Tensor& y) { return x + y; },
                    compare<T>([a, b](std::int64_t k) { return a[at(k)] + b[at(k)]; }, 0),
                    tensor(a), tensor(b));
  });
}

Tensor chain(const Tensor& x, const Tensor& row, const Tensor& column) {
  return (((x * row + column).relu() * 0.5 - x).abs() + 1).sqrt() * row + x;
}

double chain_at(double x, double row, double column) {
  return std::sqrt(std::abs(std::max(x * row + column, 0.0) * 0.5 - x) + 1) * row + x;
}

template <class T>
Prepared chain_of(std::int64_t rows, std::int64_t columns) {
  const auto a = values<T>(rows * columns, 1), b = values<T>(columns, 2), c = values<T>(rows, 3);
  auto want = [=](std::int64_t k) {
    return chain_at(a[at(k)], b[at(k % columns)], c[at(k / columns)]);
  };
  return prepared(chain, compare<T>(want, sizeof(T) == 4 ? 1e-5 : 1e-13),
                  tensor(a).reshape({rows, columns}), tensor(b), tensor(c).reshape({rows, 1}));
}

template <class T>
Case chain10() {
  return streaming_case<T>("chain10", 2, 10, [] { return chain_of<T>(4096, 4096); });
}

Case chain10_in_cache(const std::string& size, std::int64_t n) {
  return {.name = "chain10_f32_" + size,
          .bound = Bound::ceiling,
          .bytes = 8.0 * static_cast<double>(n * n),
          .flops = 10.0 * static_cast<double>(n * n),
          .prepare = [n] {
            Prepared p = chain_of<float>(n, n);
            const auto a = values(n * n, 1), b = values(n, 2), c = values(n, 3);
            auto want = [=](std::int64_t k) {
              return chain_at(a[at(k)], b[at(k % n)], c[at(k / n)]);
            };
            p.ceiling = make_ceiling({.kernel = &CeilingKernels::chain,
                                      .in = {a, b, c},
                                      .units = n,
                                      .columns = n,
                                      .outputs = n * n,
                                      .unit_ns = 0.15 * static_cast<double>(n)},
                                     want, 1e-5);
            return p;
          }};
}

Case transpose() {
  return {.name = "transpose_4096x4096",
          .bound = Bound::bandwidth,
          .bytes = 2 * 16 * mega * 4,
          .flops = 16 * mega,
          .prepare = [] {
            constexpr std::int64_t n = 4096;
            const auto a = values(n * n, 1);
            auto want = [a](std::int64_t k) { return -a[at(k % n * n + k / n)]; };
            return prepared([](const Tensor& x) { return (-x.transpose(0, 1)).contiguous(); },
                            compare(want, 0), tensor(a).reshape({n, n}));
          }};
}

Case add_transposed() {
  return {.name = "add_transposed_4096x4096",
          .bound = Bound::bandwidth,
          .bytes = 3 * 16 * mega * 4,
          .flops = 16 * mega,
          .prepare = [] {
            constexpr std::int64_t n = 4096;
            const auto a = values(n * n, 1), b = values(n * n, 2);
            auto want = [a, b](std::int64_t k) { return a[at(k)] + b[at(k % n * n + k / n)]; };
            return prepared([](const Tensor& x, const Tensor& y) { return x + y.transpose(0, 1); },
                            compare(want, 1e-7), tensor(a).reshape({n, n}),
                            tensor(b).reshape({n, n}));
          }};
}

}  // namespace

std::vector<Case> elementwise_cases() {
  return {negated_copy<float>(),
          negated_copy<double>(),
          add<float>(),
          add<double>(),
          chain10<float>(),
          chain10<double>(),
          chain10_in_cache("64KB", 128),
          chain10_in_cache("256KB", 256),
          transpose(),
          add_transposed()};
}

}  // namespace weft::bench
