// The functions of ir/scalar_math.h with references in long double, and the measure of an error in
// units in the last place (ULP), for the accuracy tests.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ir/scalar_math.h"

namespace weft::ir::testing {

using Reference = long double (*)(long double);
using Reference2 = long double (*)(long double, long double);

/// A function of one argument. Errors are measured in ULP; where a function has irrational zeros,
/// an error below `absolute_*` counts as none.
struct MathFunction {
  std::string_view name;
  Scalar (*build)(ScalarBuilder&, Scalar);
  Reference reference;
  double low, high;         // the arguments of interest; bit patterns are sampled everywhere
  double ulp_f32, ulp_f64;  // what is promised
  std::vector<double> borders = {};  // of the branches, where neighbours are sampled too
  double absolute_f32 = 0, absolute_f64 = 0;
  double reference_error = 0;  // what the reference itself is off next to a zero
};
struct MathFunction2 {
  std::string_view name;
  Scalar (*build)(ScalarBuilder&, Scalar, Scalar);
  Reference2 reference;
  double ulp_f32, ulp_f64;
};
const std::vector<MathFunction>& math_functions();
const std::vector<MathFunction2>& math_functions2();

/// |got - want| in units of want's last place as T; 0 for equal infinities and for NaN twice,
/// infinite where only one of them is finite (unless rounding `want` to T makes them equal).
template <class T>
double ulp_error(T got, long double want);

/// ulp_error, or 0 where f allows the absolute error (left of the origin).
template <class T>
double error_of(const MathFunction& f, T x, T got, long double want);

/// Runs a program of one or two parameters on arrays of T.
template <class T>
std::vector<T> run_math(const ScalarProgram& program, const std::vector<T>& x);
template <class T>
std::vector<T> run_math(const ScalarProgram& program, const std::vector<T>& x,
                        const std::vector<T>& y);

template <class T>
ScalarProgram program_of(const MathFunction& f);
template <class T>
ScalarProgram program_of(const MathFunction2& f);

/// About n arguments: bit patterns spread over all of T, evenly spaced ones in [low, high], and the
/// neighbours of powers of two and of the function's borders.
template <class T>
std::vector<T> sample_arguments(const MathFunction& f, int n);

/// The worst error of f at the given arguments.
template <class T>
struct Worst {
  double ulp = 0;
  T at = 0, got = 0;
  long double want = 0;
};
template <class T>
Worst<T> worst_error(const MathFunction& f, const std::vector<T>& x);
template <class T>
Worst<T> worst_error(const MathFunction2& f, const std::vector<T>& x, const std::vector<T>& y);

}  // namespace weft::ir::testing
