// PyTorch's promotion of dtypes.
#include <weft/dtype.h>

#include <bit>

namespace weft {
namespace {

DType larger(DType a, DType b) { return size_of(a) >= size_of(b) ? a : b; }

DType promote_ints(DType a, DType b) {
  if (is_signed_int(a) == is_signed_int(b)) return larger(a, b);
  const DType plain = is_signed_int(a) ? a : b;
  const DType without_sign = is_signed_int(a) ? b : a;
  // The smallest signed type that holds both; i64 with u64, where there is none.
  constexpr DType wider[] = {DType::i16, DType::i32, DType::i64, DType::i64};
  return larger(wider[std::countr_zero(size_of(without_sign))], plain);
}

DType promote_floats(DType a, DType b) {
  if (a != b && size_of(a) == 2 && size_of(b) == 2) return DType::f32;  // f16 with bf16
  return larger(a, b);
}

DType promote_complex(DType a, DType b) {
  const bool wide = a == DType::c128 || b == DType::c128 || a == DType::f64 || b == DType::f64;
  return wide ? DType::c128 : DType::c64;
}

}  // namespace

DType promote(DType a, DType b) {
  if (a == b || is_bool(b)) return a;
  if (is_bool(a)) return b;
  if (is_complex(a) || is_complex(b)) return promote_complex(a, b);
  if (is_float(a) && is_float(b)) return promote_floats(a, b);
  if (is_float(a)) return a;
  if (is_float(b)) return b;
  return promote_ints(a, b);
}

}  // namespace weft
