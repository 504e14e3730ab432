#include <cmath>

#include "ir/attention_lanes.h"

namespace weft::ir {
namespace {

template <class T>
class AttentionGradient {
 public:
  AttentionGradient(const AttentionGradientShape& shape, const void* const (&operands)[4],
                    void* const (&results)[3])
      : shape_(shape),
        query_(static_cast<std::size_t>(shape.depth * group)),
        cotangent_(static_cast<std::size_t>(shape.value_depth * group)),
        p_(static_cast<std::size_t>(shape.keys * group)),
        w_(p_.size()),
        key_sums_(static_cast<std::size_t>(shape.keys * shape.depth)),
        value_sums_(static_cast<std::size_t>(shape.keys * shape.value_depth)) {
    for (std::size_t k = 0; k < 4; ++k) operands_[k] = static_cast<const T*>(operands[k]);
    for (std::size_t k = 0; k < 3; ++k) results_[k] = static_cast<T*>(results[k]);
  }

  void run() {
    const std::int64_t chunks =
        std::max<std::int64_t>(1, (shape_.queries + shape_.chunk - 1) / shape_.chunk);
    const std::int64_t chunks_of_part = (chunks + shape_.parts - 1) / shape_.parts;
    for (batch_ = 0; batch_ < shape_.batch; ++batch_)
      for (std::int64_t c = 0; c < chunks; ++c) {
        std::fill(key_sums_.begin(), key_sums_.end(), T{0});
        std::fill(value_sums_.begin(), value_sums_.end(), T{0});
        const std::int64_t last = std::min(shape_.queries, (c + 1) * shape_.chunk);
        for (first_ = c * shape_.chunk; first_ < last; first_ += group) run_group();
        const bool begins = c % chunks_of_part == 0;
        const std::int64_t part = c / chunks_of_part;
        add_chunk(key_sums_, shape_.depth, shape_.dk, part * shape_.part_of_k, results_[1], begins);
        add_chunk(value_sums_, shape_.value_depth, shape_.dv, part * shape_.part_of_v, results_[2],
                  begins);
      }
  }

 private:
  using Lanes = AttentionLanes<T>;
  using Row = typename Lanes::Row;
  static constexpr std::int64_t group = attention_queries;

  void add_chunk(const std::vector<T>& sums, std::int64_t depth, const AttentionStrides& to,
                 std::int64_t offset, T* result, bool begins) const {
    if (!result) return;
    for (std::int64_t j = 0; j < shape_.keys; ++j)
      for (std::int64_t d = 0; d < depth; ++d) {
        T& total = result[batch_ * to.batch + offset + j * to.row + d];
        total = (begins ? T{0} : total) + sums[j * depth + d];
      }
  }

  const T* row(std::size_t operand, const AttentionStrides& strides, std::int64_t number) const {
    return operands_[operand] + batch_ * strides.batch + number * strides.row;
  }

  void run_group() {
    const std::int64_t queries = std::min(group, shape_.queries - first_);
    const std::int64_t keys = shape_.causal ? std::min(shape_.keys, first_ + group) : shape_.keys;
    const T scale = static_cast<T>(shape_.scale);
    Lanes::turn(row(0, shape_.q, first_), shape_.q.row, queries, shape_.depth, scale, query_);
    Lanes::turn(row(3, shape_.o, first_), shape_.o.row, queries, shape_.value_depth, T{1},
                cotangent_);
    find_probabilities(keys);
    add_rows(keys, queries, w_, query_, shape_.depth, key_sums_);
    add_rows(keys, queries, p_, cotangent_, shape_.value_depth, value_sums_);
    if (results_[0]) find_query_gradient(keys, queries, scale);
  }

  /// p and w of the group.
  void find_probabilities(std::int64_t keys) {
    Row largest, total{}, moved{};
    largest.fill(-std::numeric_limits<T>::infinity());
    for (std::int64_t j = 0; j < keys; ++j) {
      T* score = &p_[j * group];
      Lanes::products(row(1, shape_.k, j), shape_.depth, query_, score);
      if (shape_.causal) Lanes::hide(first_, j, score);
      for (std::int64_t i = 0; i < group; ++i)
        largest[i] = score[i] > largest[i] ? score[i] : largest[i];
      Lanes::products(row(2, shape_.v, j), shape_.value_depth, cotangent_, &w_[j * group]);
    }
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t i = 0; i < group; ++i) p_[j * group + i] -= Lanes::reference(largest[i]);
    lanes_.exponentials(p_.data(), keys * group);
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t i = 0; i < group; ++i) {
        total[i] += p_[j * group + i];
        moved[i] = std::fma(p_[j * group + i], w_[j * group + i], moved[i]);
      }
    for (std::int64_t i = 0; i < group; ++i) {
      total[i] = T{1} / total[i];
      moved[i] = moved[i] * total[i];
    }
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t i = 0; i < group; ++i) {
        p_[j * group + i] *= total[i];
        w_[j * group + i] = p_[j * group + i] * (w_[j * group + i] - moved[i]);
      }
  }

  /// sums[j, d] += sum over the queries i of weight[j, i] * turned[d, i].
  static void add_rows(std::int64_t keys, std::int64_t queries, const std::vector<T>& weight,
                       const std::vector<T>& turned, std::int64_t depth, std::vector<T>& sums) {
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t d = 0; d < depth; ++d) {
        T& sum = sums[j * depth + d];
        for (std::int64_t i = 0; i < queries; ++i)
          sum = std::fma(weight[j * group + i], turned[d * group + i], sum);
      }
  }

  void find_query_gradient(std::int64_t keys, std::int64_t queries, T scale) {
    for (std::int64_t d = 0; d < shape_.depth; ++d) {
      Row sum{};
      for (std::int64_t j = 0; j < keys; ++j)
        element::fma_row(row(1, shape_.k, j)[d], &w_[j * group], sum.data(), group);
      for (std::int64_t i = 0; i < queries; ++i)
        results_[0][batch_ * shape_.dq.batch + (first_ + i) * shape_.dq.row + d] = sum[i] * scale;
    }
  }

  const AttentionGradientShape& shape_;
  Lanes lanes_;
  const T* operands_[4];
  T* results_[3];
  std::int64_t batch_ = 0, first_ = 0;    // first_: query of the group
  std::vector<T> query_, cotangent_;      // [depth, query of the group]
  std::vector<T> p_, w_;                  // [key, query of the group]
  std::vector<T> key_sums_, value_sums_;  // of the chunk
};

}  // namespace

void attention_gradient(DType dtype, const AttentionGradientShape& shape,
                        const void* const (&operands)[4], void* const (&results)[3]) {
  const auto run = [&]<class T>() { AttentionGradient<T>(shape, operands, results).run(); };
  dtype == DType::f32 ? run.template operator()<float>() : run.template operator()<double>();
}

}  // namespace weft::ir
