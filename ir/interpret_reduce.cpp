// Reductions, in the order that ir/reduce_order.h makes part of their meaning, and arg max and min.
#include <algorithm>
#include <array>
#include <string>

#include <weft/error.h>
#include "ir/interpret_monoid.h"
#include "ir/interpret_parts.h"
#include "ir/reduce_order.h"
#include "ir/scalar_element.h"

namespace weft::ir {

namespace {

template <auto combine, class T>
T reduce_along(const T* x, std::int64_t n, T identity) {
  std::array<T, reduce_lanes> lane;
  lane.fill(identity);
  std::int64_t i = 0;
  for (; i + reduce_lanes <= n; i += reduce_lanes)
    for (std::int64_t l = 0; l < reduce_lanes; ++l) lane[l] = combine(lane[l], x[i + l]);
  for (; i < n; ++i) lane[i % reduce_lanes] = combine(lane[i % reduce_lanes], x[i]);
  for (std::int64_t h = reduce_lanes / 2; h > 0; h /= 2)
    for (std::int64_t l = 0; l < h; ++l) lane[l] = combine(lane[l], lane[l + h]);
  return lane[0];
}

template <auto combine, class T>
void reduce_across(const T* x, std::int64_t n, std::int64_t inner, T identity, T* out) {
  std::fill(out, out + inner, identity);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < inner; ++j) out[j] = combine(out[j], x[i * inner + j]);
}

/// One stage: [outer, n, inner] to [outer, results, inner].
template <auto combine, class T>
Literal run_stage(const ReduceStage& stage, const Literal& x, T identity) {
  const std::int64_t results = stage.results();
  Literal out = Literal::zeros({x.type().dtype, {stage.outer, results, stage.inner}});
  for (std::int64_t o = 0; o < stage.outer; ++o) {
    for (std::int64_t r = 0; r < results; ++r) {
      const std::int64_t begin = r * stage.chunk;
      const std::int64_t length = std::min(stage.chunk, stage.n - begin);
      const T* from = x.as<T>() + (o * stage.n + begin) * stage.inner;
      T* to = out.mutable_as<T>() + (o * results + r) * stage.inner;
      if (stage.inner == 1)
        *to = reduce_along<combine>(from, length, identity);
      else
        reduce_across<combine>(from, length, stage.inner, identity, to);
    }
  }
  return out;
}

Shape without_axes(const Shape& shape, const Ints& axes) {
  Shape kept;
  for (std::size_t k = 0; k < shape.size(); ++k)
    if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) == axes.end())
      kept.push_back(shape[k]);
  return kept;
}

/// The index of the first extreme of n elements at distance `step`; NaN is more extreme than any.
template <class T, class Beats>
std::int64_t first_extreme(const T* x, std::int64_t n, std::int64_t step, Beats beats) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < n; ++i) {
    const T challenger = x[i * step], champion = x[best * step];
    const bool champion_is_nan = champion != champion, challenger_is_nan = challenger != challenger;
    if (!champion_is_nan && (challenger_is_nan || beats(challenger, champion))) best = i;
  }
  return best;
}

}  // namespace

Literal interpret_reduce(const Node& node, const Literal& x) {
  const Ints& axes = node.attrs.ints("axes");
  const std::string& kind = node.attrs.string("kind");
  Literal value = x;
  const auto run = [&]<class T>() {
    return with_monoid<T>(
        kind, [&]<auto combine>(T identity) {
          for (const ReduceStage& stage : reduce_stages(x.type().shape, axes))
            value = run_stage<combine>(stage, value, identity);
        });
  };
  if (!element::with_type(x.type().dtype, run, [] { return false; }))
    no_arithmetic(node, x.type().dtype);
  return Literal({x.type().dtype, without_axes(x.type().shape, axes)},
                 {value.data(), value.data() + value.type().bytes()});
}

Literal interpret_arg_extreme(const Node& node, const Literal& x) {
  const std::int64_t axis = node.attrs.integer("axis");
  const Shape& shape = x.type().shape;
  const std::int64_t inner = row_major_strides(shape)[axis], n = shape[axis];
  Literal result = Literal::zeros({DType::i64, without_axes(shape, {axis})});
  std::int64_t* out = result.mutable_as<std::int64_t>();
  const std::int64_t count = result.type().elements();

  const auto run = [&]<class T>() {
    const T* data = x.as<T>();
    for (std::int64_t r = 0; r < count; ++r) {
      const T* column = data + r / inner * n * inner + r % inner;
      out[r] = node.op == Op::argmax
                   ? first_extreme(column, n, inner, [](T a, T b) { return a > b; })
                   : first_extreme(column, n, inner, [](T a, T b) { return a < b; });
    }
  };
  element::with_type(x.type().dtype, run, [&] { no_arithmetic(node, x.type().dtype); });
  return result;
}

}  // namespace weft::ir
