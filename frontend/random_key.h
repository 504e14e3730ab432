// The generator's state: a seed, and a number for each use. Together they are the key of one array
// of random bits.
#pragma once

#include <array>
#include <cstdint>

#include "frontend/record.h"

namespace weft::detail {

/// {seed, first stream} of `streams` streams that nobody else gets. Thread-safe.
std::array<std::uint64_t, 2> take_random_streams(std::int64_t streams);
/// The same as a value.
Ref record_random_key(std::array<std::uint64_t, 2> key);

}  // namespace weft::detail
