// The ceiling kernels for processors with AVX-512.
#include "tools/bench/ceiling_kernels.h"

#include <immintrin.h>

namespace weft::bench {

namespace {

typedef float V __attribute__((vector_size(512 / 8)));
typedef int I __attribute__((vector_size(512 / 8)));

inline V set1(float x) { return _mm512_set1_ps(x); }
inline V load(const float* p) { return _mm512_loadu_ps(p); }
template <bool streaming>
inline void store(float* p, V v) {
  if constexpr (streaming)
    _mm512_stream_ps(p, v);
  else
    _mm512_storeu_ps(p, v);
}
template <bool streaming>
inline void fence() {
  if constexpr (streaming) _mm_sfence();
}
inline V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
inline V fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }
inline V max(V a, V b) { return _mm512_max_ps(a, b); }
inline V sqrt(V a) { return _mm512_sqrt_ps(a); }
/// p * 2^n.
inline V exp2_scale(V p, V n, V) { return _mm512_scalef_ps(p, n); }

#include "tools/bench/ceiling_kernels.inc"

}  // namespace

const CeilingKernels& avx512_ceilings() { return kernels; }

}  // namespace weft::bench
