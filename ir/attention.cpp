#include "ir/attention.h"

#include <cmath>

#include "ir/attention_lanes.h"

namespace weft::ir {
namespace {

template <class T>
class Attention {
 public:
  explicit Attention(const AttentionShape& shape)
      : shape_(shape),
        query_(static_cast<std::size_t>(shape.depth * group)),
        sum_(static_cast<std::size_t>(shape.value_depth * group)),
        score_(static_cast<std::size_t>(attention_keys * group)) {}

  void run(const T* q, const T* k, const T* v, T* o) {
    for (std::int64_t b = 0; b < shape_.batch; ++b)
      for (first_ = 0; first_ < shape_.queries; first_ += group)
        run_group(q + b * shape_.q.batch, k + b * shape_.k.batch, v + b * shape_.v.batch,
                  o + b * shape_.o.batch);
  }

 private:
  using Lanes = AttentionLanes<T>;
  using Row = typename Lanes::Row;
  static constexpr std::int64_t group = attention_queries;

  void run_group(const T* q, const T* k, const T* v, T* o) {
    const std::int64_t queries = std::min(group, shape_.queries - first_);
    Lanes::turn(q + first_ * shape_.q.row, shape_.q.row, queries, shape_.depth,
                static_cast<T>(shape_.scale), query_);
    std::fill(sum_.begin(), sum_.end(), T{0});
    largest_.fill(-std::numeric_limits<T>::infinity());
    total_.fill(0);
    const std::int64_t keys = shape_.causal ? std::min(shape_.keys, first_ + group) : shape_.keys;
    for (std::int64_t j = 0; j < keys; j += attention_keys)
      run_block(k, v, j, std::min(attention_keys, keys - j));
    for (std::int64_t i = 0; i < queries; ++i)
      for (std::int64_t e = 0; e < shape_.value_depth; ++e)
        o[(first_ + i) * shape_.o.row + e] = keys == 0 ? T{0} : sum_[e * group + i] / total_[i];
  }

  void run_block(const T* k, const T* v, std::int64_t first_key, std::int64_t keys) {
    Row rescale = largest_, reference, block_total{};
    for (std::int64_t j = 0; j < keys; ++j) find_scores(k, first_key + j, &score_[j * group]);
    for (std::int64_t i = 0; i < group; ++i) {
      reference[i] = Lanes::reference(largest_[i]);
      rescale[i] = rescale[i] - reference[i];
    }
    lanes_.exponentials(rescale.data(), group);
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t i = 0; i < group; ++i) score_[j * group + i] -= reference[i];
    lanes_.exponentials(score_.data(), keys * group);
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
    Lanes::products(k + key * shape_.k.row, shape_.depth, query_, score);
    if (shape_.causal) Lanes::hide(first_, key, score);
    for (std::int64_t i = 0; i < group; ++i)
      largest_[i] = score[i] > largest_[i] ? score[i] : largest_[i];
  }

  const AttentionShape& shape_;
  Lanes lanes_;
  std::int64_t first_ = 0;              // query of the group
  std::vector<T> query_, sum_, score_;  // [depth or key, query of the group]
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
