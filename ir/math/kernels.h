// What the families of functions share: argument reductions and cores that leave out the special
// cases.
#pragma once

#include "ir/math/helpers.h"

namespace weft::ir::math {

/// x = n ln2 + f + low with |f| <= ln2 / 2, low for those who need more than f.
struct ExpReduced {
  Term f, low;
  Nearest n;
};
ExpReduced reduce_exp(Term x);

/// (e^f - 1 - f) / f^2 for |f| <= ln2 / 2.
Term exp_tail(Term f);

/// e^f for |f| <= ln2 / 2.
Term exp_near_zero(Term f);

/// p * 2^n for 1/2 < p < 2 and a result that is a normal number: where it need not be one, scale().
Term scale_by_power(Term p, Nearest n);

/// e^x / 2 for x >= 0; overflows where e^x / 2 does.
Term half_exp_core(Term x);

/// x = m 2^k for a normal x > 0, with m from sqrt(1/2) (f32: 2/3) to twice that.
struct LogReduced {
  Term k, m;
  Term exponent;  // k in the exponent field of an integer, otherwise 0
};
LogReduced reduce_log(Term x);

/// k ln2 + log(1 + f) for 1 + f in that range.
Term log_core(Term k, Term f);
/// The same + c, for a small correction c (f64 only).
Term log_core(Term k, Term f, Term c);

/// log(x) for a normal, finite x > 0.
Term log_normal(Term x);

/// log(m) / 2 for sqrt(1/2) <= m < sqrt(2), and log(x) for finite x > 0, in about 64 bits (f64).
Pair half_log_pair(Term m);
Pair log_pair(Term x);

/// log(1 + x) for finite x > -1; and log(1 + x + x_low) + more_k ln2 (f64 only).
Term log1p_finite(Term x);
Term log1p_finite(Term x, Term x_low, Term more_k);

/// log2(x) for a normal, finite f64 x > 0, to 35 bits relative to the result: enough for f32.
Term log2_wide(Term x);
/// 2^f to 28 bits for f64 |f| <= 1/2.
Term exp2_wide(Term f);
/// e^x to 28 bits for f64 |x| < 700.
Term exp_wide(Term x);

/// |x| = j pi + r, or |x| + pi/2 = j pi + r where `plus_half`, with |r| <= pi/2, for every finite
/// x; r is NaN otherwise. The sign bit of the integer `odd` is set where j is odd.
struct PiReduced {
  Term r, odd;
};
PiReduced reduce_pi(Term x, bool plus_half);

/// pi cot(pi f) for |f| <= 1/2 (f64).
Term pi_cotangent(Term f);
Pair pi_cotangent_pair(Term f);

/// |x| = j pi/2 + r + low with |r| <= pi/4; the bool `odd` tells whether j is odd.
struct HalfPiReduced {
  Term r, low, odd;
};
HalfPiReduced reduce_half_pi(Term x);

/// sin(r) for |r| <= pi/2.
Term sin_core(Term r);

}  // namespace weft::ir::math
