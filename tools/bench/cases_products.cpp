// Matrix products: bound by fused multiply-adds.
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

template <class T>
std::function<double(std::int64_t)> product_at(const std::vector<T>& a, const std::vector<T>& b,
                                               std::int64_t n) {
  return [=](std::int64_t k) {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i)
      sum += static_cast<double>(a[at(k / n * n + i)]) * b[at(i * n + k % n)];
    return sum;
  };
}

/// Many products of one small size in one call, so that the call does not count.
Case batched_gemm(std::int64_t count, std::int64_t n) {
  return {.name = "gemm_f32_" + std::to_string(count) + "x" + std::to_string(n),
          .bound = Bound::flops,
          .bytes = 3.0 * static_cast<double>(count * n * n) * 4,
          .flops = 2.0 * static_cast<double>(count * n * n * n),
          .prepare = [=] {
            const auto a = values(count * n * n, 1), b = values(count * n * n, 2);
            auto want = [=](std::int64_t k) {
              const std::int64_t first = k / (n * n) * (n * n), i = k % (n * n) / n, j = k % n;
              double sum = 0;
              for (std::int64_t c = 0; c < n; ++c)
                sum += static_cast<double>(a[at(first + i * n + c)]) * b[at(first + c * n + j)];
              return sum;
            };
            return prepared([](const Tensor& x, const Tensor& y) { return x.matmul(y); },
                            compare(want, 1e-3), tensor(a).reshape({count, n, n}),
                            tensor(b).reshape({count, n, n}));
          }};
}

template <class T>
Case gemm(std::int64_t n) {
  const bool single = sizeof(T) == 4;
  return {.name = std::string("gemm_") + (single ? "f32_" : "f64_") + std::to_string(n),
          .bound = Bound::flops,
          .bytes = 3.0 * static_cast<double>(n * n) * sizeof(T),
          .flops = 2.0 * static_cast<double>(n * n * n),
          .prepare =
              [=] {
                const auto a = values<T>(n * n, 1), b = values<T>(n * n, 2);
                return prepared([](const Tensor& x, const Tensor& y) { return x.matmul(y); },
                                compare<T>(product_at(a, b, n), single ? 1e-3 : 1e-11),
                                tensor(a).reshape({n, n}), tensor(b).reshape({n, n}));
              },
          .doubles = !single};
}

Case gemm_bias_gelu() {
  return {.name = "gemm_bias_gelu_1024",
          .bound = Bound::ceiling,
          .bytes = 3.0 * 1024 * 1024 * 4,
          .flops = 2.0 * 1024 * 1024 * 1024,
          .prepare = [] {
            constexpr std::int64_t n = 1024;
            const auto a = values(n * n, 1, -0.125, 0.125), b = values(n * n, 2), c = values(n, 3);
            auto want = [c, product = product_at(a, b, n)](std::int64_t k) {
              const double x = product(k) + c[at(k % n)];
              return x * std::erfc(-x * std::sqrt(0.5)) / 2;
            };
            const Tensor x = tensor(a).reshape({n, n}), y = tensor(b).reshape({n, n});
            Prepared p = prepared([](const Tensor& l, const Tensor& r,
                                     const Tensor& bias) { return gelu(l.matmul(r) + bias); },
                                  compare(want, 1e-4), x, y, tensor(c));
            // The product alone, so that the fraction is what bias and GELU cost beside it.
            auto alone = [](const Tensor& l, const Tensor& r) { return l.matmul(r); };
            auto plain = std::make_shared<Jitted<decltype(alone)>>(jit(alone));
            auto product = std::make_shared<Tensor>();
            p.ceiling = std::make_shared<Ceiling>();
            p.ceiling->variants = {[=] {
              *product = (*plain)(x, y);
              product->data_ptr();
            }};
            p.ceiling->check = [=] {
              return compare_elements(product->data<float>(), n * n, product_at(a, b, n), 1e-4);
            };
            return p;
          }};
}

}  // namespace

std::vector<Case> product_cases() {
  std::vector<Case> cases;
  for (std::int64_t n : {16, 32, 64, 96, 128, 256, 512, 1024, 2048}) {
    cases.push_back(gemm<float>(n));
    cases.push_back(gemm<double>(n));
  }
  for (std::int64_t n : {16, 32}) cases.push_back(batched_gemm(64, n));
  cases.push_back(gemm_bias_gelu());
  return cases;
}

}  // namespace weft::bench
