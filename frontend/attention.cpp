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
