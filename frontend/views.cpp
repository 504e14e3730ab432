// Views: tensors on the same storage. Each also says how PyTorch would stride it, since that
// decides whether reshape shares memory and whether view is possible.
#include <algorithm>
#include <numeric>

#include <weft/ops.h>
#include "frontend/axes.h"
#include "frontend/expr.h"
#include "frontend/storage.h"
#include "frontend/views.h"

namespace weft {

using detail::impl_of;
using detail::normal_axis;
using detail::OpScope;
using detail::Step;
using Strides = std::vector<std::int64_t>;

namespace {

std::shared_ptr<Step> step_of(ir::Op op, DType dtype, const Shape& shape, ir::Attributes attrs) {
  auto step = std::make_shared<Step>();
  step->op = op;
  step->attrs = std::move(attrs);
  step->type = {dtype, detail::to_ir(shape)};
  return step;
}

Tensor reshaped(const Tensor& x, const Shape& shape, Strides strides) {
  return detail::extend(x, step_of(ir::Op::reshape, x.dtype(), shape, {{"shape", shape.sizes()}}),
                        std::move(strides));
}

Tensor permuted(const Tensor& x, const ir::Ints& order) {
  Shape shape(std::vector<std::int64_t>(order.size()));
  Strides strides(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    shape[k] = x.shape()[static_cast<std::size_t>(order[k])];
    strides[k] = x.stride()[static_cast<std::size_t>(order[k])];
  }
  return detail::extend(x, step_of(ir::Op::transpose, x.dtype(), shape, {{"permutation", order}}),
                        std::move(strides));
}

/// `shape` with its -1 filled in.
Shape complete(Shape shape, std::int64_t elements) {
  std::int64_t known = 1;
  bool overflows = false;
  std::int64_t* open = nullptr;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (shape[k] == -1) {
      if (open != nullptr) detail::fail("only one dimension can be inferred, got " + shape.str());
      open = &shape[k];
    } else if (shape[k] < 0) {
      detail::fail("invalid shape dimension " + std::to_string(shape[k]) + " in " + shape.str());
    } else {
      overflows = __builtin_mul_overflow(known, shape[k], &known) || overflows;
    }
  }
  const std::string got = shape.str();
  if (open != nullptr && known > 0) *open = elements / known;
  if (open != nullptr && known == 0) {
    detail::fail("cannot reshape tensor of 0 elements into shape " + got +
                 " because the unspecified dimension size -1 can be any value and is ambiguous");
  }
  if (overflows || shape.numel() != elements) {
    detail::fail("shape '" + got + "' is invalid for input of size " + std::to_string(elements));
  }
  return shape;
}

/// The strides under which `shape` names the same elements, if there are such (PyTorch's
/// computeStride): runs of old dimensions that are contiguous with each other may be cut anew.
std::optional<Strides> view_strides(const Shape& old_shape, const Strides& old_strides,
                                    const Shape& shape) {
  if (shape.numel() == 0) return detail::contiguous_strides(shape);
  Strides strides(shape.size());
  auto to = static_cast<std::int64_t>(shape.size()) - 1;
  std::int64_t run = 1, taken = 1;
  std::int64_t base = old_strides.empty() ? 1 : old_strides.back();
  for (std::size_t from = old_shape.size(); from-- > 0;) {
    run *= old_shape[from];
    const bool run_ends =
        from == 0 || (old_shape[from - 1] != 1 && old_strides[from - 1] != run * base);
    if (!run_ends) continue;
    while (to >= 0 && (taken < run || shape[static_cast<std::size_t>(to)] == 1)) {
      strides[static_cast<std::size_t>(to)] = taken * base;
      taken *= shape[static_cast<std::size_t>(to)];
      --to;
    }
    if (taken != run) return std::nullopt;
    if (from > 0) {
      base = old_strides[from - 1];
      run = taken = 1;
    }
  }
  for (; to >= 0; --to) strides[static_cast<std::size_t>(to)] = taken * base;
  return strides;
}

}  // namespace

namespace detail {

Tensor sliced(const Tensor& x, std::int64_t axis, const Range& range) {
  const auto k = static_cast<std::size_t>(axis);
  Shape shape = x.shape();
  Strides strides = x.stride();
  ir::Ints start(shape.size(), 0), limit = shape.sizes(), stride(shape.size(), 1);
  start[k] = range.start;
  limit[k] = range.limit;
  stride[k] = range.stride;
  shape[k] = range.length();
  strides[k] *= range.stride;
  return extend(x,
                step_of(ir::Op::slice, x.dtype(), shape,
                        {{"start", start}, {"limit", limit}, {"stride", stride}}),
                std::move(strides));
}

Tensor without_axis(const Tensor& x, std::int64_t axis) {
  Dims sizes = x.shape().sizes();
  Strides strides = x.stride();
  sizes.erase(sizes.begin() + axis);
  strides.erase(strides.begin() + axis);
  return reshaped(x, Shape(sizes), std::move(strides));
}

Tensor with_axis(const Tensor& x, std::int64_t axis) {
  Dims sizes = x.shape().sizes();
  Strides strides = x.stride();
  const auto k = static_cast<std::size_t>(axis);
  const std::int64_t stride = k < sizes.size() ? sizes[k] * strides[k] : 1;
  sizes.insert(sizes.begin() + axis, 1);
  strides.insert(strides.begin() + axis, stride);
  return reshaped(x, Shape(sizes), std::move(strides));
}

}  // namespace detail

Tensor Tensor::view(const Shape& shape, Here here) const {
  const OpScope scope("view", here);
  const Shape full = complete(shape, impl_of(*this).shape().numel());
  auto strides = view_strides(this->shape(), stride(), full);
  if (!strides) {
    detail::fail_plain(
        "view size is not compatible with input tensor's size and stride (at least one dimension "
        "spans across two contiguous subspaces). Use .reshape(...) instead.");
  }
  return reshaped(*this, full, std::move(*strides));
}

Tensor Tensor::reshape(const Shape& shape, Here here) const {
  const OpScope scope("reshape", here);
  const Shape full = complete(shape, impl_of(*this).shape().numel());
  auto strides = view_strides(this->shape(), stride(), full);
  if (strides) return reshaped(*this, full, std::move(*strides));
  return detail::wrap(detail::expr::reshape(detail::read(*this), detail::to_ir(full)));
}

Tensor Tensor::view_as(const Tensor& other, Here here) const { return view(other.shape(), here); }
Tensor Tensor::reshape_as(const Tensor& other, Here here) const {
  return reshape(other.shape(), here);
}

Tensor Tensor::permute(const Dims& dims, Here here) const {
  const OpScope scope("permute", here);
  const std::size_t rank = impl_of(*this).shape().size();
  if (dims.size() != rank) {
    detail::fail("expected " + std::to_string(rank) + " dims for a tensor of shape " +
                 shape().str() + ", got " + std::to_string(dims.size()));
  }
  ir::Ints order;
  for (std::int64_t dim : dims) order.push_back(normal_axis(dim, rank));
  detail::normal_axes(order, rank);  // refuses an axis that comes twice
  return permuted(*this, order);
}

Tensor Tensor::transpose(std::int64_t dim0, std::int64_t dim1, Here here) const {
  const OpScope scope("transpose", here);
  const std::size_t rank = impl_of(*this).shape().size();
  const auto a = static_cast<std::size_t>(normal_axis(dim0, rank));
  const auto b = static_cast<std::size_t>(normal_axis(dim1, rank));
  ir::Ints order(rank);
  std::iota(order.begin(), order.end(), 0);
  if (rank > 0) std::swap(order[a], order[b]);
  return permuted(*this, order);
}

Tensor Tensor::t(Here here) const {
  const OpScope scope("t", here);
  const std::size_t rank = impl_of(*this).shape().size();
  if (rank > 2) {
    detail::fail_plain("t() expects a tensor with <= 2 dimensions, but self is " +
                       std::to_string(rank) + "D");
  }
  return rank == 2 ? transpose(0, 1) : transpose(0, 0);
}

Tensor Tensor::T(Here here) const {
  const OpScope scope("t", here);
  ir::Ints order(impl_of(*this).shape().size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    order[k] = static_cast<std::int64_t>(order.size() - 1 - k);
  }
  return permuted(*this, order);
}

Tensor Tensor::mT(Here here) const {
  const OpScope scope("transpose", here);
  if (dim() < 2) detail::fail("mT expects at least 2 dimensions, got shape " + shape().str());
  return transpose(-2, -1);
}

Tensor Tensor::movedim(std::int64_t source, std::int64_t destination, Here here) const {
  const OpScope scope("movedim", here);
  const std::size_t rank = impl_of(*this).shape().size();
  const std::int64_t from = normal_axis(source, rank), to = normal_axis(destination, rank);
  ir::Ints order;
  for (std::int64_t k = 0; k < dim(); ++k) {
    if (k != from) order.push_back(k);
  }
  if (rank > 0) order.insert(order.begin() + to, from);
  return permuted(*this, order);
}

Tensor Tensor::squeeze(Here here) const {
  const OpScope scope("squeeze", here);
  Dims sizes;
  Strides strides;
  for (std::size_t k = 0; k < impl_of(*this).shape().size(); ++k) {
    if (shape()[k] == 1) continue;
    sizes.push_back(shape()[k]);
    strides.push_back(stride()[k]);
  }
  return reshaped(*this, Shape(sizes), std::move(strides));
}

Tensor Tensor::squeeze(std::int64_t dim, Here here) const {
  const OpScope scope("squeeze", here);
  const std::int64_t axis = normal_axis(dim, impl_of(*this).shape().size());
  if (shape().empty() || shape()[static_cast<std::size_t>(axis)] != 1) {
    return reshaped(*this, shape(), stride());
  }
  return detail::without_axis(*this, axis);
}

Tensor Tensor::unsqueeze(std::int64_t dim, Here here) const {
  const OpScope scope("unsqueeze", here);
  return detail::with_axis(*this, normal_axis(dim, impl_of(*this).shape().size() + 1));
}

Tensor Tensor::expand(const Shape& target, Here here) const {
  const OpScope scope("expand", here);
  const std::size_t rank = impl_of(*this).shape().size();
  if (target.size() < rank) {
    detail::fail("the number of sizes provided (" + std::to_string(target.size()) +
                 ") must be greater or equal to the number of dimensions in the tensor (" +
                 std::to_string(rank) + ")");
  }
  Shape full = target;
  Strides strides(full.size(), 0);
  const std::size_t offset = full.size() - rank;
  bool expands = false;
  for (std::size_t k = 0; k < full.size(); ++k) {
    const std::int64_t size = k < offset ? 1 : shape()[k - offset];
    if (full[k] == -1 && k >= offset) full[k] = size;
    if (full[k] < 0) detail::fail("invalid size in " + target.str() + " for a new dimension");
    if (full[k] == size) {
      strides[k] = k < offset ? 0 : stride()[k - offset];
    } else if (size == 1) {
      expands = true;
    } else {
      detail::fail("the expanded size of the tensor (" + std::to_string(full[k]) +
                   ") must match the existing size (" + std::to_string(size) +
                   ") at non-singleton dimension " + std::to_string(k) +
                   ". Target sizes: " + target.str() + ". Tensor sizes: " + shape().str());
    }
  }
  detail::checked_type(full, dtype());
  if (!expands) return reshaped(*this, full, std::move(strides));
  ir::Ints dims(rank);
  std::iota(dims.begin(), dims.end(), static_cast<std::int64_t>(offset));
  return detail::extend(
      *this,
      step_of(ir::Op::broadcast_in_dim, dtype(), full, {{"shape", full.sizes()}, {"dims", dims}}),
      std::move(strides));
}

Tensor Tensor::expand_as(const Tensor& other, Here here) const {
  return expand(other.shape(), here);
}

Tensor Tensor::flatten(std::int64_t start_dim, std::int64_t end_dim, Here here) const {
  const OpScope scope("flatten", here);
  const std::size_t rank = impl_of(*this).shape().size();
  const std::int64_t first = normal_axis(start_dim, rank), last = normal_axis(end_dim, rank);
  if (first > last) detail::fail("start_dim cannot come after end_dim");
  if (rank == 0) return reshape({1});
  Dims sizes(shape().begin(), shape().begin() + first);
  std::int64_t merged = 1;
  for (std::int64_t k = first; k <= last; ++k) merged *= shape()[static_cast<std::size_t>(k)];
  sizes.push_back(merged);
  sizes.insert(sizes.end(), shape().begin() + last + 1, shape().end());
  return reshape(Shape(sizes));
}

Tensor Tensor::unflatten(std::int64_t dim, const Shape& sizes, Here here) const {
  const OpScope scope("unflatten", here);
  const auto axis = static_cast<std::ptrdiff_t>(normal_axis(dim, impl_of(*this).shape().size()));
  Dims all(shape().begin(), shape().begin() + axis);
  const Shape parts = complete(sizes, size(dim));
  all.insert(all.end(), parts.begin(), parts.end());
  all.insert(all.end(), shape().begin() + axis + 1, shape().end());
  return view(Shape(all));
}

Tensor Tensor::narrow(std::int64_t dim, std::int64_t start, std::int64_t length, Here here) const {
  const OpScope scope("narrow", here);
  const std::int64_t axis = normal_axis(dim, impl_of(*this).shape().size());
  const std::int64_t n = size(axis);
  const std::int64_t first = start < 0 ? start + n : start;
  if (first < 0 || length < 0 || first > n || length > n - first) {
    detail::fail("start (" + std::to_string(start) + ") + length (" + std::to_string(length) +
                 ") exceeds dimension size (" + std::to_string(n) + ")");
  }
  return detail::sliced(*this, axis, {first, first + length, 1});
}

Tensor Tensor::select(std::int64_t dim, std::int64_t index, Here here) const {
  const OpScope scope("select", here);
  if (impl_of(*this).shape().empty()) {
    detail::fail("cannot be applied to a 0-dim tensor; use item() to get its value");
  }
  const std::int64_t axis = normal_axis(dim, shape().size());
  const std::int64_t at = detail::normal_position(index, size(axis), axis);
  return detail::without_axis(detail::sliced(*this, axis, {at, at + 1, 1}), axis);
}

Tensor Tensor::slice(std::int64_t dim, Slice range, Here here) const {
  const OpScope scope("slice", here);
  if (impl_of(*this).shape().empty()) detail::fail("cannot be applied to a 0-dim tensor");
  const std::int64_t axis = normal_axis(dim, shape().size());
  return detail::sliced(*this, axis, detail::normal_range(range, size(axis)));
}

std::vector<Tensor> Tensor::split(const Dims& sizes, std::int64_t dim, Here here) const {
  const OpScope scope("split", here);
  const std::int64_t axis = normal_axis(dim, impl_of(*this).shape().size());
  const std::int64_t total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  if (total != size(axis)) {
    detail::fail("expected sizes that sum to " + std::to_string(size(axis)) + ", got " +
                 Shape(sizes).str());
  }
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (std::int64_t length : sizes) {
    parts.push_back(narrow(axis, start, length));
    start += length;
  }
  return parts;
}

std::vector<Tensor> Tensor::split(std::int64_t split_size, std::int64_t dim, Here here) const {
  const OpScope scope("split", here);
  if (split_size <= 0) {
    detail::fail("split_size must be positive, got " + std::to_string(split_size));
  }
  Dims sizes;
  for (std::int64_t left = size(dim, here); left > 0; left -= split_size) {
    sizes.push_back(std::min(left, split_size));
  }
  if (sizes.empty()) sizes.push_back(0);
  return split(sizes, dim);
}

std::vector<Tensor> Tensor::chunk(std::int64_t chunks, std::int64_t dim, Here here) const {
  const OpScope scope("chunk", here);
  if (chunks <= 0) {
    detail::fail("chunks must be greater than 0, got " + std::to_string(chunks));
  }
  const std::int64_t n = size(dim, here);
  return split(std::max<std::int64_t>(1, (n + chunks - 1) / chunks), dim);
}

std::vector<Tensor> Tensor::unbind(std::int64_t dim, Here here) const {
  const OpScope scope("unbind", here);
  std::vector<Tensor> parts;
  for (std::int64_t k = 0; k < size(dim, here); ++k) parts.push_back(select(dim, k));
  return parts;
}

Tensor reshape(const Tensor& x, const Shape& shape, Here here) { return x.reshape(shape, here); }
Tensor transpose(const Tensor& x, std::int64_t dim0, std::int64_t dim1, Here here) {
  return x.transpose(dim0, dim1, here);
}
Tensor permute(const Tensor& x, const Dims& dims, Here here) { return x.permute(dims, here); }
Tensor squeeze(const Tensor& x, Here here) { return x.squeeze(here); }
Tensor squeeze(const Tensor& x, std::int64_t dim, Here here) { return x.squeeze(dim, here); }
Tensor unsqueeze(const Tensor& x, std::int64_t dim, Here here) { return x.unsqueeze(dim, here); }
Tensor flatten(const Tensor& x, std::int64_t start_dim, std::int64_t end_dim, Here here) {
  return x.flatten(start_dim, end_dim, here);
}
Tensor broadcast_to(const Tensor& x, const Shape& shape, Here here) {
  return x.expand(shape, here);
}
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim, Here here) {
  return x.chunk(chunks, dim, here);
}
std::vector<Tensor> split(const Tensor& x, std::int64_t split_size, std::int64_t dim, Here here) {
  return x.split(split_size, dim, here);
}

}  // namespace weft
