// Attention, softmax(Q K' / sqrt(d)) V of [batch, heads, length, d], causal or not, and its
// gradients.
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

constexpr std::int64_t batch = 8, heads = 12, length = 512, depth = 64;
constexpr std::int64_t size = batch * heads * length * depth;
const Shape shape{batch, heads, length, depth};

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
  return scaled_dot_product_attention(q, k, v, {}, causal);
}

/// One head in double: rows of probabilities, and what is made of them.
class Head {
 public:
  Head(const float* q, const float* k, const float* v, bool causal)
      : q_(q), k_(k), v_(v), causal_(causal) {}

  std::vector<double> probabilities(std::int64_t i) const {
    std::vector<double> p(at(length));
    const std::int64_t seen = causal_ ? i + 1 : length;
    double sum = 0;
    for (std::int64_t j = 0; j < seen; ++j) sum += p[at(j)] = std::exp(dot(q_, i, k_, j) / 8);
    for (double& value : p) value /= sum;
    return p;
  }

  double output(std::int64_t i, std::int64_t c) const {
    const auto p = probabilities(i);
    double sum = 0;
    for (std::int64_t j = 0; j < length; ++j) sum += p[at(j)] * v_[j * depth + c];
    return sum;
  }

  /// Gradients of q, k and v along g.
  std::vector<std::vector<double>> gradients(const float* g) const {
    std::vector<std::vector<double>> d(3, std::vector<double>(at(length * depth)));
    for (std::int64_t i = 0; i < length; ++i) {
      const auto p = probabilities(i);
      std::vector<double> dp(at(length));
      double mean = 0;
      for (std::int64_t j = 0; j < length; ++j) mean += p[at(j)] * (dp[at(j)] = dot(g, i, v_, j));
      for (std::int64_t j = 0; j < length; ++j) {
        const double ds = p[at(j)] * (dp[at(j)] - mean) / 8;
        for (std::int64_t c = 0; c < depth; ++c) {
          d[0][at(i * depth + c)] += ds * k_[j * depth + c];
          d[1][at(j * depth + c)] += ds * q_[i * depth + c];
          d[2][at(j * depth + c)] += p[at(j)] * g[i * depth + c];
        }
      }
    }
    return d;
  }

 private:
  static double dot(const float* a, std::int64_t i, const float* b, std::int64_t j) {
    double sum = 0;
    for (std::int64_t c = 0; c < depth; ++c)
      sum += static_cast<double>(a[i * depth + c]) * b[j * depth + c];
    return sum;
  }

  const float *q_, *k_, *v_;
  bool causal_;
};

struct Inputs {
  std::vector<float> q = values(size, 1), k = values(size, 2), v = values(size, 3),
                     g = values(size, 4);
  Head head(std::int64_t h, bool causal) const {
    const std::int64_t first = h * length * depth;
    return {&q[at(first)], &k[at(first)], &v[at(first)], causal};
  }
};

std::string name(const char* what, bool causal) {
  return std::string("attention_8x12x512x64") + (causal ? "_causal" : "") + what;
}

// Two products forward, five for the gradients (scores again, then v's, probabilities', q's, k's);
// half of each where the future is masked.
double flops(int products, bool causal) {
  return products * 2.0 * static_cast<double>(size * length) * (causal ? 0.5 : 1);
}

Case forward(bool causal) {
  return {.name = name("", causal),
          .bound = Bound::flops,
          .bytes = 4.0 * 4 * size,
          .flops = flops(2, causal),
          .prepare = [causal] {
            const auto in = std::make_shared<Inputs>();
            auto want = [in, causal](std::int64_t e) {
              const std::int64_t row = e / depth;
              return in->head(row / length, causal).output(row % length, e % depth);
            };
            auto f = [causal](const Tensor& q, const Tensor& k, const Tensor& v) {
              return attention(q, k, v, causal);
            };
            return prepared(f, compare(want, 1e-5), tensor(in->q).reshape(shape),
                            tensor(in->k).reshape(shape), tensor(in->v).reshape(shape));
          }};
}

Case gradients(bool causal) {
  return {.name = name("_grad", causal),
          .bound = Bound::flops,
          .bytes = 7.0 * 4 * size,
          .flops = flops(5, causal),
          .prepare = [causal] {
            const auto in = std::make_shared<Inputs>();
            auto f = [causal](const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& g) {
              auto forward = [causal](const Tensor& a, const Tensor& b, const Tensor& c) {
                return attention(a, b, c, causal);
              };
              return vjp(forward, q, k, v).second(g);
            };
            auto compiled = std::make_shared<Jitted<decltype(f)>>(jit(f));
            const Tensor q = tensor(in->q).reshape(shape), k = tensor(in->k).reshape(shape),
                         v = tensor(in->v).reshape(shape), g = tensor(in->g).reshape(shape);
            auto last = std::make_shared<std::vector<Tensor>>();
            Prepared p;
            p.run = [=] {
              const auto [dq, dk, dv] = (*compiled)(q, k, v, g);
              *last = {dq, dk, dv};
              for (const Tensor& t : *last) t.data_ptr();
              return dq;
            };
            p.report = [=] { return compiled->report(); };
            p.check = [=](const Tensor&) -> std::string {
              for (std::int64_t h : {std::int64_t{0}, batch * heads - 1}) {  // whole heads
                const std::int64_t first = h * length * depth;
                const auto d = in->head(h, causal).gradients(&in->g[at(first)]);
                for (std::size_t which = 0; which < 3; ++which) {
                  const std::string wrong =
                      compare_elements((*last)[which].data<float>() + first, length * depth,
                                       [&](std::int64_t e) { return d[which][at(e)]; }, 1e-4);
                  if (!wrong.empty()) return std::string("d") + "qkv"[which] + ": " + wrong;
                }
              }
              return {};
            };
            return p;
          }};
}

}  // namespace

std::vector<Case> attention_cases() {
  return {forward(false), forward(true), gradients(false), gradients(true)};
}

}  // namespace weft::bench
