// Scaled dot-product attention.
#include <cmath>
#include <limits>

#include <weft/factories.h>
#include <weft/ops.h>
#include "frontend/expr.h"
#include "frontend/storage.h"

namespace weft {

using detail::OpScope;
using detail::Ref;
namespace expr = detail::expr;

namespace {

/// The axes before the last two, checked.
ir::Shape leading(const char* which, const Ref& x) {
  if (x->type.shape.size() < 2)
    detail::fail(std::string(which) + " has shape " + ir::str(x->type.shape) +
                 ", expected at least 2 dimensions");
  return {x->type.shape.begin(), x->type.shape.end() - 2};
}

std::string described(const char* which, const Ref& x) {
  return std::string(which) + " of shape " + ir::str(x->type.shape);
}

/// One float dtype, one depth of queries and keys, as many values as keys.
void check_operands(const Ref& q, const Ref& k, const Ref& v) {
  const DType dtype = q->type.dtype;
  if (!is_float(dtype)) {
    detail::fail("query has dtype " + std::string(name(dtype)) + ", expected a float dtype");
  }
  for (const auto& [which, x] : {std::pair{"key", k}, std::pair{"value", v}}) {
    if (x->type.dtype == dtype) continue;
    detail::fail(std::string(which) + " has dtype " + std::string(name(x->type.dtype)) +
                 ", expected query's dtype " + std::string(name(dtype)));
  }
  const auto from_end = [](const Ref& x, std::size_t axis) {
    return static_cast<std::int64_t>(x->type.shape[x->type.shape.size() - axis]);
  };
  if (from_end(k, 1) != from_end(q, 1)) {
    detail::fail("expected query [..., S, D] and key [..., T, D], got " + described("query", q) +
                 " and " + described("key", k));
  }
  if (from_end(v, 2) != from_end(k, 2)) {
    detail::fail("expected key [..., T, D] and value [..., T, E], got " + described("key", k) +
                 " and " + described("value", v));
  }
}

/// x with its leading axes broadcast.
Ref spread(const Ref& x, ir::Shape shape) {
  shape.insert(shape.end(), x->type.shape.end() - 2, x->type.shape.end());
  return expr::broadcast_to(x, shape);
}

/// What a mask adds to or takes from scores needs other arithmetic: products and softmax.
Tensor masked_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask,
                        double scale) {
  const Tensor scores = matmul(q, k.transpose(-2, -1)) * scale;
  const Tensor seen = is_bool(mask.dtype())
                          ? where(mask, scores, -std::numeric_limits<double>::infinity())
                          : scores + mask;
  return matmul(softmax(seen, -1), v);
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask, bool is_causal,
                                    std::optional<double> scale, Here here) {
  const OpScope scope("scaled_dot_product_attention", here);
  const Ref q = detail::read(query), k = detail::read(key), v = detail::read(value);
  const ir::Shape shape =
      detail::broadcast_shapes({leading("query", q), leading("key", k), leading("value", v)});
  check_operands(q, k, v);
  const double depth = static_cast<double>(query.size(-1));
  const double factor = scale.value_or(depth > 0 ? 1 / std::sqrt(depth) : 1);
  if (attn_mask.defined()) {
    if (is_causal) detail::fail("expected attn_mask or is_causal, got both");
    return masked_attention(query, key, value, attn_mask, factor);
  }
  return detail::wrap(detail::record(ir::Op::attention,
                                     {spread(q, shape), spread(k, shape), spread(v, shape)},
                                     {{"scale", factor}, {"causal", is_causal}}));
}

}  // namespace weft
