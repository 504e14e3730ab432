// attention and its derivatives in long double, one score after another.
#include <algorithm>
#include <cmath>

#include "tests/ops/reference.h"

namespace weft::test {

using namespace weft::ir;

namespace {

using Row = std::vector<long double>;

/// One index of the batch axes.
class Head {
 public:
  Head(const Sample& s, std::span<const Literal> x, std::int64_t batch)
      : s_(s), x_(x), batch_(batch), scale_(s.attrs.real("scale")) {}

  /// Adds what this head contributes to a result with `columns` columns.
  template <class AddTo>
  void run(const AddTo& add_to) const {
    for (std::int64_t i = 0; i < rows(0); ++i) {
      const Row p = probabilities(i);
      if (s_.op == Op::attention) {
        add_sum(add_to, i, p, 2);
      } else if (s_.op == Op::attention_tangent) {
        add_tangent(add_to, i, p);
      } else {
        add_gradient(add_to, i, p);
      }
    }
  }

  std::int64_t rows(std::size_t operand) const { return x_[operand].type().shape.end()[-2]; }
  std::int64_t columns(std::size_t operand) const { return x_[operand].type().shape.end()[-1]; }

 private:
  long double at(std::size_t operand, std::int64_t row, std::int64_t column) const {
    return x_[operand].at((batch_ * rows(operand) + row) * columns(operand) + column);
  }
  long double dot(std::size_t a, std::int64_t i, std::size_t b, std::int64_t j) const {
    long double sum = 0;
    for (std::int64_t d = 0; d < columns(a); ++d) sum += at(a, i, d) * at(b, j, d);
    return sum;
  }

  /// softmax of the scores that query i sees.
  Row probabilities(std::int64_t i) const {
    const std::int64_t seen = s_.attrs.boolean("causal") ? std::min(rows(1), i + 1) : rows(1);
    Row p;
    long double largest = -HUGE_VALL, total = 0;
    for (std::int64_t j = 0; j < seen; ++j) {
      p.push_back(dot(0, i, 1, j) * scale_);
      largest = std::max(largest, p.back());
    }
    for (long double& x : p) total += x = std::exp(x - largest);
    for (long double& x : p) x /= total;
    return p;
  }

  /// The derivative of softmax along `along`.
  static Row through_softmax(const Row& p, const Row& along) {
    long double mean = 0;
    for (std::size_t j = 0; j < p.size(); ++j) mean += p[j] * along[j];
    Row moved;
    for (std::size_t j = 0; j < p.size(); ++j) moved.push_back(p[j] * (along[j] - mean));
    return moved;
  }

  /// result[row] += sum over j of weight[j] * x[operand][j]
  template <class AddTo>
  void add_sum(const AddTo& add_to, std::int64_t row, const Row& weight,
               std::size_t operand) const {
    for (std::size_t j = 0; j < weight.size(); ++j)
      for (std::int64_t d = 0; d < columns(operand); ++d)
        add_to(row, d, weight[j] * at(operand, static_cast<std::int64_t>(j), d));
  }

  template <class AddTo>
  void add_tangent(const AddTo& add_to, std::int64_t i, const Row& p) const {
    const std::string& wrt = s_.attrs.string("wrt");
    if (wrt == "value") return add_sum(add_to, i, p, 3);
    Row along;
    for (std::int64_t j = 0; j < std::ssize(p); ++j)
      along.push_back(scale_ * (wrt == "query" ? dot(3, i, 1, j) : dot(0, i, 3, j)));
    add_sum(add_to, i, through_softmax(p, along), 2);
  }

  template <class AddTo>
  void add_gradient(const AddTo& add_to, std::int64_t i, const Row& p) const {
    const std::string& wrt = s_.attrs.string("wrt");
    Row along;
    for (std::int64_t j = 0; j < std::ssize(p); ++j) along.push_back(scale_ * dot(3, i, 2, j));
    const Row moved = through_softmax(p, along);
    if (wrt == "query") return add_sum(add_to, i, moved, 1);
    const std::size_t operand = wrt == "key" ? 0 : 3;
    for (std::size_t j = 0; j < p.size(); ++j)
      for (std::int64_t d = 0; d < columns(operand); ++d)
        add_to(static_cast<std::int64_t>(j), d,
               (wrt == "key" ? moved[j] : p[j]) * at(operand, i, d));
  }

  const Sample& s_;
  std::span<const Literal> x_;
  std::int64_t batch_;
  long double scale_;
};

}  // namespace

Literal attention_reference(const Sample& s, std::span<const Literal> x) {
  Type type = x[0].type();
  if (s.op == Op::attention_gradient) {
    const std::string& wrt = s.attrs.string("wrt");
    type = x[wrt == "query" ? 0 : wrt == "key" ? 1 : 2].type();
  } else {
    type.shape.back() = x[2].type().shape.back();
  }
  Literal result = Literal::zeros(type);
  const std::int64_t rows = type.shape.end()[-2], columns = type.shape.end()[-1];
  std::vector<long double> sums(static_cast<std::size_t>(type.elements()));
  const std::int64_t batches = elements(Shape(type.shape.begin(), type.shape.end() - 2));
  for (std::int64_t batch = 0; batch < batches; ++batch)
    Head(s, x, batch).run([&](std::int64_t row, std::int64_t column, long double value) {
      sums[static_cast<std::size_t>((batch * rows + row) * columns + column)] += value;
    });
  for (std::size_t k = 0; k < sums.size(); ++k) {
    if (type.dtype == DType::f32)
      result.mutable_as<float>()[k] = static_cast<float>(sums[k]);
    else
      result.mutable_as<double>()[k] = static_cast<double>(sums[k]);
  }
  return result;
}

}  // namespace weft::test
