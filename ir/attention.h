// Scaled dot-product attention with online softmax: its arithmetic, which is part of the meaning of
// the operation `attention`, and a plain version of it.
//
// Queries stand in groups of `attention_queries`. A group takes keys 0 to n - 1, where n is the
// number of keys, in causal attention at most the number of the group's last place plus 1, in
// blocks of `attention_keys`. Each query has a largest score m = -inf, a sum l = 0 and an
// accumulator a[e] = 0; for each block:
//   s[j] = sum over d of (scale * q[d]) * k[j,d], in order by fma from 0; -inf where a causal query
//          comes before the key;
//   new m = the largest of m and all s[j] that are no NaN; r = new m, or 0 where that is -inf;
//   c = exp(old m - r); p[j] = exp(s[j] - r); l = fma(l, c, the sum of p[j] in order from 0);
//   a[e] = fma over j in order of p[j] * v[j,e], from a[e] * c.
// The result is a[e] / l, and 0 where there are no keys. (Milakov and Gimelshein, "Online
// normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022.)
#pragma once

#include <cstdint>

#include <weft/dtype.h>

namespace weft::ir {

inline constexpr std::int64_t attention_queries = 32;
inline constexpr std::int64_t attention_keys = 64;

/// Elements between neighbours along the batch and along queries or keys; those along the last
/// axis lie side by side.
struct AttentionStrides {
  std::int64_t batch, row;
};

struct AttentionShape {
  std::int64_t batch, queries, keys, depth, value_depth;
  double scale;  // rounded to the dtype
  bool causal;   // query i sees the keys 0 to i
  AttentionStrides q, k, v, o;
};

/// f32 or f64; o must not overlap what is read.
void attention(DType dtype, const AttentionShape& shape, const void* q, const void* k,
               const void* v, void* o);

}  // namespace weft::ir
