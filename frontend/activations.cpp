// Activations and layer_norm, composed so that their gradients are right everywhere, also where a
// branch that is not taken would overflow.
#include <cmath>
#include <numbers>

#include <weft/ops.h>
#include "frontend/expr.h"
#include "frontend/promote.h"
#include "frontend/storage.h"

namespace weft {

using detail::OpScope;
using detail::Ref;
using detail::wrap;
namespace expr = detail::expr;
using ir::Op;

namespace {

Ref float_input(const Tensor& x) { return detail::as_ref(x, detail::float_type(x.dtype())); }

Ref number(const Ref& like, double value) { return expr::scalar(like->type.dtype, value); }

Ref log1p_exp(const Ref& x) { return expr::unary(Op::log1p, expr::unary(Op::exp, x)); }

}  // namespace

Tensor gelu(const Tensor& x, Here here) {
  const OpScope scope("gelu", here);
  const Ref v = float_input(x);
  const Ref phi = expr::add(expr::unary(Op::erf, expr::mul(v, 1 / std::numbers::sqrt2)), 1);
  return wrap(expr::mul(expr::mul(v, 0.5), phi));
}

Tensor gelu_tanh(const Tensor& x, Here here) {
  const OpScope scope("gelu_tanh", here);
  const Ref v = float_input(x);
  const Ref cube = expr::mul(expr::mul(v, v), v);
  const Ref inner =
      expr::mul(expr::add(v, expr::mul(cube, 0.044715)), std::sqrt(2 / std::numbers::pi));
  return wrap(expr::mul(expr::mul(v, 0.5), expr::add(expr::unary(Op::tanh, inner), 1)));
}

Tensor silu(const Tensor& x, Here here) {
  const OpScope scope("silu", here);
  const Ref v = float_input(x);
  return wrap(expr::mul(v, expr::unary(Op::logistic, v)));
}

Tensor softplus(const Tensor& x, double beta, double threshold, Here here) {
  const OpScope scope("softplus", here);
  const Ref v = float_input(x);
  const Ref scaled = expr::mul(v, beta);
  const Ref large = expr::compare("gt", scaled, number(v, threshold));
  const Ref safe = expr::select(large, number(v, 0), scaled);
  return wrap(expr::select(large, v, expr::div(log1p_exp(safe), number(v, beta))));
}

Tensor leaky_relu(const Tensor& x, double negative_slope, Here here) {
  const OpScope scope("leaky_relu", here);
  const Ref v = float_input(x);
  return wrap(expr::select(expr::compare("gt", v, number(v, 0)), v, expr::mul(v, negative_slope)));
}

Tensor elu(const Tensor& x, double alpha, Here here) {
  const OpScope scope("elu", here);
  const Ref v = float_input(x);
  const Ref positive = expr::compare("gt", v, number(v, 0));
  const Ref safe = expr::select(positive, number(v, 0), v);
  return wrap(expr::select(positive, v, expr::mul(expr::unary(Op::expm1, safe), alpha)));
}

Tensor logsigmoid(const Tensor& x, Here here) {
  const OpScope scope("logsigmoid", here);
  const Ref v = float_input(x);
  const Ref zero = number(v, 0);
  const Ref negative = expr::compare("lt", v, zero);
  const Ref below = expr::sub(v, log1p_exp(expr::select(negative, v, zero)));
  const Ref above =
      expr::unary(Op::neg, log1p_exp(expr::select(negative, zero, expr::unary(Op::neg, v))));
  return wrap(expr::select(negative, below, above));
}

Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight,
                  const Tensor& bias, double eps, Here here) {
  const OpScope scope("layer_norm", here);
  const Ref v = float_input(x);
  const std::size_t rank = v->type.shape.size(), inner = normalized_shape.size();
  const ir::Shape expected = detail::to_ir(normalized_shape);
  if (inner == 0 || inner > rank ||
      !std::equal(expected.begin(), expected.end(), v->type.shape.end() - inner)) {
    detail::fail("expected an input whose last dimensions are " + normalized_shape.str() +
                 ", got " + x.shape().str());
  }
  ir::Ints axes;
  for (std::size_t k = rank - inner; k < rank; ++k) axes.push_back(static_cast<std::int64_t>(k));
  const Ref n = number(v, static_cast<double>(normalized_shape.numel()));
  const auto mean = [&](const Ref& r) { return expr::div(expr::reduce(r, "add", axes, true), n); };
  const Ref centered = expr::sub(v, mean(v));
  const Ref variance = mean(expr::mul(centered, centered));
  Ref y = expr::mul(centered, expr::unary(Op::rsqrt, expr::add(variance, eps)));
  if (weight.defined()) y = expr::mul(y, detail::as_ref(weight, v->type.dtype));
  if (bias.defined()) y = expr::add(y, detail::as_ref(bias, v->type.dtype));
  return wrap(y);
}

}  // namespace weft
