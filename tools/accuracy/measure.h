// Measuring one function of one dtype, as compiled: over all arguments or over a sample.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tools/accuracy/function.h"

namespace weft::accuracy {

struct Options {
  std::uint64_t sample = 0;  // arguments; 0: every one (f32 functions of one argument only)
  int threads = 1;
};

/// Errors are in ULP: the distance of neighbouring numbers of the dtype at the exact result.
struct Measurement {
  std::string function, dtype;
  bool exhaustive = false;
  std::uint64_t arguments = 0;
  double max_ulp = 0, mean_ulp = 0;  // max_ulp is MPFR's
  double worst_x = 0, worst_y = 0, worst_got = 0;
  std::uint64_t only_absolute = 0;  // beyond 2 ULP, but within Function::absolute_*
  std::size_t operations = 0;       // of the scalar program, constants not counted
};

/// `progress` gets the fraction done, from the calling thread.
Measurement measure(const Function& f, DType dtype, const Options& options,
                    const std::function<void(double)>& progress);

}  // namespace weft::accuracy
