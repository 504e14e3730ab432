// The argument of sin, cos and tan modulo pi, for every finite argument and without branches.
// f32: one product with 1/pi in f64, from which a selected constant leaves out the multiples of 2
// that large arguments would add. f64: the idea of M. Payne and R. Hanek, "Radian reduction for
// trigonometric functions" (1983): the mantissa as an integer times the 170 bits of 1/pi that
// matter for the exponent.
#include <array>

#include "ir/math/kernels.h"

namespace weft::ir::math {

namespace {

constexpr double pi = 0x1.921fb54442d18p+1, pi_low = 0x1.1a62633145c07p-53;

/// |x| / pi (+ 1/2) = j + rest.
struct Turns {
  Term rest;  // f64, |rest| <= 1/2
  Term odd;   // i64, the lowest bit
};

Turns turns_f32(Term x, bool plus_half) {
  const Term narrow = abs(x);
  const Term a = convert(narrow, DType::f64);
  // 1/pi in two parts, less its bits of weight 2^(24-L) and more where a >= 2^L: the last bit of a
  // weighs 2^(L-23) or more, so these bits contribute multiples of 2. a * high stays below 2^45, so
  // it keeps 7 bits of fraction.
  struct Segment {
    double from, high, low;
  };
  constexpr Segment segments[] = {
      {0x1p44, 0x1.b727220a94fe1p-24, 0x1.d5f47d4d37703p-79},
      {0x1p65, 0x1.1054a7f09d5f4p-43, 0x1.f534ddc0db629p-97},
      {0x1p86, 0x1.fc2757d1f534ep-65, -0x1.1f924eb53361ep-120},
      {0x1p107, 0x1.7d1f534ddc0dbp-85, 0x1.8a5664f10e410p-139},
  };
  Term high = like(a, 0x1.45f306dc9c883p-2), low = like(a, -0x1.6b01ec5417056p-56);
  for (const Segment& s : segments) {
    const Term in = s.from <= narrow;
    high = select(in, s.high, high);
    low = select(in, s.low, low);
  }
  const Term product = a * high;
  const Term error = fma(a, low, fma(a, high, -product));
  const Nearest j = nearest(plus_half ? product + 0.5 : product);
  const Term rest = plus_half ? product - j.value + 0.5 : product - j.value;
  return {rest + error, j.bits};
}

/// pi * scale * (v + rest) for a signed 64-bit integer v, in two parts. Both halves of v become
/// floats by their bits alone, and exactly.
struct Angle {
  Term high, low;
};
Angle times_pi(Term v, Term rest, double scale) {
  // The upper half is the nearest multiple of 2^32, so that the halves do not cancel; 31 first, as
  // the sum could wrap.
  const Term u = v ^ std::numeric_limits<std::int64_t>::min();
  const Term upper = ((u >> 31) + 1) >> 1;
  const Term lower = (u + (std::int64_t{1} << 31)) & 0xffffffff;
  const Term large =
      from_bits(upper | 0x4530000000000000) - (0x1p84 + 0x1p63);  // 2^84 + 2^32 upper
  const Term small = from_bits(lower | 0x4330000000000000) - (0x1p52 + 0x1p31);  // 2^52 + lower
  const Term minor = small + rest;
  const Term minor_low = rest - (minor - small);
  const Term correction = (large + minor) * (pi_low * scale);
  const Term tail = fma(minor, pi * scale, correction);
  const Term high = fma(large, pi * scale, tail);
  const Term tail_low = fma(minor, pi * scale, -tail) + correction;
  return {high, (fma(large, pi * scale, -high) + tail) + fma(minor_low, pi * scale, tail_low)};
}

/// Three words of 64 bits of 1/pi from bit `at` (0 to 1023) on, where bit 53 is its first.
std::array<Term, 3> inverse_pi_words(Term at) {
  constexpr int count = 19;
  constexpr std::uint64_t words[count] = {
      0x000000000000028b, 0xe60db9391054a7f0, 0x9d5f47d4d377036d, 0x8a5664f10e4107f9,
      0x458eaf7aef1586dc, 0x91b8e909374b8019, 0x24bba827464873f8, 0x77ac72c4a69cfba2,
      0x08d7d4baed1213a6, 0x71c09ad17df904e6, 0x4758e60d4ce7d272, 0x117e2ef7e4a0ec7f,
      0xe25fff7816603fbc, 0xbc462d6829b47db4, 0xd9fb3c9f2c26dd3d, 0x18fd9a797fa8b5d4,
      0x9eeb1faf97c5ecf4, 0x1ce7de294a4ba9af, 0xed7ec47e35742158};
  std::array<Term, count> w;
  for (int k = 0; k < count; ++k) w[k] = like(at, words[k]);
  // Each bit of the word's number halves the candidates.
  int left = count;
  for (int step = 8; step >= 1; step /= 2) {
    const Term skip = (at & (step * 64)) != 0;
    left = step + 3;
    for (int k = 0; k < left; ++k) w[k] = select(skip, w[k + step], w[k]);
  }
  const Term shift = at & 63;
  const Term back = 64 - shift;
  return {(w[0] << shift) | (w[1] >> back), (w[1] << shift) | (w[2] >> back),
          (w[2] << shift) | (w[3] >> back)};
}

/// a / pi modulo 2 for a >= 1 as (high + rest) * 2^-63.
struct FixedTurns {
  Term high;  // i64
  Term rest;  // f64, between -4 and 4
};

FixedTurns turns_f64(Term a) {
  const Term pattern = bits(a);
  const Term fraction = pattern & 0x000fffffffffffff;
  const Term mantissa = from_bits(fraction | 0x4330000000000000);  // 2^52 <= mantissa < 2^53
  const auto [w0, w1, w2] = inverse_pi_words((pattern >> 52) - 1023);
  // The product with w0 is exact modulo 2^64. The rest of the words follows as two floats of 52
  // bits.
  const Term whole = (fraction | 0x0010000000000000) * w0;
  const Term p1 = from_bits((w1 >> 12) | 0x3ff0000000000000) - 1.0;
  const Term p2 =
      from_bits((((w1 << 40) | (w2 >> 24)) & 0x000fffffffffffff) | 0x3cb0000000000000) - 0x1p-52;
  const Term product = mantissa * p1;
  const Term error = fma(mantissa, p2, fma(mantissa, p1, -product));
  // Its multiple of 4 joins the integer: in 2^54 + product the last bit weighs 4.
  const Term shifted = product + 0x1p54;
  const Term carry = (bits(shifted) << 2) - static_cast<std::int64_t>(std::uint64_t{0x435} << 54);
  return {whole + carry, product - (shifted - 0x1p54) + error};
}

}  // namespace

PiReduced reduce_pi(Term x, bool plus_half) {
  if (is_f32(x)) {
    const Turns t = turns_f32(x, plus_half);
    return {convert(t.rest * pi, DType::f32), convert(t.odd, DType::i32) << 31};
  }
  const Term a = abs(x);
  const FixedTurns t = turns_f64(a);
  constexpr std::int64_t half_turn = std::int64_t{1} << 62;
  const Term v = plus_half ? t.high + half_turn : t.high;
  const Term r = times_pi(v << 1, t.rest * 2, 0x1p-64).high;
  // Below 1 the fixed point has too few bits: there r is x, or j is 1 and r is x - pi/2.
  const Term small = a < 1;
  const Term small_r = plus_half ? a - pi / 2 - pi_low / 2 : a;
  const std::int64_t small_odd = plus_half ? std::numeric_limits<std::int64_t>::min() : 0;
  return {select(small, small_r, select(a < infinity, r, not_a_number)),
          select(small, small_odd, v + half_turn)};
}

HalfPiReduced reduce_half_pi(Term x) {
  if (is_f32(x)) {
    const Term rest = turns_f32(x, false).rest;
    const Term odd = 0.25 < abs(rest);
    const Term from_pole = rest - copy_sign(like(rest, 0.5), rest);
    const Term wide = select(odd, from_pole, rest) * pi;
    const Term r = convert(wide, DType::f32);
    return {r, convert(wide - convert(r, DType::f64), DType::f32), odd};
  }
  const Term a = abs(x);
  const FixedTurns t = turns_f64(a);
  const Angle r = times_pi(t.high << 2, t.rest * 4, 0x1p-65);
  // Below 1 the fixed point has too few bits: there r is x, or j is 1 and r is x - pi/2.
  const Term small = a < 1, tiny = a < pi / 4;
  const Term odd_turn = ((t.high << 1) + (std::int64_t{1} << 62)) < 0;
  const Term small_r = select(tiny, a, a - pi / 2),
             small_low = select_like(a, tiny, 0, -pi_low / 2);
  return {select(small, small_r, select(a < infinity, r.high, not_a_number)),
          select(small, small_low, r.low), (odd_turn | small) ^ tiny};
}

}  // namespace weft::ir::math
