#include <cmath>
#include <cstdio>
#include <memory>

#include "tools/bench/case.h"
#include "tools/bench/digits_case.h"

namespace weft::bench {

namespace {

/// Reproducible values in [-2, 2) without Weft's own generator.
std::vector<float> values(std::int64_t n, unsigned seed) {
  std::vector<float> result(static_cast<std::size_t>(n));
  std::uint32_t state = seed * 2654435761u + 1;
  for (float& v : result) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(state >> 8) / static_cast<float>(1 << 22) - 2;
  }
  return result;
}

/// Checks element k of a result against expected(k) at places spread over it.
std::function<std::string(const Tensor&)> compare(std::function<double(std::int64_t)> expected,
                                                  double tolerance) {
  return [expected = std::move(expected), tolerance](const Tensor& result) -> std::string {
    const float* got = result.data<float>();
    const std::int64_t n = result.numel(), steps = std::min<std::int64_t>(n, 97);
    for (std::int64_t s = 0; s < steps; ++s) {
      const std::int64_t k = steps == 1 ? 0 : s * (n - 1) / (steps - 1);
      const double want = expected(k);
      if (std::abs(got[k] - want) > tolerance * std::max(1.0, std::abs(want))) {
        char text[120];
        std::snprintf(text, sizeof text, "element %lld is %.9g, expected %.9g",
                      static_cast<long long>(k), static_cast<double>(got[k]), want);
        return text;
      }
    }
    return {};
  };
}

template <class F, class... Inputs>
Prepared prepared(F f, std::function<std::string(const Tensor&)> check, Inputs... inputs) {
  auto compiled = std::make_shared<Jitted<F>>(jit(std::move(f)));
  return {[=] { return (*compiled)(inputs...); }, [=] { return compiled->report(); },
          std::move(check)};
}

constexpr double mega = 1 << 20;

Case negated_copy() {
  return {"copy_f32_16M", Bound::bandwidth, 2 * 16 * mega * 4, 0, [] {
            const auto a = values(16 << 20, 1);
            return prepared(
                [](const Tensor& x) { return -x; },
                compare([a](std::int64_t k) { return -a[static_cast<std::size_t>(k)]; }, 0),
                tensor(a));
          }};
}

Tensor chain(const Tensor& x, const Tensor& row, const Tensor& column) {
  return (((x * row + column).relu() * 0.5 - x).abs() + 1).sqrt() * row + x;
}

double chain_at(double x, double row, double column) {
  return std::sqrt(std::abs(std::max(x * row + column, 0.0) * 0.5 - x) + 1) * row + x;
}

Case chain10(const std::string& name, std::int64_t rows, std::int64_t columns) {
  return {name, Bound::bandwidth, 2.0 * static_cast<double>(rows * columns) * 4, 0, [=] {
            const auto a = values(rows * columns, 1), b = values(columns, 2), c = values(rows, 3);
            auto at = [=](std::int64_t k) {
              return chain_at(a[static_cast<std::size_t>(k)],
                              b[static_cast<std::size_t>(k % columns)],
                              c[static_cast<std::size_t>(k / columns)]);
            };
            return prepared(chain, compare(at, 1e-5), tensor(a).reshape({rows, columns}), tensor(b),
                            tensor(c).reshape({rows, 1}));
          }};
}

Case sum_axis(std::int64_t n, int axis) {
  return {"sum_" + std::to_string(n) + "x" + std::to_string(n) + "_axis" + std::to_string(axis),
          Bound::bandwidth,
          static_cast<double>(n * n) * 4,
          0,
          [=] {
            const auto a = values(n * n, 1);
            auto at = [=](std::int64_t k) {
              double sum = 0;
              for (std::int64_t i = 0; i < n; ++i)
                sum += a[static_cast<std::size_t>(axis == 0 ? i * n + k : k * n + i)];
              return sum;
            };
            return prepared([axis](const Tensor& x) { return x.sum(axis); }, compare(at, 1e-3),
                            tensor(a).reshape({n, n}));
          },
          true};
}

Case sum_all() {
  return {"sum_16M",
          Bound::bandwidth,
          16 * mega * 4,
          0,
          [] {
            const auto a = values(16 << 20, 1);
            double sum = 0;
            for (float v : a) sum += v;
            return prepared([](const Tensor& x) { return x.sum(); },
                            compare([sum](std::int64_t) { return sum; }, 1e-3), tensor(a));
          },
          true};
}

// --- Row functions of [4096, 1024], and their gradients along a cotangent
// -------------------------

constexpr std::int64_t rows = 4096, columns = 1024;
using Row = std::vector<double>;

Row row_of(const std::vector<float>& a, std::int64_t r) {
  const auto begin = a.begin() + r * columns;
  return Row(begin, begin + columns);
}

Row softmax_row(Row x) {
  double high = x[0], sum = 0;
  for (double v : x) high = std::max(high, v);
  for (double& v : x) sum += v = std::exp(v - high);
  for (double& v : x) v /= sum;
  return x;
}

Row softmax_grad_row(const Row& x, const Row& g) {
  Row y = softmax_row(x);
  double dot = 0;
  for (std::size_t k = 0; k < y.size(); ++k) dot += y[k] * g[k];
  for (std::size_t k = 0; k < y.size(); ++k) y[k] *= g[k] - dot;
  return y;
}

struct Moments {
  double mean, scale;
};
Moments moments(const Row& x) {
  double mean = 0, square = 0;
  for (double v : x) mean += v / columns;
  for (double v : x) square += (v - mean) * (v - mean) / columns;
  return {mean, 1 / std::sqrt(square + 1e-5)};
}

Row layer_norm_row(Row x) {
  const Moments m = moments(x);
  for (double& v : x) v = (v - m.mean) * m.scale;
  return x;
}

Row layer_norm_grad_row(const Row& x, Row g) {
  const Moments m = moments(x);
  double sum = 0, dot = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    sum += g[k];
    dot += g[k] * (x[k] - m.mean) * m.scale;
  }
  for (std::size_t k = 0; k < x.size(); ++k)
    g[k] = m.scale * (g[k] - sum / columns - (x[k] - m.mean) * m.scale * dot / columns);
  return g;
}

Tensor softmax(const Tensor& x) { return x.softmax(-1); }
Tensor layer_norm(const Tensor& x) {
  const Tensor d = x - x.mean(-1, true);
  return d * ((d * d).mean(-1, true) + 1e-5).rsqrt();
}

Case row_case(const std::string& name, Tensor (*f)(const Tensor&), Row (*reference)(Row)) {
  return {name + "_4096x1024", Bound::bandwidth, 2.0 * rows * columns * 4, 0, [=] {
            const auto a = values(rows * columns, 1);
            auto at = [=](std::int64_t k) {
              return reference(row_of(a, k / columns))[static_cast<std::size_t>(k % columns)];
            };
            return prepared(f, compare(at, 1e-5), tensor(a).reshape({rows, columns}));
          }};
}

Case row_grad_case(const std::string& name, Tensor (*f)(const Tensor&),
                   Row (*reference)(const Row&, Row)) {
  return {name + "_grad_4096x1024", Bound::bandwidth, 3.0 * rows * columns * 4, 0, [=] {
            const auto a = values(rows * columns, 1), g = values(rows * columns, 2);
            auto at = [=](std::int64_t k) {
              return reference(row_of(a, k / columns),
                               row_of(g, k / columns))[static_cast<std::size_t>(k % columns)];
            };
            auto gradient = [f](const Tensor& x, const Tensor& cotangent) {
              return vjp(f, x).second(cotangent);
            };
            return prepared(gradient, compare(at, 1e-5), tensor(a).reshape({rows, columns}),
                            tensor(g).reshape({rows, columns}));
          }};
}

Case gemm(std::int64_t n) {
  return {
      "gemm_f32_" + std::to_string(n), Bound::flops, 0, 2.0 * static_cast<double>(n * n * n), [=] {
        const auto a = values(n * n, 1), b = values(n * n, 2);
        auto at = [=](std::int64_t k) {
          double sum = 0;
          for (std::int64_t i = 0; i < n; ++i)
            sum += static_cast<double>(a[static_cast<std::size_t>(k / n * n + i)]) *
                   b[static_cast<std::size_t>(i * n + k % n)];
          return sum;
        };
        return prepared([](const Tensor& x, const Tensor& y) { return x.matmul(y); },
                        compare(at, 1e-3), tensor(a).reshape({n, n}), tensor(b).reshape({n, n}));
      }};
}

Case call8() {
  return {
      "call_8", Bound::none, 0, 0, [] {
        const auto a = values(8, 1);
        return prepared(
            [](const Tensor& x) { return x * 2 + 1; },
            compare([a](std::int64_t k) { return a[static_cast<std::size_t>(k)] * 2 + 1; }, 1e-6),
            tensor(a));
      }};
}

}  // namespace

std::vector<Case> all_cases() {
  return {
      negated_copy(),
      chain10("chain10_f32_16M", 4096, 4096),
      chain10("chain10_f32_64K", 256, 256),
      sum_axis(4096, 0),
      sum_axis(4096, 1),
      sum_all(),
      row_case("softmax", softmax, softmax_row),
      row_grad_case("softmax", softmax, [](const Row& x, Row g) { return softmax_grad_row(x, g); }),
      row_case("layer_norm", layer_norm, layer_norm_row),
      row_grad_case("layer_norm", layer_norm, layer_norm_grad_row),
      gemm(256),
      gemm(1024),
      digits_step(),
      call8(),
  };
}

}  // namespace weft::bench
