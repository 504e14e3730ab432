// Naive references of every operation, written without the engine's own definitions: the C library
// in long double for functions, plain loops over indices for structure. They are slow and simple.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "tests/ops/samples.h"

namespace weft::test {

/// One element of an elementwise operation whose results the standard or the documentation fixes to
/// the bit: arguments and result as bit patterns of `dtype` (of the last operand). Empty when the
/// operation does not compute exactly, or not on this dtype.
std::optional<std::uint64_t> exact_element(const ir::Node& node, DType dtype,
                                           std::span<const std::uint64_t> args);

/// A function known to more digits than f64 has.
struct PreciseFunction {
  ir::Op op;
  long double (*unary)(long double) = nullptr;
  long double (*binary)(long double, long double) = nullptr;
  double f32_ulps = 2, f64_ulps = 2;
  /// Where the result is smaller than this, the error is measured in units of this size's last
  /// place: near their zeros lgamma and digamma are differences of larger terms.
  double near_zero = 0;
  double near_zero_left = near_zero;  // for negative arguments, where reflection's terms are larger
  std::int64_t order = 0;             // of polygamma
};
const PreciseFunction* precise_function(ir::Op op, const ir::Attributes& attrs);

/// The result of an operation that is not elementwise. Sums of floats are in another order than the
/// engine's, so they agree to a tolerance only.
ir::Literal structure_reference(const Sample& sample, std::span<const ir::Literal> inputs);

/// As structure_reference, of attention and its derivatives.
ir::Literal attention_reference(const Sample& sample, std::span<const ir::Literal> inputs);

/// Word `index % 4` of the Philox 4x32-10 block at a counter of four words, as the paper has it.
std::array<std::uint32_t, 4> philox_block(std::array<std::uint32_t, 4> counter,
                                          std::array<std::uint32_t, 2> key);

/// The bits of element i, in the low bytes; and a literal written element by element.
std::uint64_t element_bits(const ir::Literal& x, std::int64_t i);
void set_element_bits(ir::Literal& x, std::int64_t i, std::uint64_t bits);

}  // namespace weft::test
