// What the plain versions of attention and of its gradients share: the queries of a group stand
// side by side, as lanes. Private to ir/attention*.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "ir/attention.h"
#include "ir/scalar_element.h"
#include "ir/scalar_math.h"

namespace weft::ir {

template <class T>
class AttentionLanes {
 public:
  static constexpr std::int64_t group = attention_queries;
  using Row = std::array<T, group>;  // one value per query of the group

  AttentionLanes() {
    ScalarBuilder b;
    exp_ = b.take(math::exp(b, b.param(0, sizeof(T) == 4 ? DType::f32 : DType::f64)));
  }

  /// to[d, i] = factor * row i of x at d; 0 from `rows` on.
  static void turn(const T* x, std::int64_t stride, std::int64_t rows, std::int64_t depth, T factor,
                   std::vector<T>& to) {
    for (std::int64_t i = 0; i < group; ++i)
      for (std::int64_t d = 0; d < depth; ++d)
        to[d * group + i] = i < rows ? x[i * stride + d] * factor : T{0};
  }

  /// to[i] = sum over d of row[d] * turned[d, i].
  static void products(const T* row, std::int64_t depth, const std::vector<T>& turned, T* to) {
    std::fill(to, to + group, T{0});
    for (std::int64_t d = 0; d < depth; ++d)
      element::fma_row(row[d], &turned[d * group], to, group);
  }

  /// -inf where query first + i comes before the key.
  static void hide(std::int64_t first, std::int64_t key, T* score) {
    for (std::int64_t i = 0; i < group; ++i)
      if (first + i < key) score[i] = -std::numeric_limits<T>::infinity();
  }
  /// What scores are compared with.
  static T reference(T largest) {
    return largest == -std::numeric_limits<T>::infinity() ? T{0} : largest;
  }

  void exponentials(T* x, std::int64_t n) {
    buffer_.assign(x, x + n);
    const void* const params[] = {buffer_.data()};
    const bool splat[] = {false};
    eval_scalar_program(exp_, params, splat, x, n);
  }

 private:
  ScalarProgram exp_;
  std::vector<T> buffer_;
};

}  // namespace weft::ir
