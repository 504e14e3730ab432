// Right factors of products that stay the same from call to call (weights of inference, captures of
// jit) are packed once. The panels belong to the buffer of the factor: they are made when a product
// reads it a second time, and go when a call writes over the buffer, or with it.
#pragma once

#include <cstdint>

#include "codegen/panels.h"
#include "runtime/pool.h"

namespace weft::runtime {

/// Whether packing the right factor of each call costs something.
bool is_worth_keeping(const codegen::RightFactor& factor);

/// The address of the factor's panels, or 0: it was not read before, or it is memory from outside,
/// or there is no room. `buffer` holds the factor and outlives the use of the panels.
std::int64_t packed_ahead(const Buffer& buffer, const codegen::RightFactor& factor, DType dtype);

/// Before a call writes over a buffer that nobody else uses.
void forget_packed(const Buffer& buffer);

struct PackedStats {
  std::size_t factors, bytes;  // kept now
  std::size_t limit_bytes;     // the most that is kept: an eighth of the machine's memory
};
PackedStats packed_stats();

}  // namespace weft::runtime
