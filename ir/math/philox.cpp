// Philox 4x32-10: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011). 32-bit
// words live in 64-bit integers, so that a round's two products are whole; words are cut to 32 bits
// only where the upper half would be seen.
#include "ir/math/helpers.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

Scalar philox_u32(ScalarBuilder& b, Scalar key0, Scalar key1, Scalar index) {
  constexpr std::int64_t low_word = 0xffffffff;
  constexpr std::int64_t multipliers[2] = {0xd2511f53, 0xcd9e8d57};
  constexpr std::int64_t weyl[2] = {0x9e3779b9, 0xbb67ae85};
  const Term key{&b, key0}, stream{&b, key1}, i{&b, index};
  const Term block = i >> 2;
  Term c0 = block & low_word, c1 = block >> 32, c2 = stream & low_word, c3 = stream >> 32;
  Term k0 = key, k1 = key >> 32;
  for (int round = 0; round < 10; ++round) {
    const Term p0 = c0 * multipliers[0], p1 = c2 * multipliers[1];
    c0 = ((p1 >> 32) ^ c1 ^ k0) & low_word;
    c1 = p1;
    c2 = ((p0 >> 32) ^ c3 ^ k1) & low_word;
    c3 = p0;
    k0 = k0 + weyl[0];
    k1 = k1 + weyl[1];
  }
  const Term odd = (i & 1) != 0, upper = (i & 2) != 0;
  const Term word = select(upper, select(odd, c3, c2), select(odd, c1, c0));
  return convert(word & low_word, DType::u32);
}

}  // namespace weft::ir::math
