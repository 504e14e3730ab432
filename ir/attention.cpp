#include "ir/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "ir/scalar_element.h"
#include "ir/scalar_math.h"

namespace weft::ir {
namespace {

template <class T>
class Attention {
 public:
  explicit Attention(const AttentionShape& shape)
      : shape_(shape),
        query_(static_cast<std::size_t>(shape.depth * group)),
        sum_(static_cast<std::size_t>(shape.value_depth * group)),
        score_(static_cast<std::size_t>(attention_keys * group)) {
    ScalarBuilder b;
    exp_ = b.take(math::exp(b, b.param(0, sizeof(T) == 4 ? DType::f32 : DType::f64)));
  }

  void run(const T* q, const T* k, const T* v, T* o) {
    for (std::int64_t b = 0; b < shape_.batch; ++b)
      for (first_ = 0; first_ < shape_.queries; first_ += group)
        run_group(q + b * shape_.q.batch, k + b * shape_.k.batch, v + b * shape_.v.batch,
                  o + b * shape_.o.batch);
  }

 private:
  static constexpr std::int64_t group = attention_queries;
  using Row = std::array<T, group>;  // one value per query of the group

  void run_group(const T* q, const T* k, const T* v, T* o) {
    read_queries(q);
    std::fill(sum_.begin(), sum_.end(), T{0});
    largest_.fill(-std::numeric_limits<T>::infinity());
    total_.fill(0);
    const std::int64_t keys = shape_.causal ? std::min(shape_.keys, first_ + group) : shape_.keys;
    for (std::int64_t j = 0; j < keys; j += attention_keys)
      run_block(k, v, j, std::min(attention_keys, keys - j));
    for (std::int64_t i = 0; i < std::min(group, shape_.queries - first_); ++i)
      for (std::int64_t e = 0; e < shape_.value_depth; ++e)
        o[(first_ + i) * shape_.o.row + e] = keys == 0 ? T{0} : sum_[e * group + i] / total_[i];
  }

  /// query_[d, i], 0 beyond the last one.
  void read_queries(const T* q) {
    const T scale = static_cast<T>(shape_.scale);
    for (std::int64_t i = 0; i < group; ++i)
      for (std::int64_t d = 0; d < shape_.depth; ++d)
        query_[d * group + i] =
            first_ + i < shape_.queries ? q[(first_ + i) * shape_.q.row + d] * scale : T{0};
  }

  void run_block(const T* k, const T* v, std::int64_t first_key, std::int64_t keys) {
    Row rescale, reference, block_total{};
    for (std::int64_t i = 0; i < group; ++i) rescale[i] = largest_[i];
    for (std::int64_t j = 0; j < keys; ++j) find_scores(k, first_key + j, &score_[j * group]);
    for (std::int64_t i = 0; i < group; ++i) {
      reference[i] = std::isinf(largest_[i]) && largest_[i] < 0 ? T{0} : largest_[i];
      rescale[i] = rescale[i] - reference[i];
    }
    exponentials(rescale.data(), group);
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t i = 0; i < group; ++i) score_[j * group + i] -= reference[i];
    exponentials(score_.data(), keys * group);
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t i = 0; i < group; ++i) block_total[i] += score_[j * group + i];
    for (std::int64_t i = 0; i < group; ++i)
      total_[i] = std::fma(total_[i], rescale[i], block_total[i]);
    for (std::int64_t e = 0; e < shape_.value_depth; ++e) {
      T* sum = &sum_[e * group];
      for (std::int64_t i = 0; i < group; ++i) sum[i] *= rescale[i];
      for (std::int64_t j = 0; j < keys; ++j)
        element::fma_row(v[(first_key + j) * shape_.v.row + e], &score_[j * group], sum, group);
    }
  }

  void find_scores(const T* k, std::int64_t key, T* score) {
    std::fill(score, score + group, T{0});
    for (std::int64_t d = 0; d < shape_.depth; ++d)
      element::fma_row(k[key * shape_.k.row + d], &query_[d * group], score, group);
    for (std::int64_t i = 0; i < group; ++i) {
      if (shape_.causal && first_ + i < key) score[i] = -std::numeric_limits<T>::infinity();
      largest_[i] = score[i] > largest_[i] ? score[i] : largest_[i];
    }
  }

  void exponentials(T* x, std::int64_t n) {
    buffer_.assign(x, x + n);
    const void* const params[] = {buffer_.data()};
    const bool splat[] = {false};
    eval_scalar_program(exp_, params, splat, x, n);
  }

  const AttentionShape& shape_;
  ScalarProgram exp_;
  std::int64_t first_ = 0;                       // query of the group
  std::vector<T> query_, sum_, score_, buffer_;  // [depth or key, query of the group]
  Row largest_{}, total_{};
};

}  // namespace

void attention(DType dtype, const AttentionShape& shape, const void* q, const void* k,
               const void* v, void* o) {
  const auto run = [&]<class T>() {
    Attention<T>(shape).run(static_cast<const T*>(q), static_cast<const T*>(k),
                            static_cast<const T*>(v), static_cast<T*>(o));
  };
  dtype == DType::f32 ? run.template operator()<float>() : run.template operator()<double>();
}

}  // namespace weft::ir
