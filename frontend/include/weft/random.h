// Random tensors. Numbers come from a counter-based generator (Philox 4x32-10): equal seeds give
// equal numbers on every device and thread count, and a jitted function gets fresh ones at each
// call.
#pragma once

#include <weft/options.h>
#include <weft/tensor.h>

namespace weft {

/// Restarts the stream of random numbers of this process.
WEFT_API void manual_seed(std::uint64_t seed);

/// Uniform in [0, 1).
WEFT_API Tensor rand(const Shape& shape, const Options& options = {}, Here = {});
/// Standard normal.
WEFT_API Tensor randn(const Shape& shape, const Options& options = {}, Here = {});
/// Integers in [low, high), i64 unless the options say otherwise.
WEFT_API Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
                        const Options& options = {}, Here = {});
WEFT_API Tensor randint(std::int64_t high, const Shape& shape, const Options& options = {},
                        Here = {});
WEFT_API Tensor rand_like(const Tensor& like, const Options& options = {}, Here = {});
WEFT_API Tensor randn_like(const Tensor& like, const Options& options = {}, Here = {});
/// 1 with probability p (element by element), else 0; of p's dtype.
WEFT_API Tensor bernoulli(const Tensor& p, Here = {});
/// A random permutation of 0 ... n-1, i64.
WEFT_API Tensor randperm(std::int64_t n, Here = {});

}  // namespace weft
