// Axes of a few elements beside one of millions: bound by the bytes that must move.
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

using Function = Tensor (*)(const Tensor&);
/// Element k of the result, given x and the size of the small axis.
using Reference = double (*)(const std::vector<float>& x, std::int64_t n, std::int64_t k);

Case small_case(const std::string& name, const Shape& shape, std::int64_t n, std::int64_t outputs,
                Function f, Reference reference) {
  std::int64_t count = 1;
  for (std::int64_t size : shape) count *= size;
  return {.name = "small_" + name,
          .bound = Bound::bandwidth,
          .bytes = static_cast<double>(count + outputs) * 4,
          .prepare = [=] {
            const auto a = values(count, 1);
            return prepared(f, compare([=](std::int64_t k) { return reference(a, n, k); }, 1e-5),
                            tensor(a).reshape(shape));
          }};
}

constexpr std::int64_t rows = 4 << 20;

double sum_of_row(const std::vector<float>& x, std::int64_t n, std::int64_t k) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += x[at(k * n + i)];
  return sum;
}

double sum_of_column(const std::vector<float>& x, std::int64_t n, std::int64_t k) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += x[at(i * rows + k)];
  return sum;
}

double sum_of_pairs(const std::vector<float>& x, std::int64_t, std::int64_t k) {
  const std::int64_t first = k / 2 * 4 + k % 2;
  return static_cast<double>(x[at(first)]) + x[at(first + 2)];
}

double softmax_of_row(const std::vector<float>& x, std::int64_t n, std::int64_t k) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::exp(double{x[at(k / n * n + i)]});
  return std::exp(double{x[at(k)]}) / sum;
}

}  // namespace

std::vector<Case> small_axis_cases() {
  return {
      small_case(
          "sum_4Mx3_axis1", {rows, 3}, 3, rows, [](const Tensor& x) { return x.sum(1); },
          sum_of_row),
      small_case(
          "sum_3x4M_axis0", {3, rows}, 3, rows, [](const Tensor& x) { return x.sum(0); },
          sum_of_column),
      small_case(
          "sum_4Mx2x2_axis1", {rows, 2, 2}, 2, 2 * rows, [](const Tensor& x) { return x.sum(1); },
          sum_of_pairs),
      small_case(
          "scale_4Mx3", {rows, 3}, 3, 3 * rows,
          [](const Tensor& x) {
            return x * tensor({1.0, 2.0, 4.0});
          },
          [](const std::vector<float>& x, std::int64_t n, std::int64_t k) {
            return double{x[at(k)]} * static_cast<double>(1 << k % n);
          }),
      small_case(
          "transpose_4Mx3", {rows, 3}, 3, 3 * rows,
          [](const Tensor& x) { return x.t().contiguous(); },
          [](const std::vector<float>& x, std::int64_t n, std::int64_t k) {
            return double{x[at(k % rows * n + k / rows)]};
          }),
      small_case(
          "softmax_4Mx4", {rows, 4}, 4, 4 * rows, [](const Tensor& x) { return x.softmax(1); },
          softmax_of_row),
  };
}

}  // namespace weft::bench
