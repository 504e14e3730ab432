// Cumulative operations along one dimension.
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

namespace {

/// f of x with at least one dimension and of the axis; the result has x's shape again.
template <class F>
Ref along(const Ref& x, std::int64_t dim, F&& f) {
  const std::int64_t axis = detail::normal_axis(dim, x->type.shape.size());
  if (!x->type.shape.empty()) return f(x, axis);
  return expr::reshape(f(expr::reshape(x, {1}), axis), {});
}

/// The dtype of sums and products: that which is asked for, or x's, i64 for bool and integers.
DType sum_type(const Tensor& x, const std::optional<DType>& dtype) {
  const DType own = x.dtype();
  return dtype.value_or(is_float(own) || is_unsigned_int(own) ? own : DType::i64);
}

Tensor sums(const char* name, const char* kind, const Tensor& x, std::int64_t dim,
            const std::optional<DType>& dtype, const Location& where) {
  const OpScope scope(name, where);
  const Ref v = detail::as_ref(x, sum_type(x, dtype));
  return wrap(along(
      v, dim, [&](const Ref& r, std::int64_t axis) { return expr::cumulative(r, kind, axis); }));
}

/// Extremes and where they are: of equal ones, and of NaN, the last so far.
ValuesIndices extremes(const char* name, const char* kind, const Tensor& x, std::int64_t dim,
                       const Location& where) {
  const OpScope scope(name, where);
  const Ref v = detail::as_ref(x, is_bool(x.dtype()) ? DType::i32 : x.dtype());
  Ref indices;
  const Ref values = along(v, dim, [&](const Ref& r, std::int64_t axis) {
    const Ref extreme = expr::cumulative(r, kind, axis);
    const Ref fixed = expr::detach(r);
    Ref attained = expr::compare("eq", fixed, expr::detach(extreme));
    if (is_float(r->type.dtype))
      attained = expr::binary(ir::Op::or_, attained, expr::compare("ne", fixed, fixed));
    const ir::Type places{DType::i64, r->type.shape};
    const Ref chosen =
        expr::select(attained, expr::iota(places, axis), expr::scalar_int(DType::i64, -1));
    indices = expr::cumulative(chosen, "max", axis);
    return extreme;
  });
  return {wrap(expr::convert(values, x.dtype())), wrap(expr::reshape(indices, v->type.shape))};
}

}  // namespace

Tensor cumsum(const Tensor& x, std::int64_t dim, std::optional<DType> dtype, Here here) {
  return sums("cumsum", "add", x, dim, dtype, here);
}
Tensor cumprod(const Tensor& x, std::int64_t dim, std::optional<DType> dtype, Here here) {
  return sums("cumprod", "mul", x, dim, dtype, here);
}
ValuesIndices cummax(const Tensor& x, std::int64_t dim, Here here) {
  return extremes("cummax", "max", x, dim, here);
}
ValuesIndices cummin(const Tensor& x, std::int64_t dim, Here here) {
  return extremes("cummin", "min", x, dim, here);
}

// The same as methods.
Tensor Tensor::cumsum(std::int64_t dim, std::optional<DType> dtype, Here here) const {
  return weft::cumsum(*this, dim, dtype, here);
}
Tensor Tensor::cumprod(std::int64_t dim, std::optional<DType> dtype, Here here) const {
  return weft::cumprod(*this, dim, dtype, here);
}
ValuesIndices Tensor::cummax(std::int64_t dim, Here here) const {
  return weft::cummax(*this, dim, here);
}
ValuesIndices Tensor::cummin(std::int64_t dim, Here here) const {
  return weft::cummin(*this, dim, here);
}

}  // namespace weft
