// What the elementwise float operations give at zeros, infinities, NaN, the ends of their domains
// and denormals, and where the result is exact: C's Annex F (F.10), and IEEE 754 for arithmetic;
// beyond C, docs/accuracy.md.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/builder.h"

namespace weft::test {

/// One value of one operation. NaN stands for any NaN; every other result is exact, zeros' signs
/// included.
struct SpecialValue {
  ir::Op op;
  std::vector<double> args;  // of the float operands; numbers of the dtype
  double want;
  ir::Attributes attrs = {};
};

/// For f32 or f64.
std::vector<SpecialValue> special_values(DType dtype);

/// The values of one operation as a graph of that operation on arrays, its inputs and its result.
/// They are repeated, so that whole vectors, and a rest, are computed.
struct SpecialCase {
  ir::Graph graph;
  std::vector<ir::Literal> inputs;
  ir::Literal want;
};
std::vector<SpecialCase> special_cases(DType dtype);

/// Where the result differs first: "pow(-0, -3) = inf, want -inf"; empty where it does not.
std::string special_difference(const SpecialCase& c, const ir::Literal& got);

}  // namespace weft::test
