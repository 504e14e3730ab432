// Hand-written vector kernels: what the row functions, Black-Scholes and the in-cache chain can
// reach.
#pragma once

#include <cstdint>

namespace weft::bench {

/// What a kernel reads and writes; which of them it uses is said at the kernel.
struct CeilingArrays {
  const float* in[5] = {};
  const std::int64_t* labels = nullptr;
  float* out = nullptr;
  std::int64_t columns = 0;  // of a row: a multiple of 64, at most 4096
};

/// Rows, or elements in multiples of 16, [begin, end).
using CeilingKernel = void (*)(const CeilingArrays& a, std::int64_t begin, std::int64_t end);

/// With plain and with streaming stores.
struct CeilingPair {
  CeilingKernel plain, streaming;
};

/// in[0] is x, in[1] the cotangent. cross_entropy writes a loss for each row, its gradient is that
/// of their sum. chain: x, the row, the column. black_scholes: spot, strike, years, rate,
/// volatility.
struct CeilingKernels {
  CeilingPair softmax, softmax_grad, cross_entropy, cross_entropy_grad, layer_norm, layer_norm_grad,
      rms_norm, rms_norm_grad, chain, black_scholes;
};

const CeilingKernels& avx2_ceilings();
const CeilingKernels& avx512_ceilings();

}  // namespace weft::bench
