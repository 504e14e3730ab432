// Literals: dense arrays of any dtype, read and written element by element.
#include "ir/literal.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ir/hash.h"

namespace weft::ir {
namespace {

/// A 16-bit float format: f16 is {10, 5}, bf16 is {7, 8}.
struct SmallFloat {
  int mantissa, exponent;

  int lowest() const { return 2 - (1 << (exponent - 1)); }  // exponent of the denormals
  std::uint16_t infinity() const { return ((1u << exponent) - 1) << mantissa; }

  std::uint16_t encode(double x) const {
    const unsigned sign = std::signbit(x) ? 0x8000u : 0;
    if (std::isnan(x)) return sign | infinity() | (1u << (mantissa - 1));
    if (x == 0) return sign;
    if (std::isinf(x)) return sign | infinity();
    const int e = std::max(std::ilogb(x), lowest());
    if (e >= 1 << (exponent - 1)) return sign | infinity();
    const auto significand = std::nearbyint(std::ldexp(std::fabs(x), mantissa - e));
    return sign | (((e - lowest()) << mantissa) + static_cast<int>(significand));
  }

  double decode(std::uint16_t bits) const {
    const double sign = bits & 0x8000u ? -1.0 : 1.0;
    const int e = (bits & 0x7FFFu) >> mantissa;
    const int fraction = bits & ((1u << mantissa) - 1);
    if (e == (1 << exponent) - 1)
      return std::copysign(fraction ? NAN : std::numeric_limits<double>::infinity(), sign);
    if (e == 0) return sign * std::ldexp(fraction, lowest() - mantissa);
    return sign * std::ldexp(fraction + (1 << mantissa), e - 1 + lowest() - mantissa);
  }
};

SmallFloat small_float(DType dtype) {
  return dtype == DType::f16 ? SmallFloat{10, 5} : SmallFloat{7, 8};
}

/// float -> int as `convert` does it: truncated, saturated, NaN to 0.
template <class T>
T saturate(double x) {
  if (std::isnan(x)) return 0;
  if (x <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (x >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(x);
}

template <class T>
void put(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}
template <class T>
T get(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void write_double(DType dtype, std::byte* at, double x) {
  switch (dtype) {
    case DType::boolean:
      return put(at, static_cast<std::uint8_t>(x != 0));
    case DType::i8:
      return put(at, saturate<std::int8_t>(x));
    case DType::i16:
      return put(at, saturate<std::int16_t>(x));
    case DType::i32:
      return put(at, saturate<std::int32_t>(x));
    case DType::i64:
      return put(at, saturate<std::int64_t>(x));
    case DType::u8:
      return put(at, saturate<std::uint8_t>(x));
    case DType::u16:
      return put(at, saturate<std::uint16_t>(x));
    case DType::u32:
      return put(at, saturate<std::uint32_t>(x));
    case DType::u64:
      return put(at, saturate<std::uint64_t>(x));
    case DType::f16:
    case DType::bf16:
      return put(at, small_float(dtype).encode(x));
    case DType::f32:
      return put(at, static_cast<float>(x));
    case DType::f64:
      return put(at, x);
    case DType::c64:
      return put(at, static_cast<float>(x));  // the imaginary part stays 0
    case DType::c128:
      return put(at, x);
  }
}

double read_double(DType dtype, const std::byte* at) {
  switch (dtype) {
    case DType::boolean:
      return get<std::uint8_t>(at) != 0;
    case DType::i8:
      return get<std::int8_t>(at);
    case DType::i16:
      return get<std::int16_t>(at);
    case DType::i32:
      return get<std::int32_t>(at);
    case DType::i64:
      return static_cast<double>(get<std::int64_t>(at));
    case DType::u8:
      return get<std::uint8_t>(at);
    case DType::u16:
      return get<std::uint16_t>(at);
    case DType::u32:
      return get<std::uint32_t>(at);
    case DType::u64:
      return static_cast<double>(get<std::uint64_t>(at));
    case DType::f16:
    case DType::bf16:
      return small_float(dtype).decode(get<std::uint16_t>(at));
    case DType::f32:
    case DType::c64:
      return get<float>(at);
    case DType::f64:
    case DType::c128:
      return get<double>(at);
  }
  return 0;
}

}  // namespace

Literal::Literal(Type type, std::vector<std::byte> bytes) : type_(std::move(type)) {
  if (bytes.size() != type_.bytes())
    throw InternalError("literal: " + type_.str() + " takes " + std::to_string(type_.bytes()) +
                        " bytes, got " + std::to_string(bytes.size()));
  bytes_ = std::make_shared<std::vector<std::byte>>(std::move(bytes));
}

Literal Literal::zeros(Type type) {
  std::vector<std::byte> bytes(type.bytes());
  return Literal(std::move(type), std::move(bytes));
}

Literal Literal::scalar(DType dtype, double value) {
  Literal result = zeros({dtype, {}});
  write_double(dtype, result.mutable_data(), value);
  return result;
}

Literal Literal::scalar_int(DType dtype, std::int64_t value) {
  if (!is_int(dtype)) return scalar(dtype, static_cast<double>(value));
  Literal result = zeros({dtype, {}});
  // Two's complement: the low bytes are the value, wrapped to the dtype's width.
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(result.mutable_data(), &value, size_of(dtype));
  return result;
}

std::byte* Literal::mutable_data() {
  if (bytes_.use_count() > 1) bytes_ = std::make_shared<std::vector<std::byte>>(*bytes_);
  return bytes_->data();
}

double Literal::at(std::int64_t i) const {
  return read_double(type_.dtype, data() + i * static_cast<std::int64_t>(size_of(type_.dtype)));
}

std::int64_t Literal::int_at(std::int64_t i) const {
  const std::byte* at = data() + i * static_cast<std::int64_t>(size_of(type_.dtype));
  if (type_.dtype == DType::i64) return get<std::int64_t>(at);
  if (type_.dtype == DType::u64) return static_cast<std::int64_t>(get<std::uint64_t>(at));
  return saturate<std::int64_t>(read_double(type_.dtype, at));
}

std::uint64_t Literal::bits_at(std::int64_t i) const {
  const std::size_t size = size_of(type_.dtype);
  std::uint64_t bits = 0;
  std::memcpy(&bits, data() + static_cast<std::size_t>(i) * size, std::min(size, sizeof bits));
  return bits;
}

bool Literal::is_splat() const {
  const std::size_t size = size_of(type_.dtype);
  const std::size_t bytes = bytes_->size();
  // Every element equals its successor.
  return bytes > 0 && (bytes == size || std::memcmp(data(), data() + size, bytes - size) == 0);
}

bool operator==(const Literal& a, const Literal& b) {
  if (a.type_ != b.type_) return false;
  if (a.bytes_ == b.bytes_) return true;
  return a.bytes_ && b.bytes_ && *a.bytes_ == *b.bytes_;
}

std::uint64_t Literal::hash() const {
  std::uint64_t h = hash_mix(17, static_cast<std::uint64_t>(type_.dtype));
  for (const Dim d : type_.shape) h = hash_mix(h, static_cast<std::uint64_t>(std::int64_t{d}));
  return bytes_ ? hash_bytes(h, bytes_->data(), bytes_->size()) : h;
}

bool is_any_number(DType dtype, std::uint64_t bits) {
  if (dtype != DType::f32 && dtype != DType::f64) return false;
  const double value = dtype == DType::f32 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                                           : std::bit_cast<double>(bits);
  const double size = std::fabs(value);
  return std::isfinite(value) && size != 0 && size != 0.5 && size != 1 && size != 2;
}

}  // namespace weft::ir
