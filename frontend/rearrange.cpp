// Copies that put elements elsewhere: cat, stack, pad, flip, roll, repeat, triangles, diagonals.
#include <algorithm>
#include <cstdint>
#include <numeric>

#include <weft/ops.h>
#include "frontend/axes.h"
#include "frontend/expr.h"
#include "frontend/promote.h"
#include "frontend/storage.h"

namespace weft {

using detail::impl_of;
using detail::OpScope;
using detail::Ref;
using detail::wrap;
namespace expr = detail::expr;

namespace {

/// Rows minus columns of the last two axes, i64.
Ref row_minus_column(const ir::Shape& shape) {
  const auto rank = static_cast<std::int64_t>(shape.size());
  const ir::Type type{DType::i64, shape};
  return expr::sub(expr::iota(type, rank - 2), expr::iota(type, rank - 1));
}

Tensor triangle(const char* name, const char* direction, const Tensor& x, std::int64_t diagonal,
                const Location& where) {
  const OpScope scope(name, where);
  if (x.dim() < 2) detail::fail("input tensor must have at least 2 dimensions");
  const Ref v = detail::read(x);
  // The negative of the smallest i64 is none; no matrix is that large.
  const Ref limit = expr::scalar_int(DType::i64, -std::max(diagonal, -INT64_MAX));
  const Ref inside = expr::compare(direction, row_minus_column(v->type.shape), limit);
  return wrap(expr::select(inside, v, expr::scalar(x.dtype(), 0)));
}

DType common_dtype(const std::vector<Tensor>& tensors) {
  if (tensors.empty()) detail::fail("expected a non-empty list of Tensors");
  DType common = tensors[0].dtype();
  for (const Tensor& t : tensors) common = promote(common, t.dtype());
  return common;
}

}  // namespace

Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim, Here here) {
  const OpScope scope("cat", here);
  const DType dtype = common_dtype(tensors);
  const ir::Shape first = detail::to_ir(tensors[0].shape());
  if (first.empty()) detail::fail("zero-dimensional tensor (at position 0) cannot be concatenated");
  const std::int64_t axis = detail::normal_axis(dim, first.size());
  std::vector<Ref> parts;
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    ir::Shape shape = detail::to_ir(tensors[k].shape());
    const std::string got = ir::str(shape);
    if (shape.size() == first.size()) {
      shape[static_cast<std::size_t>(axis)] = first[static_cast<std::size_t>(axis)];
    }
    if (shape != first) {
      detail::fail("sizes of tensors must match except in dimension " + std::to_string(axis) +
                   ": expected operand " + std::to_string(k) + " like " + ir::str(first) +
                   ", got " + got);
    }
    parts.push_back(detail::as_ref(tensors[k], dtype));
  }
  return wrap(expr::concatenate(parts, axis));
}

Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim, Here here) {
  const OpScope scope("stack", here);
  common_dtype(tensors);
  const std::int64_t axis = detail::normal_axis(dim, tensors[0].shape().size() + 1);
  std::vector<Tensor> parts;
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    if (tensors[k].shape() != tensors[0].shape()) {
      detail::fail("expects each tensor to be equal size, but got " + tensors[0].shape().str() +
                   " at entry 0 and " + tensors[k].shape().str() + " at entry " +
                   std::to_string(k));
    }
    parts.push_back(tensors[k].unsqueeze(axis));
  }
  return cat(parts, axis);
}

Tensor pad(const Tensor& x, const Dims& padding, Scalar value, Here here) {
  const OpScope scope("pad", here);
  const std::size_t rank = impl_of(x).shape().size();
  if (padding.size() % 2 != 0 || padding.size() > 2 * rank) {
    detail::fail("padding length must be even and at most " + std::to_string(2 * rank) + ", got " +
                 std::to_string(padding.size()));
  }
  ir::Ints low(rank, 0), high(rank, 0);
  for (std::size_t k = 0; 2 * k < padding.size(); ++k) {
    low[rank - 1 - k] = padding[2 * k];
    high[rank - 1 - k] = padding[2 * k + 1];
  }
  for (std::size_t k = 0; k < rank; ++k) {
    std::int64_t size = x.shape()[k];
    const bool overflows =
        __builtin_add_overflow(size, low[k], &size) || __builtin_add_overflow(size, high[k], &size);
    if (!overflows && size >= 0) continue;
    detail::fail("padding of " + std::to_string(low[k]) + " and " + std::to_string(high[k]) +
                 " for dimension " + std::to_string(k) + " with size " +
                 std::to_string(x.shape()[k]) + (overflows ? " overflows" : " leaves less than 0"));
  }
  return wrap(
      expr::pad(detail::read(x), detail::literal(value, x.dtype()), low, high, ir::Ints(rank, 0)));
}

Tensor flip(const Tensor& x, const Dims& dims, Here here) {
  const OpScope scope("flip", here);
  const Ref v = detail::read(x);
  if (dims.empty() || v->type.shape.empty()) return wrap(v);
  return wrap(expr::reverse(v, detail::normal_axes(dims, v->type.shape.size())));
}

Tensor roll(const Tensor& x, std::int64_t shift, std::int64_t dim, Here here) {
  const OpScope scope("roll", here);
  const Ref v = detail::read(x);
  const std::int64_t axis = detail::normal_axis(dim, v->type.shape.size());
  const std::int64_t size = x.dim() == 0 ? 1 : x.size(axis);
  if (size <= 1) return wrap(v);
  const std::int64_t by = shift % size;
  const std::int64_t at = by > 0 ? size - by : -by;
  if (at == 0) return wrap(v);
  return wrap(expr::concatenate(
      {expr::slice_axis(v, axis, at, size), expr::slice_axis(v, axis, 0, at)}, axis));
}

Tensor tril(const Tensor& x, std::int64_t diagonal, Here here) {
  return triangle("tril", "ge", x, diagonal, here);
}
Tensor triu(const Tensor& x, std::int64_t diagonal, Here here) {
  return triangle("triu", "le", x, diagonal, here);
}

Tensor Tensor::repeat(const Shape& repeats, Here here) const {
  const OpScope scope("repeat", here);
  const std::size_t rank = impl_of(*this).shape().size();
  if (repeats.size() < rank) {
    detail::fail(
        "number of dimensions of repeat dims can not be smaller than number of dimensions "
        "of tensor, got " +
        repeats.str() + " for shape " + shape().str());
  }
  detail::checked_type(repeats, dtype());
  // [a, b] becomes [ra, a, rb, b], by a broadcast, and then [ra * a, rb * b].
  const std::size_t offset = repeats.size() - rank;
  ir::Shape wide, merged;
  ir::Ints dims;
  for (std::size_t k = 0; k < repeats.size(); ++k) {
    const std::int64_t size = k < offset ? 1 : shape()[k - offset];
    wide.push_back(repeats[k]);
    if (k >= offset) {
      dims.push_back(static_cast<std::int64_t>(wide.size()));
      wide.push_back(size);
    }
    std::int64_t product = 0;
    if (__builtin_mul_overflow(repeats[k], size, &product)) {
      detail::fail("repeats " + repeats.str() + " of shape " + shape().str() + " overflow");
    }
    merged.push_back(product);
  }
  detail::checked_type(detail::from_ir(merged), dtype());
  return wrap(expr::reshape(expr::broadcast_in_dim(detail::read(*this), wide, dims), merged));
}

Tensor Tensor::diagonal(Here here) const {
  const OpScope scope("diagonal", here);
  if (dim() != 2) detail::fail("expected a matrix, got shape " + shape().str());
  const std::int64_t n = std::min(size(0), size(1));
  const Ref v = detail::read(*this);
  const Ref flat = expr::reshape(v, {v->type.elements()});
  const ir::Type type{DType::i64, {n}};
  const Ref positions = expr::mul(expr::iota(type, 0), static_cast<double>(size(1) + 1));
  return wrap(n == 0 ? expr::full({dtype(), {0}}, 0) : expr::gather(flat, positions, 0));
}

Tensor Tensor::flip(const Dims& dims, Here here) const { return weft::flip(*this, dims, here); }
Tensor Tensor::roll(std::int64_t shift, std::int64_t dim, Here here) const {
  return weft::roll(*this, shift, dim, here);
}
Tensor Tensor::tril(std::int64_t diagonal, Here here) const {
  return weft::tril(*this, diagonal, here);
}
Tensor Tensor::triu(std::int64_t diagonal, Here here) const {
  return weft::triu(*this, diagonal, here);
}

}  // namespace weft
