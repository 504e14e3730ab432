// The C library's vector functions as quick references for f32: all of 2^32
// arguments in half a minute instead of minutes.
#pragma once

#include "tools/accuracy/function.h"

namespace weft::accuracy {

/// Null where the C library or the processor has none for this operation.
QuickF32 vector_reference(ir::Op op);

/// Of n results, a multiple of four, the sum and the largest of ulp_error_in_range (both NaN, or
/// equal: 0), and the smallest exact result. Anything out of range makes `largest` infinite.
struct BlockErrors {
  double sum = 0, largest = 0, smallest_result = 0;
};
BlockErrors block_errors(const float* got, const double* want, std::size_t n);

}  // namespace weft::accuracy
