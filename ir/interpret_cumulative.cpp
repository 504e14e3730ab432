// Cumulative operations, in the order that ir/reduce_order.h makes part of their meaning.
#include <algorithm>
#include <array>
#include <string>

#include "ir/interpret_monoid.h"
#include "ir/interpret_parts.h"
#include "ir/reduce_order.h"

namespace weft::ir {

namespace {

/// A line of n elements at distance `step`, in the order in which they are taken.
template <class T>
struct Line {
  T* first;
  std::int64_t step, n;
  T& at(std::int64_t i) const { return first[i * step]; }
};

template <auto combine, class T>
void scan_along(Line<T> line, T identity) {
  constexpr std::int64_t block = cumulative_block;
  T carry = identity;
  std::array<T, block> lane;
  for (std::int64_t begin = 0; begin < line.n; begin += block) {
    const std::int64_t length = std::min(block, line.n - begin);
    lane.fill(identity);
    for (std::int64_t l = 0; l < length; ++l) lane[l] = line.at(begin + l);
    for (std::int64_t h = 1; h < block; h *= 2)
      for (std::int64_t l = 0; l < block; ++l)
        if (l & h) lane[l] = combine(lane[(l & ~(2 * h - 1)) + h - 1], lane[l]);
    for (std::int64_t l = 0; l < length; ++l) line.at(begin + l) = combine(carry, lane[l]);
    carry = combine(carry, lane[block - 1]);
  }
}

template <auto combine, class T>
void scan_across(Line<T> line, T identity) {
  T sum = identity;
  for (std::int64_t i = 0; i < line.n; ++i) line.at(i) = sum = combine(sum, line.at(i));
}

/// Each line of x along the axis by itself, whatever its length.
template <auto combine, class T>
void scan_lines(const Node& node, Literal& x, std::int64_t axis, T identity) {
  const bool reverse = node.attrs.boolean("reverse"),
             in_order = cumulative_in_order(node.attrs.string("kind"));
  const Shape& shape = x.type().shape;
  const std::int64_t inner = row_major_strides(shape)[axis], n = shape[axis];
  if (x.type().elements() == 0) return;
  for (std::int64_t line = 0; line < x.type().elements() / n; ++line) {
    T* first = x.mutable_as<T>() + line / inner * n * inner + line % inner;
    const Line<T> taken =
        reverse ? Line<T>{first + (n - 1) * inner, -inner, n} : Line<T>{first, inner, n};
    if (inner == 1 && !in_order)
      scan_along<combine>(taken, identity);
    else
      scan_across<combine>(taken, identity);
  }
}

template <auto combine, class T>
Literal scan(const Node& node, const Literal& x, T identity);

/// What stands before each chunk of [outer, n, inner], as [outer, chunks, inner].
template <auto combine, class T>
Literal totals_before(const Node& node, const Literal& x, std::int64_t chunks, T identity) {
  const bool reverse = node.attrs.boolean("reverse");
  const Shape& shape = x.type().shape;
  const std::int64_t outer = shape[0], n = shape[1], inner = shape[2];
  const std::int64_t whole = (chunks - 1) * cumulative_chunk, first = reverse ? n - whole : 0;
  // All chunks but the last that is taken, as they lie.
  Literal cut = Literal::zeros({x.type().dtype, {outer, chunks - 1, cumulative_chunk, inner}});
  for (std::int64_t o = 0; o < outer; ++o)
    std::copy_n(x.as<T>() + (o * n + first) * inner, whole * inner,
                cut.mutable_as<T>() + o * whole * inner);
  Node reduce;
  reduce.op = Op::reduce;
  reduce.attrs = {{"kind", node.attrs.string("kind")}, {"axes", Ints{2}}};
  Node along;
  along.op = Op::cumulative;
  along.attrs = node.attrs;
  along.attrs.set("axis", std::int64_t{1});
  const Literal sums = scan<combine>(along, interpret_reduce(reduce, cut), identity);

  Literal before = Literal::zeros({x.type().dtype, {outer, chunks, inner}});
  T* out = before.mutable_as<T>();
  std::fill_n(out, outer * chunks * inner, identity);
  for (std::int64_t o = 0; o < outer; ++o)
    std::copy_n(sums.as<T>() + o * (chunks - 1) * inner, (chunks - 1) * inner,
                out + (o * chunks + (reverse ? 0 : 1)) * inner);
  return before;
}

template <auto combine, class T>
Literal scan_in_chunks(const Node& node, const Literal& x, T identity) {
  const bool reverse = node.attrs.boolean("reverse");
  const Shape& shape = x.type().shape;
  const std::int64_t outer = shape[0], n = shape[1], inner = shape[2];
  const std::int64_t chunks = (n + cumulative_chunk - 1) / cumulative_chunk;
  const Literal before = totals_before<combine>(node, x, chunks, identity);
  Literal result = Literal::zeros(x.type());
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t c = 0; c < chunks; ++c) {
      // In reverse the shorter chunk is the first in memory.
      const std::int64_t first =
          reverse ? std::max<std::int64_t>(0, n - (chunks - c) * cumulative_chunk)
                  : c * cumulative_chunk;
      const std::int64_t limit =
          reverse ? n - (chunks - c - 1) * cumulative_chunk : std::min(n, first + cumulative_chunk);
      Literal part = Literal::zeros({x.type().dtype, {1, limit - first, inner}});
      const std::int64_t at = (o * n + first) * inner, count = (limit - first) * inner;
      std::copy_n(x.as<T>() + at, count, part.mutable_as<T>());
      scan_lines<combine>(node, part, 1, identity);
      const T* total = before.as<T>() + (o * chunks + c) * inner;
      for (std::int64_t k = 0; k < count; ++k)
        result.mutable_as<T>()[at + k] = combine(total[k % inner], part.as<T>()[k]);
    }
  }
  return result;
}

template <auto combine, class T>
Literal scan(const Node& node, const Literal& x, T identity) {
  const std::int64_t axis = node.attrs.integer("axis"), n = x.type().shape[axis];
  if (n <= cumulative_chunk || cumulative_in_order(node.attrs.string("kind"))) {
    Literal result = x;
    scan_lines<combine>(node, result, axis, identity);
    return result;
  }
  const std::int64_t inner = row_major_strides(x.type().shape)[axis];
  const Type viewed{x.type().dtype, {x.type().elements() / (n * inner), n, inner}};
  const Literal view(viewed, {x.data(), x.data() + x.type().bytes()});
  const Literal result = scan_in_chunks<combine>(node, view, identity);
  return Literal(x.type(), {result.data(), result.data() + viewed.bytes()});
}

}  // namespace

Literal interpret_cumulative(const Node& node, const Literal& x) {
  Literal result;
  const auto run = [&]<class T>() {
    return with_monoid<T>(
        node.attrs.string("kind"), [&]<auto combine>(T identity) {
          result = scan<combine>(node, x, identity);
        });
  };
  if (!element::with_type(x.type().dtype, run, [] { return false; }))
    no_arithmetic(node, x.type().dtype);
  return result;
}

}  // namespace weft::ir
