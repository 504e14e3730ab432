// Reductions: bound by reading their operand once.
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

/// Reduces axis `axis` of a row-major array, element k of the result, in double.
double reduced(const std::vector<float>& a, const Shape& shape, std::size_t axis, bool maximum,
               std::int64_t k) {
  std::int64_t inner = 1;
  for (std::size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
  const std::int64_t n = shape[axis], first = k / inner * inner * n + k % inner;
  double result = a[at(first)];
  for (std::int64_t i = 1; i < n; ++i) {
    const double v = a[at(first + i * inner)];
    result = maximum ? std::max(result, v) : result + v;
  }
  return result;
}

Case axis_case(const Shape& shape, int axis, bool maximum) {
  std::string name = maximum ? "max_" : "sum_";
  std::int64_t count = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    name += (d ? "x" : "") + std::to_string(shape[d]);
    count *= shape[d];
  }
  return {.name = name + "_axis" + std::to_string(axis),
          .bound = Bound::bandwidth,
          .bytes = static_cast<double>(count) * 4,
          .flops = static_cast<double>(count),
          .prepare =
              [=] {
                const auto a = values(count, 1);
                auto want = [=](std::int64_t k) {
                  return reduced(a, shape, static_cast<std::size_t>(axis), maximum, k);
                };
                auto f = [axis, maximum](const Tensor& x) {
                  return maximum ? x.amax({axis}) : x.sum(axis);
                };
                return prepared(f, compare(want, maximum ? 0 : 1e-3), tensor(a).reshape(shape));
              },
          .reads_only = true};
}

Case sum_all() {
  return {.name = "sum_16M",
          .bound = Bound::bandwidth,
          .bytes = 16 * mega * 4,
          .flops = 16 * mega,
          .prepare =
              [] {
                const auto a = values(16 << 20, 1);
                double sum = 0;
                for (float v : a) sum += v;
                return prepared([](const Tensor& x) { return x.sum(); },
                                compare([sum](std::int64_t) { return sum; }, 1e-3), tensor(a));
              },
          .reads_only = true};
}

Case neighbour_differences() {
  return {.name = "neighbour_diff_sq_sum",
          .bound = Bound::bandwidth,
          .bytes = 16 * mega * 4,
          .flops = 3 * 16 * mega,
          .prepare =
              [] {
                constexpr std::int64_t n = 16 << 20;
                const auto a = values(n, 1);
                double sum = 0;
                for (std::size_t k = 1; k < a.size(); ++k) {
                  const double d = static_cast<double>(a[k]) - a[k - 1];
                  sum += d * d;
                }
                auto f = [](const Tensor& x) {
                  const Tensor d = x.narrow(0, 1, n - 1) - x.narrow(0, 0, n - 1);
                  return (d * d).sum();
                };
                return prepared(f, compare([sum](std::int64_t) { return sum; }, 1e-5), tensor(a));
              },
          .reads_only = true};
}

}  // namespace

std::vector<Case> reduction_cases() {
  std::vector<Case> cases;
  for (const Shape& shape : {Shape{4096, 4096}, Shape{128, 128, 128}}) {
    for (bool maximum : {false, true}) {
      for (std::size_t axis = 0; axis < shape.size(); ++axis)
        cases.push_back(axis_case(shape, static_cast<int>(axis), maximum));
    }
  }
  cases.push_back(sum_all());
  cases.push_back(neighbour_differences());
  return cases;
}

}  // namespace weft::bench
