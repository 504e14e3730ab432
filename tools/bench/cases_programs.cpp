// Whole programs: what their first result costs, how that grows with their length, and what memory
// they need.
#include <chrono>
#include <stdexcept>

#include "runtime/engine.h"
#include "tools/bench/digits_case.h"
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// `operations` elementwise operations in a row, each third with a constant of its own.
Tensor long_chain(Tensor x, const Tensor& y, int operations) {
  for (int k = 0; k < operations; ++k) {
    if (k % 3 == 0)
      x = x * (0.5 + 0.4 * (k % 97) / 97);
    else if (k % 3 == 1)
      x = x + y;
    else
      x = x.abs();
  }
  return x;
}

double long_chain_at(double x, double y, int operations) {
  for (int k = 0; k < operations; ++k) {
    if (k % 3 == 0)
      x *= 0.5 + 0.4 * (k % 97) / 97;
    else if (k % 3 == 1)
      x += y;
    else
      x = std::abs(x);
  }
  return x;
}

Prepared chain_program(int operations) {
  const auto a = values(4096, 1), b = values(4096, 2);
  auto want = [=](std::int64_t k) { return long_chain_at(a[at(k)], b[at(k)], operations); };
  return prepared(
      [operations](const Tensor& x, const Tensor& y) { return long_chain(x, y, operations); },
      compare(want, 1e-4), tensor(a), tensor(b));
}

Case thousand_operations() {
  return {.name = "program_1000_ops", .prepare = [] { return chain_program(1000); }};
}

/// The exponent e of time = c * operations^e, least squares on logarithms.
double growth_exponent(const std::vector<std::pair<double, double>>& points) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [operations, ms] : points) {
    const double u = std::log(operations), v = std::log(ms);
    n += 1, x += u, y += v, xx += u * u, xy += u * v;
  }
  return (n * xy - x * y) / (n * xx - x * x);
}

Case growth() {
  return {.name = "program_growth_20000", .prepare = [] {
            Prepared p = chain_program(1000);
            auto exponent = std::make_shared<double>(0);
            p.sample = [exponent] {
              std::vector<std::pair<double, double>> points;
              for (int operations : {1000, 2000, 5000, 10000, 20000}) {
                const Prepared program = chain_program(operations);
                runtime::finish_optimising();
                runtime::clear_caches();
                const auto start = Clock::now();
                const Tensor result = program.run();
                result.data_ptr();
                points.emplace_back(operations, since(start));
                const std::string wrong = program.check(result);
                if (!wrong.empty()) throw std::runtime_error("program_growth_20000: " + wrong);
              }
              *exponent = growth_exponent(points);
              return points.back().second;
            };
            p.most_samples = 1;
            p.figures = [exponent] {
              return std::map<std::string, double>{{"growth_exponent", *exponent}};
            };
            return p;
          }};
}

// --- Gradients of deep networks: tanh layers of one width, the loss is the sum of squares ---

class Network {
 public:
  Network(int layers, std::int64_t samples, std::int64_t width)
      : samples_(samples), width_(width), x_(values(samples * width, 1, -1, 1)) {
    const double scale = std::sqrt(3.0 / static_cast<double>(width));
    for (int l = 0; l < layers; ++l)
      weights_.push_back(values(width * width, 2 + static_cast<unsigned>(l), -scale, scale));
  }

  Prepared prepare() const {
    const Tensor x = tensor(x_).reshape({samples_, width_});
    std::vector<Tensor> weights;
    for (const auto& w : weights_) weights.push_back(tensor(w).reshape({width_, width_}));
    auto loss = [](const Tensor& in, const std::vector<Tensor>& w) {
      Tensor h = in;
      for (const Tensor& layer : w) h = h.matmul(layer).tanh();
      return (h * h).sum();
    };
    auto f = [loss](const Tensor& in, const std::vector<Tensor>& w) {
      return grad<1>(loss)(in, w);
    };
    auto compiled = std::make_shared<Jitted<decltype(f)>>(jit(f));
    auto last = std::make_shared<std::vector<Tensor>>();
    Prepared p;
    p.run = [=] {
      *last = (*compiled)(x, weights);
      for (const Tensor& t : *last) t.data_ptr();
      return last->front();
    };
    p.report = [=] { return compiled->report(); };
    p.check = [last, want = gradients()](const Tensor&) -> std::string {
      for (std::size_t l = 0; l < want.size(); ++l) {
        double largest = 0;
        for (double v : want[l]) largest = std::max(largest, std::abs(v));
        const float* got = (*last)[l].data<float>();
        for (std::size_t k = 0; k < want[l].size(); ++k) {
          if (!(std::abs(got[k] - want[l][k]) <= 1e-3 * largest))
            return "layer " + std::to_string(l) + ": " +
                   wrong_element(static_cast<std::int64_t>(k), got[k], want[l][k]);
        }
      }
      return {};
    };
    return p;
  }

 private:
  using Matrix = std::vector<double>;

  /// Of the loss by each weight, in double, by plain loops.
  std::vector<Matrix> gradients() const {
    const std::size_t n = at(samples_), w = at(width_), layers = weights_.size();
    std::vector<Matrix> h{Matrix(x_.begin(), x_.end())};
    for (const auto& weight : weights_) {
      Matrix next(n * w);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t k = 0; k < w; ++k)
          for (std::size_t j = 0; j < w; ++j)
            next[i * w + j] += h.back()[i * w + k] * weight[k * w + j];
      for (double& v : next) v = std::tanh(v);
      h.push_back(std::move(next));
    }
    std::vector<Matrix> result(layers, Matrix(w * w));
    Matrix d = h.back();
    for (double& v : d) v *= 2;
    for (std::size_t l = layers; l-- > 0;) {
      for (std::size_t e = 0; e < d.size(); ++e) d[e] *= 1 - h[l + 1][e] * h[l + 1][e];
      Matrix before(n * w);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t k = 0; k < w; ++k)
          for (std::size_t j = 0; j < w; ++j) {
            result[l][k * w + j] += h[l][i * w + k] * d[i * w + j];
            before[i * w + k] += weights_[l][k * w + j] * d[i * w + j];
          }
      d = std::move(before);
    }
    return result;
  }

  std::int64_t samples_, width_;
  std::vector<float> x_;
  std::vector<std::vector<float>> weights_;
};

Case network(const std::string& name, int layers, std::int64_t samples, std::int64_t width) {
  return {.name = name, .prepare = [=] { return Network(layers, samples, width).prepare(); }};
}

}  // namespace

std::vector<Case> program_cases() {
  return {thousand_operations(), growth(), network("mlp100_grad", 100, 32, 64),
          network("mlp10_grad", 10, 128, 256), digits_step()};
}

}  // namespace weft::bench
