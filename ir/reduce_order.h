// The order in which a reduction combines its elements: part of its meaning, a function of shapes.
//
// A reduction over any axes is a list of stages. Each stage views its input as [outer, n, inner]
// (row-major, adjacent axes merged) and reduces n:
//   inner == 1 ("along"):  32 lanes start at the identity; element i goes to lane i % 32 in order;
//                          then lane[l] = lane[l] op lane[l + h] for h = 16, 8, 4, 2, 1.
//   inner  > 1 ("across"): one accumulator starts at the identity and takes elements in order.
// Stages: take the innermost run of adjacent reduced axes (size-1 axes dropped first); from its
// last axis outwards merge axes while the merged size is below 64; if the merged n is above the
// chunk (65536 along, 256 across), first reduce chunks (the last one shorter: as if padded with the
// identity), leaving ceil(n / chunk) as a new reduced axis in its place; repeat.
#pragma once

#include <vector>

#include "ir/type.h"

namespace weft::ir {

inline constexpr std::int64_t reduce_lanes = 32;
inline constexpr std::int64_t along_chunk = 65536;
inline constexpr std::int64_t across_chunk = 256;
inline constexpr std::int64_t merge_below = 64;
/// dot_general sums k in order by fma from 0 inside blocks of this length; block sums add in order.
inline constexpr std::int64_t dot_block = 256;

struct ReduceStage {
  std::int64_t outer, n, inner;  // the input as a three-dimensional row-major array
  std::int64_t chunk;            // n <= chunk: one result; else ceil(n / chunk) results
  std::int64_t results() const { return n <= chunk ? 1 : (n + chunk - 1) / chunk; }
};

/// Empty when nothing is reduced. The product of stages maps `shape` to shape without `axes`.
std::vector<ReduceStage> reduce_stages(const Shape& shape, const std::vector<std::int64_t>& axes);

}  // namespace weft::ir
