// Row functions of [4096, 1024], and their gradients along a cotangent.
#include "tools/bench/ceilings.h"
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

constexpr std::int64_t rows = 4096, columns = 1024;
constexpr double elements = rows * columns;
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

Row rms_norm_row(Row x) {
  double square = 0;
  for (double v : x) square += v * v / columns;
  for (double& v : x) v /= std::sqrt(square + 1e-5);
  return x;
}

Row rms_norm_grad_row(const Row& x, Row g) {
  double square = 0, dot = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    square += x[k] * x[k] / columns;
    dot += g[k] * x[k] / columns;
  }
  const double scale = 1 / std::sqrt(square + 1e-5);
  for (std::size_t k = 0; k < x.size(); ++k) g[k] = scale * (g[k] - x[k] * dot * scale * scale);
  return g;
}

Tensor softmax(const Tensor& x) { return x.softmax(-1); }
Tensor layer_norm(const Tensor& x) {
  const Tensor d = x - x.mean(-1, true);
  return d * ((d * d).mean(-1, true) + 1e-5).rsqrt();
}

Tensor rms_norm(const Tensor& x) { return x * ((x * x).mean(-1, true) + 1e-5).rsqrt(); }

using RowKernel = CeilingPair CeilingKernels::*;

CeilingWork row_work(RowKernel kernel, std::vector<std::vector<float>> in) {
  return {.kernel = kernel,
          .in = std::move(in),
          .units = rows,
          .columns = columns,
          .outputs = rows * columns,
          .unit_ns = 300};
}

Case row_case(const std::string& name, int operations, RowKernel kernel, Tensor (*f)(const Tensor&),
              Row (*reference)(Row)) {
  return {.name = name + "_4096x1024",
          .bound = Bound::ceiling,
          .bytes = 8 * elements,
          .flops = operations * elements,
          .prepare = [=] {
            const auto a = values(rows * columns, 1);
            auto want = [=](std::int64_t k) {
              return reference(row_of(a, k / columns))[at(k % columns)];
            };
            Prepared p = prepared(f, compare(want, 1e-5), tensor(a).reshape({rows, columns}));
            p.ceiling = make_ceiling(row_work(kernel, {a}), want, 1e-5);
            return p;
          }};
}

Case row_grad_case(const std::string& name, int operations, RowKernel kernel,
                   Tensor (*f)(const Tensor&), Row (*reference)(const Row&, Row)) {
  return {.name = name + "_grad_4096x1024",
          .bound = Bound::ceiling,
          .bytes = 12 * elements,
          .flops = operations * elements,
          .prepare = [=] {
            const auto a = values(rows * columns, 1), g = values(rows * columns, 2);
            auto want = [=](std::int64_t k) {
              return reference(row_of(a, k / columns), row_of(g, k / columns))[at(k % columns)];
            };
            auto gradient = [f](const Tensor& x, const Tensor& cotangent) {
              return vjp(f, x).second(cotangent);
            };
            Prepared p = prepared(gradient, compare(want, 1e-5), tensor(a).reshape({rows, columns}),
                                  tensor(g).reshape({rows, columns}));
            p.ceiling = make_ceiling(row_work(kernel, {a, g}), want, 1e-5);
            return p;
          }};
}

// --- Cross-entropy of log_softmax, mean over the rows ---

std::vector<std::int64_t> classes() {
  std::vector<std::int64_t> labels;
  for (std::int64_t r = 0; r < rows; ++r) labels.push_back(r * 7919 % columns);
  return labels;
}

Case cross_entropy() {
  return {.name = "log_softmax_xent_4096x1024",
          .bound = Bound::ceiling,
          .bytes = 4 * elements,
          .flops = 4 * elements,
          .prepare = [] {
            const auto a = values(rows * columns, 1);
            const auto labels = classes();
            double loss = 0;
            for (std::int64_t r = 0; r < rows; ++r)
              loss -= std::log(softmax_row(row_of(a, r))[at(labels[at(r)])]) / rows;
            auto f = [](const Tensor& x, const Tensor& y) { return nn::cross_entropy(x, y); };
            Prepared p = prepared(f, compare([loss](std::int64_t) { return loss; }, 1e-5),
                                  tensor(a).reshape({rows, columns}), tensor(labels));
            CeilingWork work = row_work(&CeilingKernels::cross_entropy, {a});
            work.labels = labels;
            work.outputs = rows;
            auto row_loss = [=](std::int64_t r) {
              return -std::log(softmax_row(row_of(a, r))[at(labels[at(r)])]);
            };
            p.ceiling = make_ceiling(std::move(work), row_loss, 1e-5);
            return p;
          }};
}

Case cross_entropy_grad() {
  return {.name = "log_softmax_xent_grad_4096x1024",
          .bound = Bound::ceiling,
          .bytes = 8 * elements,
          .flops = 6 * elements,
          .prepare = [] {
            const auto a = values(rows * columns, 1);
            const auto labels = classes();
            auto want = [=](std::int64_t k) {
              const std::int64_t r = k / columns, c = k % columns;
              return softmax_row(row_of(a, r))[at(c)] - (labels[at(r)] == c ? 1 : 0);
            };
            auto f = [](const Tensor& x, const Tensor& y) {
              return grad<0>([](const Tensor& s, const Tensor& t) {
                return nn::cross_entropy(s, t, nn::Reduction::sum);
              })(x, y);
            };
            Prepared p = prepared(f, compare(want, 1e-6), tensor(a).reshape({rows, columns}),
                                  tensor(labels));
            CeilingWork work = row_work(&CeilingKernels::cross_entropy_grad, {a});
            work.labels = labels;
            p.ceiling = make_ceiling(std::move(work), want, 1e-6);
            return p;
          }};
}

}  // namespace

std::vector<Case> row_cases() {
  return {
      row_case("softmax", 5, &CeilingKernels::softmax, softmax, softmax_row),
      row_grad_case("softmax", 9, &CeilingKernels::softmax_grad, softmax,
                    [](const Row& x, Row g) { return softmax_grad_row(x, g); }),
      cross_entropy(),
      cross_entropy_grad(),
      row_case("layer_norm", 6, &CeilingKernels::layer_norm, layer_norm, layer_norm_row),
      row_grad_case("layer_norm", 13, &CeilingKernels::layer_norm_grad, layer_norm,
                    layer_norm_grad_row),
      row_case("rms_norm", 3, &CeilingKernels::rms_norm, rms_norm, rms_norm_row),
      row_grad_case("rms_norm", 8, &CeilingKernels::rms_norm_grad, rms_norm, rms_norm_grad_row)};
}

}  // namespace weft::bench
