// The opcodes that put floats together from exponent and mantissa and take them apart, in opcodes
// that every processor has.
#include <cmath>
#include <string>

#include <weft/error.h>
#include "ir/math/helpers.h"
#include "ir/scalar_math.h"

namespace weft::ir::math {

namespace {

Term expand_scale(Term a, Term b) {
  // 2^(b-1), then 2; or 2^(b+lift), then 2^-lift: the first factor is a normal number, so that only
  // the last product rounds.
  const int bias = exponent_bias(a), lift = is_f32(a) ? 63 : 255;
  const Term n = nearest(b).bits, low = b < -lift;
  const Term field = select(low, exponent_field(n, bias + lift), exponent_field(n, bias - 1));
  return a * from_bits((n << mantissa_bits(a)) + field) *
         select_like(a, low, std::ldexp(1, -lift), 2.0);
}

/// The bits of |a|, or, where that is denormal, of a normal multiple.
struct Normal {
  Term carried;  // + 1 - least
  Term added;    // to the exponent
};
Normal normal(Term a) {
  const int lift = is_f32(a) ? 32 : 64;
  const Term size = abs(a), low = size < (is_f32(a) ? 0x1p-126 : 0x1p-1022);
  const Term lifted = select(low, size * std::ldexp(1, lift), size);
  return {bits(lifted) + (one_bits(a) - least_bits(a)), select_like(a, low, lift, 0)};
}

Term expand_exponent(Term a) {
  const Normal n = normal(a);
  const Term size = abs(a);
  const Term k = exponent_of_field(a, n.carried >> mantissa_bits(a)) - n.added;
  return select(size < infinity, select(size == 0, -infinity, k), size);
}

Term expand_mantissa(Term a) {
  const Term m = from_bits((normal(a).carried & mantissa_mask(a)) + least_bits(a));
  return select(0 <= a, m, not_a_number);
}

}  // namespace

ScalarProgram expansion(ScalarOp op, DType dtype) {
  ScalarBuilder b;
  const Term x{&b, b.param(0, dtype)};
  switch (op) {
    case ScalarOp::scale:
      return b.take(expand_scale(x, {&b, b.param(1, dtype)}));
    case ScalarOp::exponent:
      return b.take(expand_exponent(x));
    case ScalarOp::mantissa:
      return b.take(expand_mantissa(x));
    default:
      throw InternalError("scalar " + std::string(info(op).name) + " has no expansion");
  }
}

}  // namespace weft::ir::math
