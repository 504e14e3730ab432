#include <weft/factories.h>

#include <cmath>
#include <cstring>

#include "frontend/expr.h"
#include "frontend/promote.h"
#include "frontend/storage.h"

namespace weft {

using detail::OpScope;
using detail::Ref;
namespace expr = detail::expr;

namespace {

detail::Place place_of(const Options& options) {
  return options.device() ? detail::place_of(*options.device()) : detail::Place::cpu();
}

/// Options without a device: that of `like`.
Options as(const Tensor& like, const Options& options) {
  return options.device() ? options : options.device(like.device());
}

/// Device and requires_grad of the options.
Tensor finish(const Ref& value, const Options& options) {
  Tensor t = detail::wrap(detail::moved(value, place_of(options)));
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

Tensor filled(const char* name, const Shape& shape, Scalar value, DType dtype,
              const Options& options, const Location& where) {
  const OpScope scope(name, where);
  const detail::PlaceScope place(place_of(options));
  const ir::Type type = detail::checked_type(shape, options.dtype().value_or(dtype));
  return finish(expr::broadcast_to(detail::literal(value, type.dtype), type.shape), options);
}

template <class T>
void store_scalars(const std::vector<Scalar>& values, void* to) {
  T* at = static_cast<T*>(to);
  for (const Scalar& value : values) *at++ = value.to<T>();
}

/// Numbers as elements of that dtype.
runtime::Buffer buffer_of(const std::vector<Scalar>& values, DType dtype) {
  runtime::Buffer buffer = runtime::allocate(values.size() * size_of(dtype));
  switch (dtype) {
    case DType::boolean:
      store_scalars<bool>(values, buffer.data());
      break;
    case DType::i8:
      store_scalars<std::int8_t>(values, buffer.data());
      break;
    case DType::i16:
      store_scalars<std::int16_t>(values, buffer.data());
      break;
    case DType::i32:
      store_scalars<std::int32_t>(values, buffer.data());
      break;
    case DType::i64:
      store_scalars<std::int64_t>(values, buffer.data());
      break;
    case DType::u8:
      store_scalars<std::uint8_t>(values, buffer.data());
      break;
    case DType::u16:
      store_scalars<std::uint16_t>(values, buffer.data());
      break;
    case DType::u32:
      store_scalars<std::uint32_t>(values, buffer.data());
      break;
    case DType::u64:
      store_scalars<std::uint64_t>(values, buffer.data());
      break;
    case DType::f32:
      store_scalars<float>(values, buffer.data());
      break;
    case DType::f64:
      store_scalars<double>(values, buffer.data());
      break;
    default:
      detail::fail_unsupported("cannot make a tensor of dtype " + std::string(name(dtype)));
  }
  return buffer;
}

/// How many of start, start + step, ... lie before `end`, which lies in the step's direction.
std::int64_t count_integers(const Scalar& start, const Scalar& end, const Scalar& step) {
  for (const Scalar& s : {start, end, step}) detail::check_range(s, DType::i64);
  // Unsigned: the distance may be longer than an i64 holds.
  const auto from = static_cast<std::uint64_t>(start.integer());
  const auto to = static_cast<std::uint64_t>(end.integer());
  const auto by = static_cast<std::uint64_t>(step.integer());
  const bool up = step.integer() > 0;
  const std::uint64_t distance = up ? to - from : from - to, length = up ? by : -by;
  const std::uint64_t count = distance / length + (distance % length != 0 ? 1 : 0);
  if (count > static_cast<std::uint64_t>(INT64_MAX)) {
    detail::fail("expected less than 2^63 elements, got " + std::to_string(count));
  }
  return static_cast<std::int64_t>(count);
}

DType common_dtype(const std::vector<Scalar>& values) {
  if (values.empty()) return detail::default_float;
  DType common = DType::boolean;
  for (const Scalar& value : values) common = promote(common, detail::dtype_of_scalar(value));
  return common;
}

}  // namespace

NestedList::NestedList(std::initializer_list<NestedList> items) {
  sizes_.push_back(static_cast<std::int64_t>(items.size()));
  if (items.size() > 0) {
    const Dims& inner = items.begin()->sizes_;
    sizes_.insert(sizes_.end(), inner.begin(), inner.end());
  }
  std::int64_t position = 0;
  for (const NestedList& item : items) {
    if (problem_.empty()) problem_ = item.problem_;
    if (problem_.empty() && item.sizes_ != items.begin()->sizes_) {
      problem_ = "expected every list of one level to have the same lengths: item 0 has shape " +
                 Shape(items.begin()->sizes_).str() + ", item " + std::to_string(position) +
                 " has shape " + Shape(item.sizes_).str();
    }
    values_.insert(values_.end(), item.values_.begin(), item.values_.end());
    ++position;
  }
}

Tensor tensor(const NestedList& values, const Options& options, Here here) {
  const OpScope scope("tensor", here);
  if (!values.problem().empty()) detail::fail(values.problem());
  const DType dtype = options.dtype().value_or(common_dtype(values.values()));
  for (const Scalar& value : values.values()) detail::check_range(value, dtype);
  return finish(detail::record_input(buffer_of(values.values(), dtype),
                                     {dtype, detail::to_ir(Shape(values.sizes()))}),
                options);
}

namespace detail {

ir::Type checked_type(const Shape& shape, DType dtype) {
  for (std::int64_t size : shape) {
    if (size < 0) {
      fail("trying to create tensor with negative dimension " + std::to_string(size) + ": " +
           shape.str());
    }
  }
  const ir::Type type{dtype, to_ir(shape)};
  if (!ir::is_legal(type)) {
    fail("expected at most " + std::to_string(ir::max_rank) +
         " dimensions and less than 2^62 bytes, got shape " + shape.str());
  }
  return type;
}

Tensor from_values(const void* data, DType dtype, const Shape& shape, const Options& options,
                   const Location& where) {
  const OpScope scope("tensor", where);
  const ir::Type type{dtype, to_ir(shape)};
  runtime::Buffer buffer = runtime::allocate(type.bytes());
  if (type.bytes() > 0) std::memcpy(buffer.data(), data, type.bytes());
  Ref value = record_input(std::move(buffer), type);
  return finish(convert_value(value, options.dtype().value_or(dtype)), options);
}

}  // namespace detail

Tensor zeros(const Shape& shape, const Options& options, Here here) {
  return filled("zeros", shape, 0, detail::default_float, options, here);
}
Tensor ones(const Shape& shape, const Options& options, Here here) {
  return filled("ones", shape, 1, detail::default_float, options, here);
}
Tensor full(const Shape& shape, Scalar value, const Options& options, Here here) {
  return filled("full", shape, value, detail::dtype_of_scalar(value), options, here);
}
Tensor empty(const Shape& shape, const Options& options, Here here) {
  return filled("empty", shape, 0, detail::default_float, options, here);
}
Tensor zeros_like(const Tensor& like, const Options& options, Here here) {
  return filled("zeros_like", like.shape(), 0, like.dtype(), as(like, options), here);
}
Tensor ones_like(const Tensor& like, const Options& options, Here here) {
  return filled("ones_like", like.shape(), 1, like.dtype(), as(like, options), here);
}
Tensor full_like(const Tensor& like, Scalar value, const Options& options, Here here) {
  return filled("full_like", like.shape(), value, like.dtype(), as(like, options), here);
}
Tensor empty_like(const Tensor& like, const Options& options, Here here) {
  return filled("empty_like", like.shape(), 0, like.dtype(), as(like, options), here);
}

Tensor arange(Scalar start, Scalar end, Scalar step, const Options& options, Here here) {
  const OpScope scope("arange", here);
  const detail::PlaceScope place(place_of(options));
  const bool real = start.is_real() || end.is_real() || step.is_real();
  if (step.real() == 0) detail::fail("step must be nonzero");
  if ((end.real() - start.real()) / step.real() < 0) {
    detail::fail("upper bound and larger bound inconsistent with step sign");
  }
  const DType dtype = options.dtype().value_or(real ? detail::default_float : DType::i64);
  if (!is_int(dtype) && !is_float(dtype)) {
    detail::fail("expected an integer or float dtype, got " + std::string(name(dtype)));
  }
  std::int64_t count = 0;
  if (real) {
    const double steps = std::ceil((end.real() - start.real()) / step.real());
    if (!(steps < 9e15)) detail::fail("expected finite bounds");
    count = static_cast<std::int64_t>(steps);
  } else {
    count = count_integers(start, end, step);
  }
  const Ref number = expr::iota(detail::checked_type({count}, dtype), 0);
  const Ref scaled = expr::mul(number, detail::literal(step, dtype));
  return finish(expr::add(scaled, detail::literal(start, dtype)), options);
}

Tensor arange(Scalar start, Scalar end, Here here) { return arange(start, end, 1, {}, here); }
Tensor arange(Scalar start, Scalar end, const Options& options, Here here) {
  return arange(start, end, 1, options, here);
}
Tensor arange(Scalar end, Here here) {
  return end.is_real() ? arange(0.0, end, 1, {}, here) : arange(0, end, 1, {}, here);
}
Tensor arange(Scalar end, const Options& options, Here here) {
  return arange(0, end, 1, options, here);
}

// Both halves are measured from their own end, so that the last element is `end` itself.
Tensor linspace(double start, double end, std::int64_t steps, const Options& options, Here here) {
  const OpScope scope("linspace", here);
  const detail::PlaceScope place(place_of(options));
  if (steps < 0) detail::fail("number of steps must be non-negative, got " + std::to_string(steps));
  const DType dtype = options.dtype().value_or(detail::default_float);
  const ir::Type type = detail::checked_type({steps}, is_float(dtype) ? dtype : DType::f64);
  const double step = steps > 1 ? (end - start) / static_cast<double>(steps - 1) : 0;
  const Ref k = expr::iota(type, 0);
  const Ref from_end = expr::add(k, -static_cast<double>(steps - 1));
  const Ref value =
      expr::select(expr::compare("lt", k, expr::scalar(type.dtype, static_cast<double>(steps) / 2)),
                   expr::add(expr::mul(k, step), start), expr::add(expr::mul(from_end, step), end));
  return finish(expr::convert(steps == 1 ? expr::full(type, start) : value, dtype), options);
}

Tensor eye(std::int64_t n, std::int64_t m, const Options& options, Here here) {
  const OpScope scope("eye", here);
  const detail::PlaceScope place(place_of(options));
  const DType dtype = options.dtype().value_or(detail::default_float);
  const ir::Type index{DType::i64, detail::checked_type({n, m}, DType::i64).shape};
  const Ref diagonal = expr::compare("eq", expr::iota(index, 0), expr::iota(index, 1));
  return finish(expr::convert(diagonal, dtype), options);
}
Tensor eye(std::int64_t n, const Options& options, Here here) { return eye(n, n, options, here); }

Tensor from_blob(void* data, const Shape& shape, const Dims& strides,
                 std::function<void(void*)> deleter, const Options& options, Here here) {
  const OpScope scope("from_blob", here);
  // First of all, so that the deleter is called whatever is wrong with the rest.
  auto memory = deleter ? std::shared_ptr<void>(data, std::move(deleter))
                        : std::shared_ptr<void>(data, [](void*) {});
  const ir::Type type =
      detail::checked_type(shape, options.dtype().value_or(detail::default_float));
  if (strides.size() != shape.size()) {
    detail::fail("expected a stride for each of " + std::to_string(shape.size()) +
                 " dimensions, got " + std::to_string(strides.size()));
  }
  if (data == nullptr && shape.numel() > 0) detail::fail("data is a null pointer");
  if (place_of(options).is_cuda()) {
    detail::fail_unsupported("memory of the host cannot be a tensor on " + options.device()->str() +
                             "; copy it there with to()");
  }
  detail::External external;
  external.memory = std::move(memory);
  external.type = type;
  external.strides = strides;
  external.row_major = strides == detail::contiguous_strides(shape);
  auto impl = std::make_shared<detail::TensorImpl>();
  impl->layout = detail::layout_of(type, strides);
  impl->storage = std::make_shared<detail::Storage>(std::move(external));
  Tensor t = detail::Access::make(std::move(impl));
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

Tensor from_blob(void* data, const Shape& shape, const Options& options, Here here) {
  return from_blob(data, shape, detail::contiguous_strides(shape), nullptr, options, here);
}
Tensor from_blob(void* data, const Shape& shape, const Dims& strides, const Options& options,
                 Here here) {
  return from_blob(data, shape, strides, nullptr, options, here);
}
Tensor from_blob(void* data, const Shape& shape, std::function<void(void*)> deleter,
                 const Options& options, Here here) {
  return from_blob(data, shape, detail::contiguous_strides(shape), std::move(deleter), options,
                   here);
}

}  // namespace weft
