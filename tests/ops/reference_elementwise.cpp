#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <type_traits>

#include "tests/ops/reference.h"
#include "tests/support/polygamma.h"

namespace weft::test {

using namespace weft::ir;

namespace {

__extension__ typedef __int128 Wide;
__extension__ typedef unsigned __int128 UnsignedWide;
constexpr long double pi = std::numbers::pi_v<long double>;

/// An exact integer result reduced to the dtype's width.
template <class T>
T wrapped(Wide x) {
  return static_cast<T>(static_cast<std::uint64_t>(x));
}

template <class T>
T half_to_even(T x) {
  const T below = std::floor(x), rest = x - below;
  if (std::isnan(x) || std::isinf(x)) return x;
  const bool up = rest > T(0.5) || (rest == T(0.5) && std::fmod(below, T(2)) != 0);
  return std::copysign(up ? below + 1 : below, x);
}

template <class T>
T integer_power(T x, T y) {
  if (y < 0) return x == 1 ? T{1} : x == T(-1) ? (y % 2 == 0 ? T{1} : T(-1)) : T{0};
  using U = std::make_unsigned_t<T>;
  U result = 1, square = static_cast<U>(x);
  for (U left = static_cast<U>(y); left != 0; left >>= 1, square *= square)
    if (left & 1) result *= square;
  return static_cast<T>(result);
}

template <class T>
bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(x);
  else
    return false;
}
template <class T>
T larger(T a, T b) {
  if (is_nan(a)) return a;
  if (is_nan(b)) return b;
  return a > b ? a : b;
}
template <class T>
T smaller(T a, T b) {
  if (is_nan(a)) return a;
  if (is_nan(b)) return b;
  return a < b ? a : b;
}

template <class T>
std::optional<T> float_result(Op op, const T* x) {
  switch (op) {
    case Op::neg:
      return std::copysign(x[0], std::signbit(x[0]) ? T(1) : T(-1));
    case Op::abs:
      return std::copysign(x[0], T(1));
    case Op::sign:
      return x[0] > 0 ? T(1) : x[0] < 0 ? T(-1) : x[0];
    case Op::floor:
      return std::floor(x[0]);
    case Op::ceil:
      return -std::floor(-x[0]);
    case Op::round:
      return half_to_even(x[0]);
    case Op::sqrt:
      return std::sqrt(x[0]);
    case Op::add:
      return x[0] + x[1];
    case Op::sub:
      return x[0] - x[1];
    case Op::mul:
      return x[0] * x[1];
    case Op::div:
      return x[0] / x[1];
    case Op::rem:
      return std::fmod(x[0], x[1]);
    case Op::max:
      return larger(x[0], x[1]);
    case Op::min:
      return smaller(x[0], x[1]);
    case Op::clamp:
      return smaller(larger(x[1], x[0]), x[2]);
    case Op::fma:
      return std::fma(x[0], x[1], x[2]);
    default:
      return {};
  }
}

template <class T>
T shifted(Op op, T x, T by) {
  constexpr int width = sizeof(T) * 8;
  const bool beyond = by < 0 || by >= static_cast<T>(width);
  using U = std::make_unsigned_t<T>;
  using S = std::make_signed_t<T>;
  if (op == Op::shift_right_arithmetic) {
    const S value = static_cast<S>(x);
    if (beyond) return static_cast<T>(value < 0 ? -1 : 0);
    const Wide divisor = Wide{1} << static_cast<int>(by);
    return wrapped<T>((Wide{value} - (value < 0 ? divisor - 1 : 0)) / divisor);
  }
  if (beyond) return 0;
  return static_cast<T>(op == Op::shift_left ? static_cast<U>(x) << by : static_cast<U>(x) >> by);
}

template <class T>
std::optional<T> integer_result(Op op, const T* x) {
  const Wide a = x[0], b = x[1];
  switch (op) {
    case Op::neg:
      return wrapped<T>(-a);
    case Op::abs:
      return wrapped<T>(a < 0 ? -a : a);
    case Op::sign:
      return static_cast<T>(a > 0 ? 1 : a < 0 ? -1 : 0);
    case Op::add:
      return wrapped<T>(a + b);
    case Op::sub:
      return wrapped<T>(a - b);
    // The product of the low words has the product's low word, and cannot overflow 128 bits.
    case Op::mul:
      return static_cast<T>(static_cast<UnsignedWide>(a) * static_cast<UnsignedWide>(b));
    case Op::div:
      return b == 0 ? static_cast<T>(-1) : wrapped<T>(a / b);
    case Op::rem:
      return b == 0 ? x[0] : wrapped<T>(a % b);
    case Op::pow:
      return integer_power(x[0], x[1]);
    case Op::max:
      return larger(x[0], x[1]);
    case Op::min:
      return smaller(x[0], x[1]);
    case Op::clamp:
      return smaller(larger(x[1], x[0]), x[2]);
    case Op::not_:
      return wrapped<T>(-1 - a);
    case Op::and_:
      return wrapped<T>(a & b);
    case Op::or_:
      return wrapped<T>(a | b);
    case Op::xor_:
      return wrapped<T>(a ^ b);
    case Op::shift_left:
    case Op::shift_right_logical:
    case Op::shift_right_arithmetic:
      return shifted(op, x[0], x[1]);
    default:
      return {};
  }
}

std::optional<bool> bool_result(Op op, const bool* x) {
  switch (op) {
    case Op::not_:
      return !x[0];
    case Op::and_:
      return x[0] && x[1];
    case Op::or_:
      return x[0] || x[1];
    case Op::xor_:
      return x[0] != x[1];
    default:
      return {};
  }
}

template <class T>
bool compared(const std::string& direction, T a, T b) {
  if (direction == "eq") return a == b;
  if (direction == "ne") return !(a == b);
  if (direction == "lt") return a < b;
  if (direction == "gt") return a > b;
  if (direction == "le") return a < b || a == b;
  return a > b || a == b;
}

template <class To, class From>
To converted(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return !(x == From{0});
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    const long double whole = std::trunc(static_cast<long double>(x));
    if (std::isnan(x)) return 0;
    if (whole <= static_cast<long double>(std::numeric_limits<To>::min()))
      return std::numeric_limits<To>::min();
    if (whole >= static_cast<long double>(std::numeric_limits<To>::max()))
      return std::numeric_limits<To>::max();
    return static_cast<To>(whole);
  } else if constexpr (std::is_integral_v<To>) {
    return wrapped<To>(static_cast<Wide>(x));
  } else {
    return static_cast<To>(x);
  }
}

template <class T>
T value_of(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
std::uint64_t bits_of(T value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <class F>
auto with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::boolean:
      return f(bool{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::i64:
      return f(std::int64_t{});
    case DType::u32:
      return f(std::uint32_t{});
    case DType::u64:
      return f(std::uint64_t{});
    case DType::f32:
      return f(float{});
    default:
      return f(double{});
  }
}

std::uint64_t converted_bits(DType from, DType to, std::uint64_t bits) {
  return with_type(from, [&]<class From>(From) {
    return with_type(to,
                     [&]<class To>(To) { return bits_of(converted<To>(value_of<From>(bits))); });
  });
}

template <class T>
std::optional<std::uint64_t> same_dtype_result(Op op, std::span<const std::uint64_t> args) {
  T x[3] = {};
  for (std::size_t k = 0; k < args.size(); ++k) x[k] = value_of<T>(args[k]);
  std::optional<T> result;
  if constexpr (std::is_same_v<T, bool>) {
    result = bool_result(op, x);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (op == Op::is_finite) return bits_of(std::isfinite(x[0]));
    result = float_result(op, x);
  } else {
    result = integer_result(op, x);
  }
  if (!result) return {};
  return bits_of(*result);
}

long double reciprocal_root(long double x) { return 1 / std::sqrt(x); }
long double logistic(long double x) { return 1 / (1 + std::exp(-x)); }

/// Where erf is `y`: Newton's method on erf near zero, on erfc towards the ends.
long double inverse_erf(long double y) {
  if (std::isnan(y) || std::fabs(y) > 1) return std::numeric_limits<long double>::quiet_NaN();
  if (std::fabs(y) == 1) return std::copysign(std::numeric_limits<long double>::infinity(), y);
  if (y == 0) return y;
  const long double target = std::fabs(y), tail = 1 - target;
  long double x = target < 0.9L ? target : std::sqrt(-std::log(tail * std::sqrt(pi)));
  for (int k = 0; k < 100; ++k) {
    const long double error = target < 0.5L ? std::erf(x) - target : tail - std::erfc(x);
    const long double slope = 2 / std::sqrt(pi) * std::exp(-x * x);
    const long double step = error / slope;
    x -= step / (1 + x * step);  // Halley's correction: erf'' / erf' = -2x
    if (std::fabs(step) <= std::fabs(x) * 1e-19L) break;
  }
  return std::copysign(x, y);
}

/// By recurrence up to 20 and the asymptotic series there; reflection for negative arguments.
long double digamma(long double x) {
  constexpr long double nan = std::numeric_limits<long double>::quiet_NaN();
  if (x == 0) return std::copysign(std::numeric_limits<long double>::infinity(), -x);
  if (x < 0) {
    if (std::isinf(x) || x == std::floor(x)) return nan;
    const long double part = x - std::nearbyint(x);  // exact, and cot has period pi
    return digamma(1 - x) - pi * std::cos(pi * part) / std::sin(pi * part);
  }
  long double sum = 0;
  for (; x < 20; ++x) sum -= 1 / x;
  const long double z = 1 / (x * x);
  // Bernoulli numbers B(2k) / 2k.
  const long double terms[] = {1 / 12.0L,        -1 / 120.0L,      1 / 252.0L, -1 / 240.0L,
                               1 / 132.0L,       -691 / 32760.0L,  1 / 12.0L,  -3617 / 8160.0L,
                               43867 / 14364.0L, -174611 / 6600.0L};
  long double tail = 0;
  for (int k = 9; k >= 0; --k) tail = (tail + terms[k]) * z;
  return sum + std::log(x) - 1 / (2 * x) - tail;
}

/// The C library's powl takes -2^63 for an odd number; integers from 2^62 on are even here.
long double power(long double x, long double y) {
  return powl(std::fabs(y) >= 0x1p62L ? std::fabs(x) : x, y);
}

long double log_gamma(long double x) {
  if (std::isinf(x)) return std::numeric_limits<long double>::infinity();
  int sign;
  return lgammal_r(x, &sign);
}

using Unary = long double (*)(long double);
using Binary = long double (*)(long double, long double);

constexpr PreciseFunction unary(Op op, Unary f, double f32_ulps = 2, double f64_ulps = 2) {
  return {op, f, nullptr, f32_ulps, f64_ulps, 0};
}

const PreciseFunction precise_functions[] = {
    unary(Op::rsqrt, reciprocal_root),
    unary(Op::cbrt, cbrtl),
    unary(Op::exp, expl, 1),
    unary(Op::expm1, expm1l),
    unary(Op::log, logl, 1),
    unary(Op::log1p, log1pl),
    unary(Op::sin, sinl),
    unary(Op::cos, cosl),
    unary(Op::tan, tanl),
    unary(Op::tanh, tanhl),
    unary(Op::asin, asinl),
    unary(Op::acos, acosl),
    unary(Op::atan, atanl),
    unary(Op::sinh, sinhl),
    unary(Op::cosh, coshl),
    unary(Op::asinh, asinhl),
    unary(Op::acosh, acoshl),
    unary(Op::atanh, atanhl),
    unary(Op::erf, erfl),
    unary(Op::erfc, erfcl),
    unary(Op::erf_inv, inverse_erf),
    {Op::lgamma, log_gamma, nullptr, 2, 4, 1},
    {Op::digamma, digamma, nullptr, 2, 4, 1, 8},
    {Op::polygamma, polygamma<1>, nullptr, 2, 6, 0, 0, 1},
    {Op::polygamma, polygamma<2>, nullptr, 2, 8, 0, 128, 2},
    {Op::polygamma, polygamma<3>, nullptr, 2, 10, 0, 0, 3},
    unary(Op::logistic, logistic),
    {Op::pow, nullptr, power, 2, 2, 0},
    {Op::atan2, nullptr, atan2l, 2, 2, 0},
};

}  // namespace

std::optional<std::uint64_t> exact_element(const Node& node, DType dtype,
                                           std::span<const std::uint64_t> args) {
  switch (node.op) {
    case Op::convert:
      return converted_bits(dtype, node.attrs.dtype("dtype"), args[0]);
    case Op::bitcast:
      return args[0];
    case Op::select:
      return (args[0] & 0xff) != 0 ? args[1] : args[2];
    case Op::compare:
      return with_type(dtype, [&]<class T>(T) -> std::uint64_t {
        return compared(node.attrs.string("direction"), value_of<T>(args[0]), value_of<T>(args[1]));
      });
    default:
      return with_type(dtype, [&]<class T>(T) { return same_dtype_result<T>(node.op, args); });
  }
}

const PreciseFunction* precise_function(Op op, const Attributes& attrs) {
  const std::int64_t order = attrs.has("order") ? attrs.integer("order") : 0;
  for (const PreciseFunction& f : precise_functions)
    if (f.op == op && f.order == order) return &f;
  return nullptr;
}

}  // namespace weft::test
