// Element types: names, sizes, classes and PyTorch's promotion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include <weft/error.h>

namespace weft {

enum class DType : std::uint8_t {
  boolean,
  i8,
  i16,
  i32,
  i64,
  u8,
  u16,
  u32,
  u64,
  f16,
  bf16,
  f32,
  f64,
  c64,
  c128
};
inline constexpr int dtype_count = 15;

namespace detail {
struct DTypeInfo {
  std::string_view name;
  std::uint8_t size;
  char kind;  // b bool, i signed, u unsigned, f float, c complex
};
inline constexpr DTypeInfo dtype_table[dtype_count] = {
    {"bool", 1, 'b'}, {"i8", 1, 'i'},  {"i16", 2, 'i'}, {"i32", 4, 'i'}, {"i64", 8, 'i'},
    {"u8", 1, 'u'},   {"u16", 2, 'u'}, {"u32", 4, 'u'}, {"u64", 8, 'u'}, {"f16", 2, 'f'},
    {"bf16", 2, 'f'}, {"f32", 4, 'f'}, {"f64", 8, 'f'}, {"c64", 8, 'c'}, {"c128", 16, 'c'},
};
constexpr const DTypeInfo& info(DType t) { return dtype_table[static_cast<int>(t)]; }
}  // namespace detail

constexpr std::string_view name(DType t) { return detail::info(t).name; }
constexpr std::size_t size_of(DType t) { return detail::info(t).size; }  // bytes
constexpr bool is_bool(DType t) { return t == DType::boolean; }
constexpr bool is_float(DType t) { return detail::info(t).kind == 'f'; }
constexpr bool is_complex(DType t) { return detail::info(t).kind == 'c'; }
constexpr bool is_signed_int(DType t) { return detail::info(t).kind == 'i'; }
constexpr bool is_unsigned_int(DType t) { return detail::info(t).kind == 'u'; }
constexpr bool is_int(DType t) { return is_signed_int(t) || is_unsigned_int(t); }

/// The dtypes that operations compute in; the others exist in types and text only.
constexpr bool is_computable(DType t) {
  switch (t) {
    case DType::boolean:
    case DType::i32:
    case DType::i64:
    case DType::u32:
    case DType::u64:
    case DType::f32:
    case DType::f64:
      return true;
    default:
      return false;
  }
}

constexpr std::optional<DType> dtype_from_name(std::string_view text) {
  for (int k = 0; k < dtype_count; ++k)
    if (detail::dtype_table[k].name == text) return static_cast<DType>(k);
  return std::nullopt;
}

/// The common dtype of two tensors, as PyTorch's `promote_types`.
WEFT_API DType promote(DType a, DType b);

/// The dtype of a C++ element type: dtype_of<float> == DType::f32.
template <class T>
struct DTypeOf;
#define WEFT_DTYPE(T, D)                     \
  template <>                                \
  struct DTypeOf<T> {                        \
    static constexpr DType value = DType::D; \
  };
WEFT_DTYPE(bool, boolean)
WEFT_DTYPE(std::int8_t, i8)
WEFT_DTYPE(std::int16_t, i16)
WEFT_DTYPE(std::int32_t, i32)
WEFT_DTYPE(std::int64_t, i64)
WEFT_DTYPE(std::uint8_t, u8)
WEFT_DTYPE(std::uint16_t, u16)
WEFT_DTYPE(std::uint32_t, u32)
WEFT_DTYPE(std::uint64_t, u64)
WEFT_DTYPE(float, f32)
WEFT_DTYPE(double, f64)
#undef WEFT_DTYPE
// On this platform or that, one of `long` and `long long` is no std::int64_t.
template <class T>
requires(std::is_same_v<T, long> || std::is_same_v<T, long long>) struct DTypeOf<T> {
  static constexpr DType value = sizeof(T) == 8 ? DType::i64 : DType::i32;
};
template <class T>
requires(std::is_same_v<T, unsigned long> ||
         std::is_same_v<T, unsigned long long>) struct DTypeOf<T> {
  static constexpr DType value = sizeof(T) == 8 ? DType::u64 : DType::u32;
};
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

// The names users write: weft::f32.
inline constexpr DType boolean = DType::boolean, i8 = DType::i8, i16 = DType::i16, i32 = DType::i32,
                       i64 = DType::i64, u8 = DType::u8, u16 = DType::u16, u32 = DType::u32,
                       u64 = DType::u64, f16 = DType::f16, bf16 = DType::bf16, f32 = DType::f32,
                       f64 = DType::f64, c64 = DType::c64, c128 = DType::c128;

}  // namespace weft
