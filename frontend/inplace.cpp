// In-place operations: the result out of place, written through the tensor's views.
#include <weft/ops.h>
#include <weft/random.h>
#include "frontend/expr.h"
#include "frontend/promote.h"
#include "frontend/storage.h"

namespace weft {

using detail::OpScope;
using detail::Ref;

namespace {

/// Writes `result` to `x`, converted and broadcast to it.
Tensor& write_result(Tensor& x, const Ref& result) {
  const ir::Type type = detail::type_of(x);
  if (detail::category(result->type.dtype) > detail::category(type.dtype)) {
    detail::fail("result type " + std::string(name(result->type.dtype)) +
                 " can't be cast to the desired output type " + std::string(name(type.dtype)));
  }
  if (detail::broadcast_shapes({type.shape, result->type.shape}) != type.shape) {
    detail::fail_plain("output with shape " + ir::str(type.shape) +
                       " doesn't match the broadcast shape " + ir::str(result->type.shape));
  }
  detail::write(x,
                detail::expr::broadcast_to(detail::convert_value(result, type.dtype), type.shape));
  return x;
}

Tensor& write_result(Tensor& x, const Tensor& result) {
  return write_result(x, detail::read(result));
}

}  // namespace

// The place is the other operand's: the caller's line.
#define WEFT_INPLACE(NAME, OUT_OF_PLACE)                    \
  Tensor& Tensor::NAME(const Operand& other) {              \
    const OpScope scope(#NAME, other.where());              \
    detail::check_writable(*this);                          \
    return write_result(*this, OUT_OF_PLACE(*this, other)); \
  }
WEFT_INPLACE(mul_, weft::mul)
WEFT_INPLACE(div_, weft::div)
WEFT_INPLACE(pow_, weft::pow)
#undef WEFT_INPLACE

Tensor& Tensor::add_(const Operand& other, Scalar alpha) {
  const OpScope scope("add_", other.where());
  detail::check_writable(*this);
  return write_result(*this, weft::add(*this, other, alpha));
}

Tensor& Tensor::sub_(const Operand& other, Scalar alpha) {
  const OpScope scope("sub_", other.where());
  detail::check_writable(*this);
  return write_result(*this, weft::sub(*this, other, alpha));
}

Tensor& Tensor::clamp_(const Operand& low, const Operand& high) {
  const OpScope scope("clamp_", low.where());
  detail::check_writable(*this);
  return write_result(*this, weft::clamp(*this, low, high));
}

#define WEFT_INPLACE(NAME, OUT_OF_PLACE)             \
  Tensor& Tensor::NAME(Here here) {                  \
    const OpScope scope(#NAME, here);                \
    detail::check_writable(*this);                   \
    return write_result(*this, OUT_OF_PLACE(*this)); \
  }
WEFT_INPLACE(neg_, weft::neg)
WEFT_INPLACE(abs_, weft::abs)
WEFT_INPLACE(exp_, weft::exp)
WEFT_INPLACE(log_, weft::log)
WEFT_INPLACE(sqrt_, weft::sqrt)
WEFT_INPLACE(relu_, weft::relu)
WEFT_INPLACE(sigmoid_, weft::sigmoid)
WEFT_INPLACE(tanh_, weft::tanh)
#undef WEFT_INPLACE

// Copies convert whatever the dtype, unlike results of arithmetic, and go from device to device.
Tensor& Tensor::copy_(const Operand& source) {
  const OpScope scope("copy_", source.where());
  detail::check_writable(*this);
  if (!source.is_tensor()) return write_result(*this, detail::as_ref(source, dtype()));
  const Ref value = detail::moved(detail::read(source.tensor()), detail::place_of(device()));
  return write_result(*this, detail::convert_value(value, dtype()));
}

Tensor& Tensor::fill_(const Operand& value) {
  const OpScope scope("fill_", value.where());
  detail::check_writable(*this);
  if (value.is_tensor() && value.tensor().dim() != 0) {
    detail::fail("only supports 0-dimension value tensor but got tensor of shape " +
                 value.tensor().shape().str());
  }
  return write_result(*this, detail::as_ref(value, dtype()));
}

Tensor& Tensor::zero_(Here here) {
  const OpScope scope("zero_", here);
  detail::check_writable(*this);
  return write_result(*this, detail::literal(0, dtype()));
}

Tensor& Tensor::masked_fill_(const Tensor& mask, const Operand& value, Here here) {
  const OpScope scope("masked_fill_", here);
  detail::check_writable(*this);
  return write_result(*this, masked_fill(mask, value));
}

Tensor& Tensor::uniform_(double low, double high, Here here) {
  const OpScope scope("uniform_", here);
  detail::check_writable(*this);
  return write_result(*this, weft::rand_like(*this) * (high - low) + low);
}

Tensor& Tensor::normal_(double mean, double std, Here here) {
  const OpScope scope("normal_", here);
  detail::check_writable(*this);
  return write_result(*this, weft::randn_like(*this) * std + mean);
}

Tensor& Tensor::operator=(const Operand& value) && { return copy_(value); }

}  // namespace weft
