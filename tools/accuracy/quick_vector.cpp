#include "tools/accuracy/quick_vector.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#if defined(__x86_64__) && defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 35)
#define WEFT_HAS_LIBMVEC
#include <immintrin.h>
#endif
#endif

namespace weft::accuracy {

#ifdef WEFT_HAS_LIBMVEC

#define WEFT_VECTOR_TARGET __attribute__((target("avx2,fma")))

namespace {

using Double4 = double __attribute__((vector_size(32)));
using Float4 = float __attribute__((vector_size(16)));
using Long4 = long long __attribute__((vector_size(32)));

// libmvec's names (the x86-64 vector ABI): four doubles, no mask. Their errors
// are below 4 ULP of double.
#define WEFT_FOR_EACH_VECTOR_FUNCTION(entry)                                                   \
  entry(cbrt) entry(exp) entry(expm1) entry(log) entry(log1p) entry(sin) entry(cos) entry(tan) \
      entry(tanh) entry(asin) entry(acos) entry(atan) entry(sinh) entry(cosh) entry(asinh)     \
          entry(acosh) entry(atanh) entry(erf) entry(erfc)
#define WEFT_DECLARE(f) extern "C" WEFT_VECTOR_TARGET Double4 _ZGVdN4v_##f(Double4);
WEFT_FOR_EACH_VECTOR_FUNCTION(WEFT_DECLARE)
#undef WEFT_DECLARE

WEFT_VECTOR_TARGET inline Double4 load(const float* x) {
  Float4 v;
  __builtin_memcpy(&v, x, sizeof v);
  return __builtin_convertvector(v, Double4);
}
WEFT_VECTOR_TARGET inline void store(double* want, Double4 v) {
  __builtin_memcpy(want, &v, sizeof v);
}
WEFT_VECTOR_TARGET inline Double4 magnitude(Double4 v) {
  return (Double4)((Long4)v & 0x7fffffffffffffff);
}
WEFT_VECTOR_TARGET inline Double4 choose(Long4 mask, Double4 yes, Double4 no) {
  return (Double4)((mask & (Long4)yes) | (~mask & (Long4)no));
}

/// Of n arguments, a multiple of four.
template <Double4 (*f)(Double4)>
WEFT_VECTOR_TARGET void each(const float* x, const float*, double* want, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 4) store(want + i, f(load(x + i)));
}

WEFT_VECTOR_TARGET void logistic(const float* x, const float*, double* want, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 4) {
    const Double4 v = load(x + i), one = {1, 1, 1, 1};
    const Double4 e = _ZGVdN4v_exp(-magnitude(v));
    store(want + i, choose(v < 0, e, one) / (1 + e));
  }
}

/// As the scalar one in function.cpp: Halley's method from S. Winitzki's
/// approximation.
WEFT_VECTOR_TARGET inline Double4 erf_inv(Double4 x) {
  const Double4 a = magnitude(x), infinite = {HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL};
  const Double4 l = _ZGVdN4v_log((1 - a) * (1 + a)), b = l / 2 + 2 / (std::numbers::pi * 0.147);
  Double4 y = _mm256_sqrt_pd(_mm256_sqrt_pd(b * b - l / 0.147) - b);
  for (int k = 0; k < 2; ++k) {
    const Double4 error = choose(a < 0.5, _ZGVdN4v_erf(y) - a, (1 - a) - _ZGVdN4v_erfc(y));
    const Double4 step = error * _ZGVdN4v_exp(y * y) * (0.5 / std::numbers::inv_sqrtpi);
    y -= step / (1 + y * step);
  }
  const Double4 t = a * (0.5 / std::numbers::inv_sqrtpi), square = t * t;
  y = choose(a < 1e-5, t * (1 + square / 3 * (1 + square * 0.7)), y);
  y = choose(a == 1, infinite, y);
  return (Double4)((Long4)y | ((Long4)x & ~0x7fffffffffffffff));
}

}  // namespace

namespace {

bool has_vectors() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

WEFT_VECTOR_TARGET BlockErrors vector_block_errors(const float* got, const double* want,
                                                   std::size_t n) {
  Double4 sum = {}, largest = {}, smallest = Double4{} + HUGE_VAL;
  for (std::size_t i = 0; i < n; i += 4) {
    Double4 w;
    __builtin_memcpy(&w, want + i, sizeof w);
    const Double4 g = load(got + i);
    const Long4 field = ((Long4)w >> 52) & 0x7ff, least = Long4{} + (1023 - 126);
    const Long4 bounded = (Long4)choose(field < least, (Double4)least, (Double4)field);
    const auto inverse_unit = (Double4)((2 * 1023 + 23 - bounded) << 52);
    const Long4 same = (g == w) | ((g != g) & (w != w));
    const Double4 ulp = choose(same, Double4{}, magnitude(g - w) * inverse_unit);
    sum += ulp;
    largest = choose(ulp <= largest, largest, ulp);  // NaN stays
    smallest = choose(magnitude(w) < smallest, magnitude(w), smallest);
  }
  BlockErrors all{0, 0, HUGE_VAL};
  for (int k = 0; k < 4; ++k) {
    all.sum += sum[k];
    all.largest = largest[k] <= all.largest ? all.largest : largest[k];
    all.smallest_result = std::min(all.smallest_result, smallest[k]);
  }
  if (!(all.largest < 1e6)) all.largest = HUGE_VAL;
  return all;
}

}  // namespace

BlockErrors block_errors(const float* got, const double* want, std::size_t n) {
  return has_vectors() ? vector_block_errors(got, want, n) : BlockErrors{0, HUGE_VAL, 0};
}

QuickF32 vector_reference(ir::Op op) {
  if (!has_vectors()) return nullptr;
  switch (op) {
#define WEFT_CASE(f) \
  case ir::Op::f:    \
    return each<_ZGVdN4v_##f>;
    WEFT_FOR_EACH_VECTOR_FUNCTION(WEFT_CASE)
#undef WEFT_CASE
    case ir::Op::erf_inv:
      return each<erf_inv>;
    case ir::Op::logistic:
      return logistic;
    default:
      return nullptr;
  }
}

#else

BlockErrors block_errors(const float*, const double*, std::size_t) { return {0, HUGE_VAL, 0}; }
QuickF32 vector_reference(ir::Op) { return nullptr; }

#endif

}  // namespace weft::accuracy
