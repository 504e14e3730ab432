// References for polygamma of order n: (-1)^(n+1) n! times the Hurwitz zeta function of n + 1. That
// by its first terms and the Euler-Maclaurin formula (DLMF 25.11.7); left of the origin from the
// series' terms on both sides of it, without a reflection formula.
#pragma once

#include <mpfr.h>

namespace weft::accuracy {

double quick_polygamma(int order, double x);
long double quick_polygamma(int order, long double x);
void exact_polygamma(mpfr_ptr result, int order, mpfr_srcptr x);

}  // namespace weft::accuracy
