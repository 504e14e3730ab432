// scaled_dot_product_attention against products and softmax, and its derivatives.
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {

Tensor composed(const Tensor& q, const Tensor& k, const Tensor& v, bool causal, double scale) {
  Tensor scores = matmul(q, k.transpose(-2, -1)) * scale;
  if (causal) {
    const Tensor query = arange(q.size(-2)).unsqueeze(1), place = arange(k.size(-2)).unsqueeze(0);
    scores = where(query >= place, scores, -INFINITY);
  }
  return matmul(softmax(scores, -1), v);
}

}  // namespace

TEST_CASE("scaled_dot_product_attention is softmax between two products") {
  manual_seed(3);
  for (const bool causal : {false, true})
    for (const std::int64_t keys : {7, 80}) {
      const Tensor q = randn({2, 3, 40, 9}), k = randn({2, 3, keys, 9}), v = randn({2, 3, keys, 5});
      const Tensor got = scaled_dot_product_attention(q, k, v, {}, causal);
      CHECK(got.shape() == Shape{2, 3, 40, 5});
      CHECK(allclose(got, composed(q, k, v, causal, 1.0 / 3), 1e-5, 1e-6));
      CHECK(allclose(scaled_dot_product_attention(q, k, v, {}, causal, 0.7),
                     composed(q, k, v, causal, 0.7), 1e-5, 1e-6));
      // One key head for all query heads.
      CHECK(allclose(scaled_dot_product_attention(q, k[0][0], v[0][0], {}, causal),
                     composed(q, k[0][0], v[0][0], causal, 1.0 / 3), 1e-5, 1e-6));
    }
}

TEST_CASE("scaled_dot_product_attention takes masks, of bool and of numbers") {
  const Tensor x = randn({4, 3});
  const Tensor query = arange(4).unsqueeze(1), key = arange(4).unsqueeze(0);
  const Tensor seen = query >= key;
  const Tensor causal = scaled_dot_product_attention(x, x, x, {}, true);
  CHECK(allclose(scaled_dot_product_attention(x, x, x, seen), causal, 1e-5, 1e-6));
  CHECK(allclose(scaled_dot_product_attention(x, x, x, where(seen, zeros({4, 4}), -INFINITY)),
                 causal, 1e-5, 1e-6));
}

TEST_CASE("attention's first and second derivatives agree with finite differences") {
  manual_seed(5);
  const Tensor q = randn({2, 3, 2}, f64).requires_grad_();
  const Tensor k = randn({2, 4, 2}, f64).requires_grad_();
  const Tensor v = randn({2, 4, 3}, f64).requires_grad_();
  for (const bool causal : {false, true}) {
    const auto f = [causal](Tensor a, Tensor b, Tensor c) {
      return scaled_dot_product_attention(a, b, c, {}, causal);
    };
    CHECK(gradcheck(f, q, k, v).ok);
    CHECK(gradgradcheck(f, q, k, v).ok);
  }
}

TEST_CASE("attention's gradients are those of softmax between two products") {
  manual_seed(7);
  struct Sizes {
    std::int64_t heads, queries, keys;
  };
  // Few heads, whose queries come in chunks; many; fewer keys than queries.
  for (const auto& [heads, queries, keys] : {Sizes{1, 600, 70}, Sizes{9, 40, 70}, Sizes{3, 50, 7}})
    for (const bool causal : {false, true}) {
      const Tensor q = randn({heads, queries, 9}), k = randn({heads, keys, 9}),
                   v = randn({heads, keys, 5}), g = randn({heads, queries, 5});
      const auto attention = [causal](const Tensor& a, const Tensor& b, const Tensor& c) {
        return scaled_dot_product_attention(a, b, c, {}, causal);
      };
      const auto products = [causal](const Tensor& a, const Tensor& b, const Tensor& c) {
        return composed(a, b, c, causal, 1.0 / 3);
      };
      const auto [dq, dk, dv] = vjp(attention, q, k, v).second(g);
      const auto [want_q, want_k, want_v] = vjp(products, q, k, v).second(g);
      CHECK(allclose(dq, want_q, 1e-4, 1e-5));
      CHECK(allclose(dk, want_k, 1e-4, 1e-5));
      CHECK(allclose(dv, want_v, 1e-4, 1e-5));
    }
}

TEST_CASE("mistakes in attention are named") {
  const Tensor x = zeros({4, 3});
  CHECK_ERROR("query has shape [3], expected at least 2 dimensions",
              scaled_dot_product_attention(zeros({3}), x, x));
  CHECK_ERROR("got query of shape [4,3] and key of shape [4,2]",
              scaled_dot_product_attention(x, zeros({4, 2}), x));
  CHECK_ERROR("expected attn_mask or is_causal, got both",
              scaled_dot_product_attention(x, x, x, zeros({4, 4}), true));
}
