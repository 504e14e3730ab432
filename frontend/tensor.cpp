// Properties, values, copies and conversions of tensors.
#include <weft/tensor.h>

#include <algorithm>

#include <weft/ops.h>
#include "frontend/axes.h"
#include "frontend/evaluate.h"
#include "frontend/expr.h"
#include "frontend/promote.h"
#include "frontend/storage.h"
#include "frontend/trace.h"

namespace weft {

using detail::impl_of;
using detail::OpScope;
using detail::Ref;

// A scope, for the place, is opened only if there is no tensor.
const detail::TensorImpl& detail::impl_of(const Tensor& t, const char* function,
                                          const Location& where) {
  if (t.defined()) return impl_of(t);
  const OpScope scope(function, where);
  return impl_of(t);
}

const Shape& Tensor::shape(Here here) const { return impl_of(*this, "shape", here).shape(); }

std::int64_t Tensor::size(std::int64_t dim, Here here) const {
  const OpScope scope("size", here);
  const Shape& sizes = impl_of(*this).shape();
  if (sizes.empty())
    detail::fail("dimension specified as " + std::to_string(dim) + " but tensor has no dimensions");
  return sizes[static_cast<std::size_t>(detail::normal_axis(dim, sizes.size()))];
}

std::int64_t Tensor::dim(Here here) const {
  return static_cast<std::int64_t>(impl_of(*this, "dim", here).shape().size());
}
std::int64_t Tensor::numel(Here here) const {
  return impl_of(*this, "numel", here).shape().numel();
}
DType Tensor::dtype(Here here) const { return impl_of(*this, "dtype", here).layout->type.dtype; }
Device Tensor::device(Here here) const {
  return impl_of(*this, "device", here).layout->place.or_cpu().device();
}
const std::vector<std::int64_t>& Tensor::stride(Here here) const {
  return impl_of(*this, "stride", here).layout->strides;
}

bool Tensor::is_contiguous(Here here) const {
  const Shape& sizes = impl_of(*this, "is_contiguous", here).shape();
  std::int64_t expected = 1;
  for (std::size_t k = sizes.size(); k-- > 0;) {
    if (sizes[k] == 0) return true;
    if (sizes[k] != 1 && stride()[k] != expected) return false;
    expected *= sizes[k];
  }
  return true;
}

bool Tensor::shares_storage(const Tensor& other, Here here) const {
  return impl_of(*this, "shares_storage", here).storage ==
         impl_of(other, "shares_storage", here).storage;
}

namespace {

void check_single(const Tensor& t) {
  if (t.numel() == 1) return;
  detail::fail("a Tensor with " + std::to_string(t.numel()) +
               " elements cannot be converted to Scalar");
}

/// Those of a tensor on a device. They are copied once while its storage keeps its value, because
/// pointers to them are valid as long as that; of two threads that copy, the first one's stays.
std::shared_ptr<const void> host_elements(const Tensor& t) {
  detail::TensorImpl& impl = impl_of(t);
  const Ref stored = detail::resolve(detail::Storage::current(impl.storage));
  const auto is_copied = [&] {
    return !impl.copied.owner_before(stored) && !stored.owner_before(impl.copied);
  };
  const Ref value = detail::read(t);
  {
    const std::lock_guard lock(detail::graph_mutex());
    if (is_copied()) return impl.looked_at->buffer.memory;
  }
  Ref copy = detail::record_input(detail::host_value_of(value), value->type);
  const std::lock_guard lock(detail::graph_mutex());
  if (!is_copied()) {
    impl.looked_at.swap(copy);
    impl.copied = stored;
  }
  return impl.looked_at->buffer.memory;
}

}  // namespace

std::shared_ptr<const void> Tensor::typed_elements(DType wanted, const char* function,
                                                   const Location& where) const {
  const OpScope scope(function, where);
  if (dtype() != wanted) {
    const auto has = std::string(name(dtype())), asked = std::string(name(wanted));
    detail::fail("the tensor has dtype " + has + ", expected " + asked +
                 " for the C++ type asked for; convert with to(" + asked + ") first");
  }
  if (std::string_view(function) == "item") check_single(*this);
  return elements(where);
}

std::shared_ptr<const void> Tensor::elements(const Location& where) const {
  const OpScope scope("data", where);
  detail::TensorImpl& impl = impl_of(*this);
  if (impl.layout->place.is_cuda()) return host_elements(*this);
  const Ref value = detail::read(*this);
  if (impl.chain == nullptr) return detail::value_of(value).memory;
  const auto keep = [&](Ref owner) {
    const std::lock_guard lock(detail::graph_mutex());
    impl.looked_at.swap(owner);
    return impl.looked_at->buffer.memory;
  };
  if (const auto view = detail::memory_of_view(value)) return {keep(view->owner), view->data};
  const auto memory = detail::value_of(value).memory;
  keep(detail::resolve(value));
  return memory;
}

const void* Tensor::data_ptr(Here here) const {
  const detail::TensorImpl* impl = detail::Access::impl(*this).get();
  if (impl != nullptr && impl->chain == nullptr && detail::Trace::current() == nullptr)
    if (const void* at = impl->storage->elements_in_place()) return at;
  return elements(here).get();
}

Scalar Tensor::item(Here here) const {
  const OpScope scope("item", here);
  check_single(*this);
  const std::shared_ptr<const void> memory = elements(here);
  const void* at = memory.get();
  switch (dtype()) {
    case DType::boolean:
      return *static_cast<const bool*>(at);
    case DType::i8:
      return *static_cast<const std::int8_t*>(at);
    case DType::i16:
      return *static_cast<const std::int16_t*>(at);
    case DType::i32:
      return *static_cast<const std::int32_t*>(at);
    case DType::i64:
      return *static_cast<const std::int64_t*>(at);
    case DType::u8:
      return *static_cast<const std::uint8_t*>(at);
    case DType::u16:
      return *static_cast<const std::uint16_t*>(at);
    case DType::u32:
      return *static_cast<const std::uint32_t*>(at);
    case DType::u64:
      return *static_cast<const std::uint64_t*>(at);
    case DType::f32:
      return *static_cast<const float*>(at);
    case DType::f64:
      return *static_cast<const double*>(at);
    default:
      return to(f32).item(here);
  }
}

Tensor::operator bool() const {
  const OpScope scope("bool", Location());
  if (numel() > 1) {
    detail::fail_plain("Boolean value of Tensor with more than one value is ambiguous");
  }
  if (numel() == 0) detail::fail_plain("Boolean value of Tensor with no values is ambiguous");
  return item().to<bool>();
}

const Tensor& Tensor::eval(Here here) const {
  const OpScope scope("eval", here);
  detail::value_of(detail::read(*this));
  return *this;
}

Tensor& Tensor::eval(Here here) {
  static_cast<const Tensor*>(this)->eval(here);
  return *this;
}

void eval(const std::vector<Tensor>& tensors, Here here) {
  const OpScope scope("eval", here);
  std::vector<Ref> asked;
  for (const Tensor& t : tensors) asked.push_back(detail::read(t));
  detail::evaluate(asked);
}

Tensor Tensor::clone(Here here) const {
  const OpScope scope("clone", here);
  const detail::TensorImpl& impl = impl_of(*this);
  const Ref value = detail::read(*this);
  // Memory of others changes under us: the copy is made now.
  if (impl.storage->is_external() && !value->traced && !value->requires_grad) {
    return detail::copy_now(value);
  }
  return detail::wrap(value->requires_grad ? detail::expr::same(value) : value);
}

Tensor Tensor::contiguous(Here here) const { return is_contiguous() ? *this : clone(here); }

Tensor Tensor::to(DType target, Here here) const {
  const OpScope scope("to", here);
  if (dtype() == target) return *this;
  return detail::wrap(detail::convert_value(detail::read(*this), target));
}

Tensor Tensor::to(const Device& device, Here here) const {
  const OpScope scope("to", here);
  const detail::Place place = detail::place_of(device);
  if (impl_of(*this).layout->place.or_cpu() == place) return *this;
  return detail::wrap(detail::moved(detail::read(*this), place));
}

Tensor Tensor::type_as(const Tensor& other, Here here) const { return to(other.dtype(), here); }

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan,
              Here here) {
  const OpScope scope("allclose", here);
  return isclose(a, b, rtol, atol, equal_nan, here).all(here).item<bool>(here);
}

bool equal(const Tensor& a, const Tensor& b, Here here) {
  const OpScope scope("equal", here);
  if (a.shape() != b.shape()) return false;
  return (a == b).all(here).item<bool>(here);
}

Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan,
               Here here) {
  const OpScope scope("isclose", here);
  Tensor close = a == b;  // infinities
  if (is_float(a.dtype()) || is_float(b.dtype())) {
    const Tensor error = abs(a - b);
    close = close | (isfinite(error) & (error <= atol + rtol * abs(b)));
  } else {
    close = close | (abs(a - b).to(f64) <= atol + rtol * abs(b).to(f64));
  }
  return equal_nan ? close | (isnan(a) & isnan(b)) : close;
}

}  // namespace weft
