#include "codegen/cuda/spell.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>

#include <weft/error.h>

namespace weft::codegen::cuda {
namespace {

using ir::ScalarOp;

constexpr std::string_view prelude_text = R"(typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;

template <class T> struct weft_int;
template <> struct weft_int<i32> {
  typedef u32 Unsigned;
  static __device__ constexpr i32 low() { return -2147483647 - 1; }
  static __device__ constexpr i32 high() { return 2147483647; }
};
template <> struct weft_int<u32> {
  typedef u32 Unsigned;
  static __device__ constexpr u32 low() { return 0u; }
  static __device__ constexpr u32 high() { return 4294967295u; }
};
template <> struct weft_int<i64> {
  typedef u64 Unsigned;
  static __device__ constexpr i64 low() { return -9223372036854775807ll - 1; }
  static __device__ constexpr i64 high() { return 9223372036854775807ll; }
};
template <> struct weft_int<u64> {
  typedef u64 Unsigned;
  static __device__ constexpr u64 low() { return 0ull; }
  static __device__ constexpr u64 high() { return 18446744073709551615ull; }
};

template <class To, class From> __device__ To weft_bitcast(From x) {
  static_assert(sizeof(To) == sizeof(From), "bitcast keeps the size");
  union { From from; To to; } both;
  both.from = x;
  return both.to;
}

// Elements that move together, by accesses of 16 bytes at most.
template <class T> struct __align__(4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16) weft_pack { T v[4]; };
template <class T> __device__ void weft_load_part(weft_pack<T>& pack, const T* from, i64 count) {
  if (count >= 4) {
    pack = *(const weft_pack<T>*)from;
  } else {
#pragma unroll
    for (int v = 0; v < 4; ++v)
      if (v < count) pack.v[v] = from[v];
  }
}
template <class T> __device__ void weft_store_part(const weft_pack<T>& pack, T* to, i64 count) {
  if (count >= 4) {
    *(weft_pack<T>*)to = pack;
  } else {
#pragma unroll
    for (int v = 0; v < 4; ++v)
      if (v < count) to[v] = pack.v[v];
  }
}

// Rows into shared memory, 16 bytes at a time, both ends aligned to that; asynchronously where the
// device can.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
__device__ void weft_copy_16(void* shared, const void* global) {
  *(weft_pack<u32>*)shared = *(const weft_pack<u32>*)global;
}
__device__ void weft_copy_wait() {}
#elif defined(__CUDA_ARCH__)
__device__ void weft_copy_16(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                   (unsigned)__cvta_generic_to_shared(shared)),
               "l"(global)
               : "memory");
}
__device__ void weft_copy_wait() { asm volatile("cp.async.wait_all;" ::: "memory"); }
#endif
template <class T, class I>
__device__ void weft_copy_row(T* shared, const T* global, I elements, I lane) {
  const int bytes = (int)elements * (int)sizeof(T);
  for (int b = (int)lane * 16; b < bytes; b += 512)
    weft_copy_16((char*)shared + b, (const char*)global + b);
}

// Integers wrap.
template <class T> __device__ T weft_add(T a, T b) {
  typedef typename weft_int<T>::Unsigned U;
  return (T)((U)a + (U)b);
}
template <class T> __device__ T weft_sub(T a, T b) {
  typedef typename weft_int<T>::Unsigned U;
  return (T)((U)a - (U)b);
}
template <class T> __device__ T weft_mul(T a, T b) {
  typedef typename weft_int<T>::Unsigned U;
  return (T)((U)a * (U)b);
}
template <class T> __device__ bool weft_is_minus_one(T b) {
  return weft_int<T>::low() < (T)0 && b == (T)-1;
}
template <class T> __device__ T weft_div(T a, T b) {
  if (b == (T)0) return (T)-1;
  return weft_is_minus_one(b) ? weft_sub((T)0, a) : (T)(a / b);
}
template <class T> __device__ T weft_rem(T a, T b) {
  if (b == (T)0) return a;
  return weft_is_minus_one(b) ? (T)0 : (T)(a % b);
}
template <class T> __device__ T weft_int_abs(T a) { return a < (T)0 ? weft_sub((T)0, a) : a; }

// An amount beyond the width, or negative, shifts everything out.
template <class T> __device__ T weft_shl(T a, T by) {
  typedef typename weft_int<T>::Unsigned U;
  return (U)by < (U)(8 * sizeof(T)) ? (T)((U)a << (U)by) : (T)0;
}
template <class T> __device__ T weft_shr_logical(T a, T by) {
  typedef typename weft_int<T>::Unsigned U;
  return (U)by < (U)(8 * sizeof(T)) ? (T)((U)a >> (U)by) : (T)0;
}
__device__ i32 weft_shr_arith(i32 a, i32 by) { return a >> ((u32)by < 32u ? by : 31); }
__device__ i64 weft_shr_arith(i64 a, i64 by) { return a >> ((u64)by < 64u ? by : 63); }
__device__ u32 weft_shr_arith(u32 a, u32 by) { return (u32)weft_shr_arith((i32)a, (i32)by); }
__device__ u64 weft_shr_arith(u64 a, u64 by) { return (u64)weft_shr_arith((i64)a, (i64)by); }

// Only the sign bit changes.
__device__ f32 weft_neg(f32 a) { return weft_bitcast<f32>(weft_bitcast<u32>(a) ^ 0x80000000u); }
__device__ f64 weft_neg(f64 a) {
  return weft_bitcast<f64>(weft_bitcast<u64>(a) ^ 0x8000000000000000ull);
}
__device__ f32 weft_abs(f32 a) { return weft_bitcast<f32>(weft_bitcast<u32>(a) & 0x7fffffffu); }
__device__ f64 weft_abs(f64 a) {
  return weft_bitcast<f64>(weft_bitcast<u64>(a) & 0x7fffffffffffffffull);
}

// A NaN operand gives NaN.
template <class T> __device__ T weft_max(T a, T b) { return a > b || a != a ? a : b; }
template <class T> __device__ T weft_min(T a, T b) { return a < b || a != a ? a : b; }

// Floats to integers: towards zero, saturating, NaN gives 0. The bounds are powers of two.
template <class To, class From> __device__ To weft_saturate(From x) {
  if (x != x) return (To)0;
  if (x <= (From)weft_int<To>::low()) return weft_int<To>::low();
  if (x >= (From)(weft_int<To>::high() / 2 + 1) * (From)2) return weft_int<To>::high();
  return (To)x;
}

// The bits of |a|, or of a multiple where it is denormal. What 1 has more than the least mantissa,
// added to them, carries into the exponent field.
__device__ i32 weft_normal_bits(f32 a) {
  f32 b = weft_abs(a);
  return weft_bitcast<i32>(b < 0x1p-126f ? b * 0x1p32f : b);
}
__device__ i64 weft_normal_bits(f64 a) {
  f64 b = weft_abs(a);
  return weft_bitcast<i64>(b < 0x1p-1022 ? b * 0x1p64 : b);
}
__device__ f32 weft_exponent(f32 a) {
  f32 b = weft_abs(a);
  if (b == 0.0f) return weft_bitcast<f32>(0xff800000u);
  if (!(b <= 0x1.fffffep127f)) return b;
  return (f32)(((weft_normal_bits(a) + 0x555555) >> 23) - (b < 0x1p-126f ? 159 : 127));
}
__device__ f64 weft_exponent(f64 a) {
  f64 b = weft_abs(a);
  if (b == 0.0) return weft_bitcast<f64>(0xfff0000000000000ull);
  if (!(b <= 0x1.fffffffffffffp1023)) return b;
  return (f64)(((weft_normal_bits(a) + 0x95f619980c433ll) >> 52) - (b < 0x1p-1022 ? 1087 : 1023));
}
__device__ f32 weft_mantissa(f32 a) {
  if (!(a >= 0.0f)) return weft_bitcast<f32>(0x7fc00000u);
  return weft_bitcast<f32>(((weft_normal_bits(a) + 0x555555) & 0x7fffff) + 0x3f2aaaab);
}
__device__ f64 weft_mantissa(f64 a) {
  if (!(a >= 0.0)) return weft_bitcast<f64>(0x7ff8000000000000ull);
  return weft_bitcast<f64>(((weft_normal_bits(a) + 0x95f619980c433ll) & 0xfffffffffffffll) +
                           0x3fe6a09e667f3bcdll);
}
)";

// $0 $1 $2: arguments; $T: type of the result; $p and $s: what the compiler's functions put before
// and after their names (__fadd_rn, __dadd_rn; floorf, floor). Nothing here can be contracted.
struct Row {
  ScalarOp op;
  std::string_view on_floats, on_integers, on_bools;
};
constexpr Row rows[] = {
    {ScalarOp::add, "__$padd_rn($0, $1)", "weft_add($0, $1)", ""},
    {ScalarOp::sub, "__$psub_rn($0, $1)", "weft_sub($0, $1)", ""},
    {ScalarOp::mul, "__$pmul_rn($0, $1)", "weft_mul($0, $1)", ""},
    {ScalarOp::div, "__$pdiv_rn($0, $1)", "weft_div($0, $1)", ""},
    {ScalarOp::rem, "fmod$s($0, $1)", "weft_rem($0, $1)", ""},
    {ScalarOp::fma, "__fma$s_rn($0, $1, $2)", "", ""},
    {ScalarOp::neg, "weft_neg($0)", "weft_sub(($T)0, $0)", ""},
    {ScalarOp::abs, "weft_abs($0)", "weft_int_abs($0)", ""},
    {ScalarOp::min, "weft_min($0, $1)", "weft_min($0, $1)", ""},
    {ScalarOp::max, "weft_max($0, $1)", "weft_max($0, $1)", ""},
    {ScalarOp::sqrt, "__$psqrt_rn($0)", "", ""},
    {ScalarOp::floor, "floor$s($0)", "", ""},
    {ScalarOp::ceil, "ceil$s($0)", "", ""},
    {ScalarOp::round_even, "rint$s($0)", "", ""},
    {ScalarOp::trunc, "trunc$s($0)", "", ""},
    {ScalarOp::scale, "ldexp$s($0, weft_saturate<i32>($1))", "", ""},
    {ScalarOp::exponent, "weft_exponent($0)", "", ""},
    {ScalarOp::mantissa, "weft_mantissa($0)", "", ""},
    {ScalarOp::eq, "$0 == $1", "$0 == $1", "$0 == $1"},
    {ScalarOp::ne, "$0 != $1", "$0 != $1", "$0 != $1"},
    {ScalarOp::lt, "$0 < $1", "$0 < $1", "$0 < $1"},
    {ScalarOp::le, "$0 <= $1", "$0 <= $1", "$0 <= $1"},
    {ScalarOp::select, "$0 ? $1 : $2", "$0 ? $1 : $2", "$0 ? $1 : $2"},
    {ScalarOp::and_, "", "$0 & $1", "$0 && $1"},
    {ScalarOp::or_, "", "$0 | $1", "$0 || $1"},
    {ScalarOp::xor_, "", "$0 ^ $1", "$0 != $1"},
    {ScalarOp::not_, "", "~$0", "!$0"},
    {ScalarOp::shl, "", "weft_shl($0, $1)", ""},
    {ScalarOp::shr_logical, "", "weft_shr_logical($0, $1)", ""},
    {ScalarOp::shr_arith, "", "weft_shr_arith($0, $1)", ""},
    {ScalarOp::bitcast, "weft_bitcast<$T>($0)", "weft_bitcast<$T>($0)", "$0"},
};
static_assert(std::size(rows) == ir::scalar_op_count - 3);  // all but param, constant, convert

std::string fill(std::string_view pattern, DType result, DType operand,
                 std::span<const std::string> args) {
  bool single = operand == DType::f32;
  std::string text;
  for (std::size_t k = 0; k < pattern.size(); ++k) {
    if (pattern[k] != '$') {
      text += pattern[k];
      continue;
    }
    char what = pattern[++k];
    if (what == 'T') {
      text += type_name(result);
    } else if (what == 'p') {
      text += single ? 'f' : 'd';
    } else if (what == 's') {
      if (single) text += 'f';
    } else {
      text += args[static_cast<std::size_t>(what - '0')];
    }
  }
  return text;
}

std::string conversion(DType to, DType from, const std::string& value) {
  std::string type(type_name(to));
  if (is_bool(to)) return value + " != (" + std::string(type_name(from)) + ")0";
  if (is_float(from) && is_int(to)) return "weft_saturate<" + type + ">(" + value + ")";
  return "(" + type + ")" + value;
}

template <class... Args>
std::string format(const char* pattern, Args... args) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), pattern, args...);
  return text.data();
}

}  // namespace

std::string_view prelude() { return prelude_text; }

std::string_view type_name(DType dtype) {
  if (!is_computable(dtype))
    throw Unsupported("cuda: kernels do not compute in " + std::string(name(dtype)));
  return name(dtype);
}

std::string_view stored_type_name(DType dtype) {
  return is_bool(dtype) ? "unsigned char" : type_name(dtype);
}

std::string constant(DType dtype, std::uint64_t bits) {
  auto low = static_cast<std::uint32_t>(bits);
  switch (dtype) {
    case DType::boolean:
      return bits ? "true" : "false";
    case DType::i32:
      return format("(i32)0x%xu", low);
    case DType::u32:
      return format("0x%xu", low);
    case DType::i64:
      return format("(i64)0x%llxull", static_cast<unsigned long long>(bits));
    case DType::u64:
      return format("0x%llxull", static_cast<unsigned long long>(bits));
    case DType::f32: {
      auto value = std::bit_cast<float>(low);
      return std::isfinite(value) ? format("%af", static_cast<double>(value))
                                  : format("weft_bitcast<f32>(0x%xu)", low);
    }
    case DType::f64: {
      auto value = std::bit_cast<double>(bits);
      return std::isfinite(value)
                 ? format("%a", value)
                 : format("weft_bitcast<f64>(0x%llxull)", static_cast<unsigned long long>(bits));
    }
    default:
      throw Unsupported("cuda: constants of " + std::string(name(dtype)));
  }
}

std::string expression(ScalarOp op, DType result, DType operand,
                       std::span<const std::string> args) {
  if (op == ScalarOp::convert) return conversion(result, operand, args[0]);
  for (const Row& row : rows) {
    if (row.op != op) continue;
    std::string_view pattern = is_float(operand)  ? row.on_floats
                               : is_bool(operand) ? row.on_bools
                                                  : row.on_integers;
    if (!pattern.empty()) return fill(pattern, result, operand, args);
  }
  throw InternalError("cuda: no " + std::string(ir::info(op).name) + " of " +
                      std::string(name(operand)));
}

}  // namespace weft::codegen::cuda
