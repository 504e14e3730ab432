// The order in which a reduction, or a cumulative operation, combines its elements: part of its
// meaning, a function of shapes.
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
//
// A cumulative operation views its operand as [outer, n, inner], too, and takes n in order; in
// reverse, from its end. Up to cumulative_chunk elements:
//   inner == 1 ("along"):  in blocks of 16, the last one perhaps shorter. In a block, for h = 1, 2,
//                          4, 8: every lane l with l & h becomes lane[(l & ~(2h - 1)) + h - 1] op
//                          lane[l]. Then element l is carry op lane[l], and the next block's carry
//                          is carry op lane[15]; the first one's is the identity.
//   inner  > 1 ("across"): one accumulator starts at the identity and takes elements in order.
// Products take elements in order everywhere and are never cut: a block of factors by itself can
// overflow where all of them together do not (0 before it would become a NaN).
// Longer ones are cut into chunks, in the order in which they are taken. Each chunk is done by
// itself; then its elements become total op element, where the first chunk's total is the identity,
// and the others' are the cumulative operation of the chunks' reductions (by the stages above).
#pragma once

#include <string_view>
#include <vector>

#include "ir/type.h"

namespace weft::ir {

inline constexpr std::int64_t reduce_lanes = 32;
inline constexpr std::int64_t along_chunk = 65536;
inline constexpr std::int64_t across_chunk = 256;
inline constexpr std::int64_t merge_below = 64;
/// dot_general sums k in order by fma from 0 inside blocks of this length; block sums add in order.
inline constexpr std::int64_t dot_block = 256;

inline constexpr std::int64_t cumulative_block = 16;
inline constexpr std::int64_t cumulative_chunk = 65536;
constexpr bool cumulative_in_order(std::string_view kind) { return kind == "mul"; }

struct ReduceStage {
  std::int64_t outer, n, inner;  // the input as a three-dimensional row-major array
  std::int64_t chunk;            // n <= chunk: one result; else ceil(n / chunk) results
  std::int64_t results() const { return n <= chunk ? 1 : (n + chunk - 1) / chunk; }
};

/// Empty when nothing is reduced. The product of stages maps `shape` to shape without `axes`.
std::vector<ReduceStage> reduce_stages(const Shape& shape, const std::vector<std::int64_t>& axes);

}  // namespace weft::ir
