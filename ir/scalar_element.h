// What each scalar opcode does to one element, in C++: the meaning that ir/scalar.h documents. The
// evaluator of scalar programs and the interpreter's reductions both use it. Nothing here is
// undefined for any argument: integers wrap through unsigned arithmetic.
#pragma once

#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>

#include <weft/dtype.h>

namespace weft::ir::element {

template <class T>
concept Float = std::floating_point<T>;
template <class T>
concept Int = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Number = Float<T> || Int<T>;
template <class T>
concept Bits = std::integral<T>;  // bool and integers

template <Int T>
using Unsigned = std::make_unsigned_t<T>;
template <Int T>
inline constexpr Unsigned<T> width = sizeof(T) * 8;

template <Number T>
constexpr T add(T a, T b) {
  if constexpr (Float<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<Unsigned<T>>(a) + static_cast<Unsigned<T>>(b));
}
template <Number T>
constexpr T sub(T a, T b) {
  if constexpr (Float<T>)
    return a - b;
  else
    return static_cast<T>(static_cast<Unsigned<T>>(a) - static_cast<Unsigned<T>>(b));
}
template <Number T>
constexpr T mul(T a, T b) {
  if constexpr (Float<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<Unsigned<T>>(a) * static_cast<Unsigned<T>>(b));
}
template <Number T>
constexpr T neg(T a) {
  if constexpr (Float<T>)
    return -a;
  else
    return sub(T{0}, a);
}
template <Number T>
T abs(T a) {
  if constexpr (Float<T>)
    return std::fabs(a);
  else
    return a < T{0} ? neg(a) : a;
}

/// -1 is the one divisor for which the hardware's quotient can overflow.
template <Int T>
constexpr bool is_minus_one(T b) {
  return std::is_signed_v<T> && b == static_cast<T>(-1);
}
template <Number T>
T div(T a, T b) {
  if constexpr (Float<T>)
    return a / b;
  else if (b == T{0})
    return static_cast<T>(-1);
  else if (is_minus_one(b))
    return neg(a);
  else
    return a / b;
}
template <Number T>
T rem(T a, T b) {
  if constexpr (Float<T>)
    return std::fmod(a, b);
  else if (b == T{0})
    return a;
  else if (is_minus_one(b))
    return T{0};
  else
    return a % b;
}

template <Number T>
constexpr T max(T a, T b) {
  return (a > b || a != a) ? a : b;
}
template <Number T>
constexpr T min(T a, T b) {
  return (a < b || a != a) ? a : b;
}

template <Float T>
T sqrt(T a) {
  return std::sqrt(a);
}
template <Float T>
T floor(T a) {
  return std::floor(a);
}
template <Float T>
T ceil(T a) {
  return std::ceil(a);
}
template <Float T>
T round_even(T a) {
  return std::nearbyint(a);  // in the default rounding mode, which nothing in Weft changes
}
template <Float T>
T trunc(T a) {
  return std::trunc(a);
}
template <Float T>
T scale(T a, T b) {
  return std::isnan(a) ? a : std::ldexp(a, static_cast<int>(b));
}
/// a = mantissa 2^exponent for finite a > 0.
template <Float T>
T split_positive(T a, int& exponent) {
  constexpr T least = sizeof(T) == 4 ? T(0x1.555556p-1) : T(0x1.6a09e667f3bcdp-1);
  const T m = std::frexp(a, &exponent);
  if (m >= least) return m;
  --exponent;
  return 2 * m;
}
template <Float T>
T exponent(T a) {
  if (a == 0) return -std::numeric_limits<T>::infinity();
  if (!std::isfinite(a)) return std::fabs(a);
  int k = 0;
  split_positive(std::fabs(a), k);
  return static_cast<T>(k);
}
template <Float T>
T mantissa(T a) {
  if (!(a >= 0)) return std::numeric_limits<T>::quiet_NaN();
  int k = 0;
  return a == 0 || std::isinf(a) ? T{1} : split_positive(a, k);
}

template <class T>
constexpr bool eq(T a, T b) {
  return a == b;
}
template <class T>
constexpr bool ne(T a, T b) {
  return a != b;
}
template <class T>
constexpr bool lt(T a, T b) {
  return a < b;
}
template <class T>
constexpr bool le(T a, T b) {
  return a <= b;
}
template <class T>
constexpr T select(bool p, T a, T b) {
  return p ? a : b;
}

template <Bits T>
constexpr T and_(T a, T b) {
  return static_cast<T>(a & b);
}
template <Bits T>
constexpr T or_(T a, T b) {
  return static_cast<T>(a | b);
}
template <Bits T>
constexpr T xor_(T a, T b) {
  return static_cast<T>(a ^ b);
}
template <Bits T>
constexpr T not_(T a) {
  if constexpr (std::same_as<T, bool>)
    return !a;
  else
    return static_cast<T>(~a);
}

// An amount is read as unsigned, so a negative one is beyond the width.
template <Int T>
constexpr T shl(T a, T by) {
  const auto amount = static_cast<Unsigned<T>>(by);
  return amount < width<T> ? static_cast<T>(static_cast<Unsigned<T>>(a) << amount) : T{0};
}
template <Int T>
constexpr T shr_logical(T a, T by) {
  const auto amount = static_cast<Unsigned<T>>(by);
  return amount < width<T> ? static_cast<T>(static_cast<Unsigned<T>>(a) >> amount) : T{0};
}
template <Int T>
constexpr T shr_arith(T a, T by) {
  const auto amount = static_cast<Unsigned<T>>(by);
  const auto bits = static_cast<std::make_signed_t<T>>(a);
  return static_cast<T>(bits >> (amount < width<T> ? amount : width<T> - 1));
}

template <class To, class From>
constexpr To convert(From x) {
  if constexpr (std::same_as<To, bool>) {
    return x != From{0};
  } else if constexpr (Float<From> && Int<To>) {
    // The bounds are powers of two, so they are exact in both float types.
    constexpr From below = static_cast<From>(std::numeric_limits<To>::min());
    constexpr From half = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1);
    if (x != x) return To{0};
    if (x <= below) return std::numeric_limits<To>::min();
    if (x >= half * 2) return std::numeric_limits<To>::max();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}
template <class To, class From>
requires(sizeof(To) == sizeof(From)) To bitcast(From x) {
  To result;
  std::memcpy(&result, &x, sizeof(To));
  return result;
}

/// Calls f.template operator()<T>() with the C++ type of a computable dtype; `otherwise` for
/// others.
template <class F, class Otherwise>
auto with_type(DType dtype, F&& f, Otherwise&& otherwise) {
  switch (dtype) {
    case DType::boolean:
      return f.template operator()<bool>();
    case DType::i32:
      return f.template operator()<std::int32_t>();
    case DType::i64:
      return f.template operator()<std::int64_t>();
    case DType::u32:
      return f.template operator()<std::uint32_t>();
    case DType::u64:
      return f.template operator()<std::uint64_t>();
    case DType::f32:
      return f.template operator()<float>();
    case DType::f64:
      return f.template operator()<double>();
    default:
      return otherwise();
  }
}

// y[i] = fma(a, x[i], y[i]), rounded once, on any machine.
void fma_row(float a, const float* x, float* y, std::int64_t n);
void fma_row(double a, const double* x, double* y, std::int64_t n);

}  // namespace weft::ir::element
