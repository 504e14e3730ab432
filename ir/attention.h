// Scaled dot-product attention with online softmax, and its gradients: their arithmetic, which is
// part of the meaning of the operations `attention` and `attention_gradient`, and a plain version.
//
// Queries stand in groups of `attention_queries`. A group takes keys 0 to n - 1, where n is the
// number of keys, in causal attention at most the number of the group's last place plus 1. Scores:
//   s[j] = sum over d of (scale * q[d]) * k[j,d], in order by fma from 0; -inf where a causal query
//          comes before the key.
//
// `attention` takes the keys in blocks of `attention_keys`. Each query has a largest score
// m = -inf, a sum l = 0 and an accumulator a[e] = 0; for each block:
//   new m = the largest of m and all s[j] that are no NaN; r = new m, or 0 where that is -inf;
//   c = exp(old m - r); p[j] = exp(s[j] - r); l = fma(l, c, the sum of p[j] in order from 0);
//   a[e] = fma over j in order of p[j] * v[j,e], from a[e] * c.
// The result is a[e] / l, and 0 where there are no keys. (Milakov and Gimelshein, "Online
// normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022.)
//
// `attention_gradient` has the cotangent g of that result, and computes softmax anew, from all
// scores of a group at once, so that it needs nothing of the forward pass. For each query:
//   t[j] = sum over e of g[e] * v[j,e], in order by fma from 0;
//   m = the largest s[j] that is no NaN, r = m or 0 where that is -inf; x[j] = exp(s[j] - r);
//   l = the sum of x[j] in order from 0; u = fma over j in order of x[j] * t[j] from 0; c = 1 / l;
//   p[j] = x[j] * c; w[j] = p[j] * (t[j] - u * c).
// The gradients, where all sums go by fma from 0:
//   q[d]: scale * the sum over j in order of w[j] * k[j,d];
//   k[j,d], v[j,e]: sums over queries i in order, of w[i,j] * (scale * q[i,d]) and p[i,j] * g[i,e],
//     of the queries whose group takes key j, in chunks of attention_chunk(queries); the chunks'
//     sums are added in order from 0.
#pragma once

#include <algorithm>
#include <cstdint>

#include <weft/dtype.h>

namespace weft::ir {

inline constexpr std::int64_t attention_queries = 32;
inline constexpr std::int64_t attention_keys = 64;

/// Whole groups: few chunks, so that threads may keep one sum each, and long ones.
constexpr std::int64_t attention_chunk(std::int64_t queries) {
  constexpr std::int64_t most = 8, shortest = 256;
  const std::int64_t groups = (queries + attention_queries - 1) / attention_queries;
  return std::max(shortest, (groups + most - 1) / most * attention_queries);
}

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

struct AttentionGradientShape : AttentionShape {  // o: of the cotangent
  std::int64_t chunk = 0;                         // a multiple of attention_queries
  /// The gradients of keys and values are sums of so many parts, each of consecutive chunks: 1, or
  /// one for each chunk. Parts lie side by side in the batch, this many elements apart.
  std::int64_t parts = 1;
  std::int64_t part_of_k = 0, part_of_v = 0;
  AttentionStrides dq{}, dk{}, dv{};
};

/// operands: q, k, v, g. results: gradients of q, k, v, each null if it isn't asked for; they must
/// not overlap what is read.
void attention_gradient(DType dtype, const AttentionGradientShape& shape,
                        const void* const (&operands)[4], void* const (&results)[3]);

}  // namespace weft::ir
