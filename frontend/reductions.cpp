// Reductions, and softmax and its relatives.
#include <cmath>
#include <limits>

#include <weft/ops.h>
#include "frontend/axes.h"
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

ir::Ints axes_of(const Ref& x, const Dims& dims) {
  return detail::normal_axes(dims, x->type.shape.size());
}

double count_over(const Ref& x, const ir::Ints& axes) {
  double n = 1;
  for (std::int64_t axis : axes) {
    n *= static_cast<double>(x->type.shape[static_cast<std::size_t>(axis)]);
  }
  return n;
}

/// Sums of bool and integers are i64.
Ref summable(const Tensor& x) {
  const DType t = x.dtype();
  return detail::as_ref(x, is_float(t) || is_unsigned_int(t) ? t : DType::i64);
}

Ref sum_of(const Ref& x, const ir::Ints& axes, bool keep) {
  return expr::reduce(x, "add", axes, keep);
}

Ref mean_of(const Ref& x, const ir::Ints& axes, bool keep) {
  const Ref n = expr::scalar(x->type.dtype, count_over(x, axes));
  return expr::div(sum_of(x, axes, keep), n);
}

Ref float_value(const Tensor& x) {
  if (!is_float(x.dtype())) {
    detail::fail(
        "could not infer output dtype. Input dtype must be either a floating point or "
        "complex dtype. Got: " +
        std::string(name(x.dtype())));
  }
  return detail::read(x);
}

void check_not_empty(const Ref& x, const ir::Ints& axes) {
  for (std::int64_t axis : axes) {
    if (x->type.shape[static_cast<std::size_t>(axis)] == 0) {
      detail::fail("expected reduction dim " + std::to_string(axis) +
                   " to have non-zero size, got shape " + ir::str(x->type.shape));
    }
  }
}

Tensor extreme(const char* name, const char* kind, const Tensor& x, const Dims& dims, bool keepdim,
               const Location& where) {
  const OpScope scope(name, where);
  const Ref v = detail::read(x);
  const ir::Ints axes = axes_of(v, dims);
  check_not_empty(v, axes);
  if (!is_bool(x.dtype())) return wrap(expr::reduce(v, kind, axes, keepdim));
  return wrap(expr::reduce(v, kind[1] == 'a' ? "or" : "and", axes, keepdim));
}

Tensor arg_extreme(const char* name, Op op, const Tensor& x, std::optional<std::int64_t> dim,
                   bool keepdim, const Location& where) {
  const OpScope scope(name, where);
  Ref v = detail::read(x);
  if (is_bool(x.dtype())) v = expr::convert(v, DType::i32);
  if (!dim || v->type.shape.empty()) v = expr::reshape(v, {v->type.elements()});
  const std::int64_t axis = detail::normal_axis(dim.value_or(0), v->type.shape.size());
  check_not_empty(v, {axis});
  Ref found = expr::arg_extreme(op, v, axis);
  if (dim && keepdim && x.dim() > 0) {
    ir::Shape shape = v->type.shape;
    shape[static_cast<std::size_t>(axis)] = 1;
    found = expr::reshape(found, shape);
  }
  return wrap(found);
}

/// The value's gradient goes to the element whose position is returned, as PyTorch's does.
ValuesIndices extreme_along(const char* name, const char* kind, Op op, const Tensor& x,
                            std::int64_t dim, bool keepdim, const Location& where) {
  const OpScope scope(name, where);
  const Tensor indices = arg_extreme(name, op, x, dim, keepdim, where);
  if (!x.requires_grad()) return {extreme(name, kind, x, {dim}, keepdim, where), indices};
  if (x.dim() == 0) return {x.clone(), indices};
  const Tensor kept = keepdim ? indices : indices.unsqueeze(dim);
  const Tensor values = take_along_dim(x, kept, dim);
  return {keepdim ? values : values.squeeze(dim), indices};
}

/// sqrt whose gradient at 0 is 0.
Ref safe_sqrt(const Ref& x) {
  const DType t = x->type.dtype;
  const Ref is_zero = expr::compare("eq", x, expr::scalar(t, 0));
  const Ref safe = expr::select(is_zero, expr::scalar(t, 1), x);
  return expr::select(is_zero, expr::scalar(t, 0), expr::unary(Op::sqrt, safe));
}

Ref variance(const Tensor& x, const Dims& dims, bool unbiased, bool keep) {
  const Ref v = float_value(x);
  const ir::Ints axes = axes_of(v, dims);
  const Ref centered = expr::sub(v, mean_of(v, axes, true));
  const double n = count_over(v, axes) - (unbiased ? 1 : 0);
  const Ref squares = sum_of(expr::mul(centered, centered), axes, keep);
  return expr::div(squares, expr::scalar(v->type.dtype, n > 0 ? n : 0));
}

/// x to a power, with gradient 0 at 0, too.
Ref safe_pow(const Ref& x, double exponent) {
  const DType t = x->type.dtype;
  if (exponent < 0) return expr::binary(Op::pow, x, expr::scalar(t, exponent));
  const Ref is_zero = expr::compare("eq", x, expr::scalar(t, 0));
  const Ref safe = expr::select(is_zero, expr::scalar(t, 1), x);
  return expr::select(is_zero, expr::scalar(t, 0),
                      expr::binary(Op::pow, safe, expr::scalar(t, exponent)));
}

Ref norm_of(const Ref& v, double p, const ir::Ints& axes, bool keep) {
  const DType t = v->type.dtype;
  if (p == 2) return safe_sqrt(sum_of(expr::mul(v, v), axes, keep));
  const Ref magnitude = expr::unary(Op::abs, v);
  if (p == 1) return sum_of(magnitude, axes, keep);
  if (std::isinf(p)) return expr::reduce(magnitude, p > 0 ? "max" : "min", axes, keep);
  if (p == 0) {
    return sum_of(expr::convert(expr::compare("ne", v, expr::scalar(t, 0)), t), axes, keep);
  }
  return safe_pow(sum_of(safe_pow(magnitude, p), axes, keep), 1 / p);
}

Tensor truth_over(const char* name, const char* kind, const Tensor& x, const Dims& dims,
                  bool keepdim, const Location& where) {
  const OpScope scope(name, where);
  Ref v = detail::read(x);
  if (!is_bool(x.dtype())) v = expr::compare("ne", v, expr::scalar(x.dtype(), 0));
  return wrap(expr::reduce(v, kind, axes_of(v, dims), keepdim));
}

/// The maximum over the axes, kept, as a constant of differentiation; 0 where it is infinite, so
/// that rows of -inf or with inf give what the sums give.
Ref shift_of(const Ref& v, const ir::Ints& axes) {
  const Ref top = expr::reduce(expr::detach(v), "max", axes, true);
  return expr::select(expr::unary(Op::is_finite, top), top, expr::scalar(v->type.dtype, 0));
}

Ref float_input(const Tensor& x) { return detail::as_ref(x, detail::float_type(x.dtype())); }

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim, Here here) {
  const OpScope scope("sum", here);
  const Ref v = summable(x);
  return wrap(sum_of(v, axes_of(v, dims), keepdim));
}

Tensor mean(const Tensor& x, const Dims& dims, bool keepdim, Here here) {
  const OpScope scope("mean", here);
  const Ref v = float_value(x);
  return wrap(mean_of(v, axes_of(v, dims), keepdim));
}

Tensor prod(const Tensor& x, Here here) {
  const OpScope scope("prod", here);
  const Ref v = summable(x);
  return wrap(expr::reduce(v, "mul", axes_of(v, {}), false));
}

Tensor prod(const Tensor& x, Axis dim, bool keepdim, Here here) {
  const OpScope scope("prod", here);
  const Ref v = summable(x);
  return wrap(expr::reduce(v, "mul", axes_of(v, {dim}), keepdim));
}

Tensor amax(const Tensor& x, const Dims& dims, bool keepdim, Here here) {
  return extreme("amax", "max", x, dims, keepdim, here);
}
Tensor amin(const Tensor& x, const Dims& dims, bool keepdim, Here here) {
  return extreme("amin", "min", x, dims, keepdim, here);
}
Tensor max(const Tensor& x, Here here) { return extreme("max", "max", x, {}, false, here); }
Tensor min(const Tensor& x, Here here) { return extreme("min", "min", x, {}, false, here); }
ValuesIndices max(const Tensor& x, Axis dim, bool keepdim, Here here) {
  return extreme_along("max", "max", Op::argmax, x, dim, keepdim, here);
}
ValuesIndices min(const Tensor& x, Axis dim, bool keepdim, Here here) {
  return extreme_along("min", "min", Op::argmin, x, dim, keepdim, here);
}
Tensor argmax(const Tensor& x, Here here) {
  return arg_extreme("argmax", Op::argmax, x, {}, false, here);
}
Tensor argmax(const Tensor& x, Axis dim, bool keepdim, Here here) {
  return arg_extreme("argmax", Op::argmax, x, dim, keepdim, here);
}
Tensor argmin(const Tensor& x, Here here) {
  return arg_extreme("argmin", Op::argmin, x, {}, false, here);
}
Tensor argmin(const Tensor& x, Axis dim, bool keepdim, Here here) {
  return arg_extreme("argmin", Op::argmin, x, dim, keepdim, here);
}

Tensor var(const Tensor& x, const Dims& dims, bool unbiased, bool keepdim, Here here) {
  const OpScope scope("var", here);
  return wrap(variance(x, dims, unbiased, keepdim));
}

Tensor std(const Tensor& x, const Dims& dims, bool unbiased, bool keepdim, Here here) {
  const OpScope scope("std", here);
  return wrap(safe_sqrt(variance(x, dims, unbiased, keepdim)));
}

Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdim, Here here) {
  const OpScope scope("norm", here);
  const Ref v = float_value(x);
  return wrap(norm_of(v, p, axes_of(v, dims), keepdim));
}

Tensor all(const Tensor& x, Here here) { return truth_over("all", "and", x, {}, false, here); }
Tensor all(const Tensor& x, Axis dim, bool keepdim, Here here) {
  return truth_over("all", "and", x, {dim}, keepdim, here);
}
Tensor any(const Tensor& x, Here here) { return truth_over("any", "or", x, {}, false, here); }
Tensor any(const Tensor& x, Axis dim, bool keepdim, Here here) {
  return truth_over("any", "or", x, {dim}, keepdim, here);
}

Tensor count_nonzero(const Tensor& x, Here here) {
  const OpScope scope("count_nonzero", here);
  return sum(x != 0);
}

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim, Here here) {
  const OpScope scope("logsumexp", here);
  const Ref v = float_input(x);
  const ir::Ints axes = axes_of(v, dims);
  const Ref shift = shift_of(v, axes);
  const Ref total = sum_of(expr::unary(Op::exp, expr::sub(v, shift)), axes, true);
  const Ref kept = expr::add(expr::unary(Op::log, total), shift);
  if (keepdim) return wrap(kept);
  ir::Shape shape;
  std::size_t next = 0;
  for (std::size_t k = 0; k < kept->type.shape.size(); ++k) {
    const bool reduced = next < axes.size() && axes[next] == static_cast<std::int64_t>(k);
    if (reduced)
      ++next;
    else
      shape.push_back(kept->type.shape[k]);
  }
  return wrap(expr::reshape(kept, shape));
}

Tensor softmax(const Tensor& x, std::int64_t dim, Here here) {
  const OpScope scope("softmax", here);
  const Ref v = float_input(x);
  const ir::Ints axes = axes_of(v, {dim});
  const Ref top = expr::reduce(expr::detach(v), "max", axes, true);
  const Ref e = expr::unary(Op::exp, expr::sub(v, top));
  // One division a row, and the gradient reads the row once less than that of a quotient.
  const Ref total = sum_of(e, axes, true);
  return wrap(expr::mul(e, expr::div(expr::scalar(total->type.dtype, 1), total)));
}

Tensor log_softmax(const Tensor& x, std::int64_t dim, Here here) {
  const OpScope scope("log_softmax", here);
  const Ref v = float_input(x);
  const ir::Ints axes = axes_of(v, {dim});
  const Ref z = expr::sub(v, expr::reduce(expr::detach(v), "max", axes, true));
  const Ref total = sum_of(expr::unary(Op::exp, z), axes, true);
  return wrap(expr::sub(z, expr::unary(Op::log, total)));
}

// The same as methods.
Tensor Tensor::sum(const Dims& dims, bool keepdim, Here here) const {
  return weft::sum(*this, dims, keepdim, here);
}
Tensor Tensor::mean(const Dims& dims, bool keepdim, Here here) const {
  return weft::mean(*this, dims, keepdim, here);
}
Tensor Tensor::var(const Dims& dims, bool unbiased, bool keepdim, Here here) const {
  return weft::var(*this, dims, unbiased, keepdim, here);
}
Tensor Tensor::std(const Dims& dims, bool unbiased, bool keepdim, Here here) const {
  return weft::std(*this, dims, unbiased, keepdim, here);
}

#define WEFT_REDUCTION(NAME, RESULT)                                       \
  Tensor Tensor::NAME(Here here) const { return weft::NAME(*this, here); } \
  RESULT Tensor::NAME(Axis dim, bool keepdim, Here here) const {           \
    return weft::NAME(*this, dim, keepdim, here);                          \
  }
WEFT_REDUCTION(prod, Tensor)
WEFT_REDUCTION(max, ValuesIndices)
WEFT_REDUCTION(min, ValuesIndices)
WEFT_REDUCTION(argmax, Tensor)
WEFT_REDUCTION(argmin, Tensor)
WEFT_REDUCTION(all, Tensor)
WEFT_REDUCTION(any, Tensor)
#undef WEFT_REDUCTION

Tensor norm(const Tensor& x, double p, Here here) { return norm(x, p, Dims{}, false, here); }
Tensor Tensor::norm(double p, Here here) const { return weft::norm(*this, p, here); }
Tensor Tensor::norm(double p, const Dims& dims, bool keepdim, Here here) const {
  return weft::norm(*this, p, dims, keepdim, here);
}
Tensor Tensor::amax(const Dims& dims, bool keepdim, Here here) const {
  return weft::amax(*this, dims, keepdim, here);
}
Tensor Tensor::amin(const Dims& dims, bool keepdim, Here here) const {
  return weft::amin(*this, dims, keepdim, here);
}
Tensor Tensor::count_nonzero(Here here) const { return weft::count_nonzero(*this, here); }
Tensor Tensor::logsumexp(const Dims& dims, bool keepdim, Here here) const {
  return weft::logsumexp(*this, dims, keepdim, here);
}
Tensor Tensor::softmax(std::int64_t dim, Here here) const {
  return weft::softmax(*this, dim, here);
}
Tensor Tensor::log_softmax(std::int64_t dim, Here here) const {
  return weft::log_softmax(*this, dim, here);
}

}  // namespace weft
