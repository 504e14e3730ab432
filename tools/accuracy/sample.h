// Dense and adversarial arguments: bit patterns over all numbers, the interval of interest, the
// neighbours of powers of two and of borders, 1, multiples of pi/2; and, from the worst arguments
// found, a local search.
#pragma once

#include <random>

#include "tools/accuracy/judge.h"

namespace weft::accuracy {

/// Fills the arguments number `block` of the sample (the same ones in every run).
template <class T>
void sample_block(const Function& f, std::uint64_t block, T* x, T* y, std::size_t n);

/// Variations of the worst arguments known.
template <class T>
void search_block(const Function& f, const Tally<T>& known, std::uint64_t round, T* x, T* y,
                  std::size_t n);

}  // namespace weft::accuracy
