#include "frontend/promote.h"

#include <bit>
#include <cmath>

#include "frontend/evaluate.h"
#include "frontend/expr.h"
#include "frontend/storage.h"
#include "ir/text.h"

namespace weft::detail {
namespace {

/// What operands of a higher rank decided, and what those of a lower rank can add: a category only.
std::optional<DType> combine(std::optional<DType> higher, std::optional<DType> lower) {
  if (!higher) return lower;
  if (!lower) return higher;
  return category(*lower) > category(*higher) ? promote(*higher, *lower) : *higher;
}

void join(std::optional<DType>& into, DType t) { into = into ? promote(*into, t) : t; }

float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t(bits & 0x8000u) << 16;
  const int exponent = (bits >> 10) & 31;
  const std::uint32_t fraction = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  const float magnitude =
      exponent == 0 ? static_cast<float>(fraction) * 0x1p-24f
                    : std::bit_cast<float>(std::uint32_t(exponent + 112) << 23 | fraction << 13);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
}

template <class From, class Widen>
std::vector<std::byte> widen_all(const void* data, std::int64_t n, Widen widen) {
  using To = decltype(widen(From()));
  std::vector<std::byte> bytes(static_cast<std::size_t>(n) * sizeof(To));
  const From* from = static_cast<const From*>(data);
  To* to = reinterpret_cast<To*>(bytes.data());
  for (std::int64_t k = 0; k < n; ++k) to[k] = widen(from[k]);
  return bytes;
}

/// A stored-only dtype as the nearest one that computes, on the host.
Ref widen(const Ref& x) {
  const runtime::Buffer buffer = host_value_of(x);
  const std::int64_t n = x->type.elements();
  const auto small = [](auto v) { return static_cast<std::int32_t>(v); };
  DType wide = DType::i32;
  std::vector<std::byte> bytes;
  switch (x->type.dtype) {
    case DType::i8:
      bytes = widen_all<std::int8_t>(buffer.data(), n, small);
      break;
    case DType::i16:
      bytes = widen_all<std::int16_t>(buffer.data(), n, small);
      break;
    case DType::u8:
      bytes = widen_all<std::uint8_t>(buffer.data(), n, small);
      break;
    case DType::u16:
      bytes = widen_all<std::uint16_t>(buffer.data(), n, small);
      break;
    case DType::f16:
      wide = DType::f32;
      bytes = widen_all<std::uint16_t>(buffer.data(), n, half_to_float);
      break;
    case DType::bf16:
      wide = DType::f32;
      bytes = widen_all<std::uint16_t>(buffer.data(), n, [](std::uint16_t v) {
        return std::bit_cast<float>(std::uint32_t(v) << 16);
      });
      break;
    default:
      fail_unsupported("expected a real dtype, got " + x->type.str());
  }
  runtime::Buffer copy = runtime::allocate(bytes.size());
  std::copy(bytes.begin(), bytes.end(), static_cast<std::byte*>(copy.data()));
  return moved(record_input(std::move(copy), {wide, x->type.shape}), x->place().or_cpu());
}

}  // namespace

DType dtype_of_scalar(const Scalar& s) {
  switch (s.kind()) {
    case Scalar::Kind::flag:
      return DType::boolean;
    case Scalar::Kind::integer:
      return DType::i64;
    case Scalar::Kind::real:
      break;
  }
  return default_float;
}

DType result_type(std::span<const Operand* const> operands) {
  std::optional<DType> dimensioned, zero_dim, number;
  for (const Operand* x : operands) {
    if (!x->is_tensor()) {
      join(number, dtype_of_scalar(x->scalar()));
    } else {
      const TensorImpl& impl = impl_of(x->tensor());
      join(impl.shape().empty() ? zero_dim : dimensioned, impl.layout->type.dtype);
    }
  }
  return *combine(dimensioned, combine(zero_dim, number));
}

void check_range(const Scalar& s, DType dtype) {
  if (!is_int(dtype)) return;
  const int width = static_cast<int>(8 * size_of(dtype));
  const double limit = std::ldexp(1, is_unsigned_int(dtype) ? width : width - 1);
  bool inside = false;
  if (s.is_real()) {
    const double whole = std::trunc(s.real());
    inside = -limit <= whole && whole < limit;  // no NaN is
  } else if (!s.fits_i64()) {
    inside = dtype == DType::u64;
  } else {
    inside = width == 64 || (-limit <= s.real() && s.real() < limit);
  }
  if (inside) return;
  const std::string number = s.is_real()    ? ir::real_text(s.real())
                             : s.fits_i64() ? std::to_string(s.integer())
                                            : std::to_string(s.to<std::uint64_t>());
  fail("the number " + number + " is out of range for " + std::string(name(dtype)));
}

Ref literal(const Scalar& s, DType dtype) {
  check_range(s, dtype);
  return is_float(dtype) || s.is_real() ? expr::scalar(dtype, s.real())
                                        : expr::scalar_int(dtype, s.integer());
}

Ref as_ref(const Operand& x, DType dtype) {
  return x.is_tensor() ? convert_value(read(x.tensor()), dtype) : literal(x.scalar(), dtype);
}

Ref convert_value(const Ref& x, DType to) {
  if (x->type.dtype == to) return x;
  if (!is_computable(to)) {
    fail_unsupported("cannot convert " + x->type.str() + " to " + std::string(name(to)) +
                     ", expected a dtype that Weft computes in (bool i32 i64 u32 u64 f32 f64)");
  }
  return expr::convert(is_computable(x->type.dtype) ? x : widen(x), to);
}

}  // namespace weft::detail
