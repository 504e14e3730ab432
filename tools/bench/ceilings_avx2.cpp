// The ceiling kernels for processors with AVX2 and FMA.
#include "tools/bench/ceiling_kernels.h"

#include <immintrin.h>

namespace weft::bench {

namespace {

typedef float V __attribute__((vector_size(256 / 8)));
typedef int I __attribute__((vector_size(256 / 8)));

inline V set1(float x) { return _mm256_set1_ps(x); }
inline V load(const float* p) { return _mm256_loadu_ps(p); }
template <bool streaming>
inline void store(float* p, V v) {
  if constexpr (streaming)
    _mm256_stream_ps(p, v);
  else
    _mm256_storeu_ps(p, v);
}
template <bool streaming>
inline void fence() {
  if constexpr (streaming) _mm_sfence();
}
inline V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
inline V fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
inline V max(V a, V b) { return _mm256_max_ps(a, b); }
inline V sqrt(V a) { return _mm256_sqrt_ps(a); }
/// p * 2^n for n from -126; n is in the low bits of `shifted`. Smaller results become 0.
inline V exp2_scale(V p, V n, V shifted) {
  const V scaled = (V)((I)p + ((I)shifted << 23));
  return n < set1(-126) ? set1(0) : scaled;
}

#include "tools/bench/ceiling_kernels.inc"

}  // namespace

const CeilingKernels& avx2_ceilings() { return kernels; }

}  // namespace weft::bench
