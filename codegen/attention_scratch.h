// Scratch of one thread of an attention kernel: one group of queries, every part [.., query] unless
// it says otherwise.
#pragma once

#include <array>
#include <cstdint>

#include "ir/attention.h"

namespace weft::codegen {

/// Compiled code computes whole tiles: of rows, and of columns where vectors lie along them.
inline constexpr std::int64_t attention_tile = 32;
constexpr std::int64_t whole_tiles(std::int64_t n) {
  return (n + attention_tile - 1) / attention_tile * attention_tile;
}

struct AttentionScratch {
  AttentionScratch(std::int64_t depth, std::int64_t value_depth)
      : sums(whole_tiles(depth) * ir::attention_queries),
        scores(sums + whole_tiles(value_depth) * ir::attention_queries),
        rows(scores + ir::attention_keys * ir::attention_queries),
        elements(rows +
                 ir::attention_queries * whole_tiles(depth > value_depth ? depth : value_depth)) {}

  // In elements. The scaled queries [depth] come first.
  std::int64_t sums;    // [value depth]
  std::int64_t scores;  // [key of a block]
  std::int64_t rows;    // [query, depth or value depth], of whole tiles
  std::int64_t elements;
};

/// Of a kernel that writes the gradients `wrt`.
struct AttentionGradientScratch {
  AttentionGradientScratch(const std::array<bool, 3>& wrt, std::int64_t keys, std::int64_t depth,
                           std::int64_t value_depth) {
    const std::int64_t group = ir::attention_queries, rows = whole_tiles(keys);
    const std::int64_t d = whole_tiles(depth), e = whole_tiles(value_depth);
    std::int64_t next = 0;
    const auto take = [&](std::int64_t count) {
      const std::int64_t at = next;
      next += count;
      return at;
    };
    queries = take(d * group);
    query_rows = take(group * d);
    cotangents = take(e * group);
    cotangent_rows = take(group * e);
    scores = take(rows * group);
    moved = take(rows * group);
    sums = take(wrt[0] ? d * group : 0);
    key_sums = take(wrt[1] ? rows * d : 0);
    value_sums = take(wrt[2] ? rows * e : 0);
    elements = next;
  }

  // In elements.
  std::int64_t queries, query_rows;         // [depth], and [query, depth]; scaled
  std::int64_t cotangents, cotangent_rows;  // [value depth], and [query, value depth]
  std::int64_t scores, moved;               // [key]: s, p and t, w of ir/attention.h
  std::int64_t sums;                        // [depth], of the queries' gradient
  std::int64_t key_sums, value_sums;        // [key, depth], [key, value depth], of a chunk
  std::int64_t elements;
};

}  // namespace weft::codegen
