// The elementwise functions whose accuracy is measured, each with two references: a quick one, a
// precision wider than the dtype, that judges every argument; and one in MPFR that decides.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mpfr.h>

#include "ir/op.h"

namespace weft::accuracy {

/// The precision in bits of MPFR's values.
inline constexpr int exact_bits = 256;

/// A quick reference for n arguments, a multiple of four.
using QuickF32 = void (*)(const float* x, const float* y, double* want, std::size_t n);
using QuickF64 = void (*)(const double* x, const double* y, long double* want, std::size_t n);

struct Function {
  ir::Op op;
  int arity;  // 1 or 2; the second argument of the references below is unused for 1
  QuickF32 quick_f32;
  QuickF64 quick_f64;
  void (*exact)(mpfr_ptr result, mpfr_srcptr x, mpfr_srcptr y);
  double low, high;             // the arguments of interest; bit patterns are sampled everywhere
  std::vector<double> borders;  // of branches, where neighbours are sampled too
  double limit = 2;             // what is promised, in ULP
  /// Of f64, next to irrational zeros only the absolute error is promised: below this.
  double absolute_f64 = 0;
  std::int64_t order = 0;  // of polygamma

  /// The operation's name, with the order.
  std::string name() const;
  ir::Attributes attributes() const;
  /// All arguments of f32 can be measured (polygamma's references are slow).
  bool has_few_arguments() const { return arity == 1 && order == 0; }
  bool has_irrational_zeros() const { return absolute_f64 != 0; }
};

std::span<const Function> functions();

/// The other elementwise operations of floats: those that round nothing, and those that IEEE 754
/// rounds correctly, as single instructions. Throws weft::InternalError naming an operation that is
/// neither measured nor one of these.
struct UnmeasuredOperations {
  std::vector<std::string_view> exact, correctly_rounded;
};
UnmeasuredOperations unmeasured_operations();
/// Throws weft::Error naming the functions that there are.
const Function& find_function(std::string_view name);

}  // namespace weft::accuracy
