// Example uses of every operation, made from the operation table: for each dtype that inference
// accepts, every combination of attributes and a few shapes. All tests that walk the table use
// them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "tests/support/literals.h"

namespace weft::test {

/// One node on parameters of given types.
struct Sample {
  ir::Op op;
  std::vector<ir::Type> operands;
  ir::Attributes attrs;
  std::vector<std::shared_ptr<const ir::Graph>> bodies;

  /// "reduce(f32[2,3])"; with attributes in the text of graph().
  std::string str() const;
  /// Parameters x0, x1, ..., the node exactly as it stands, and all its results.
  ir::Graph graph() const;
  /// The dtype in which the node computes: an elementwise operation's last operand's, the first
  /// operand's of others, the result's where there is no operand.
  DType dtype() const;
};

std::vector<Sample> samples(const ir::OpDef& def);
/// The dtypes of which a sample has an operand.
bool accepts(const ir::OpDef& def, DType dtype);

/// Operands of a sample, drawn from the operation's domains; equal seeds give equal values.
std::vector<ir::Literal> draw(const Sample& sample, std::uint64_t seed);
inline constexpr DType computable[] = {DType::boolean, DType::i32, DType::i64, DType::u32,
                                       DType::u64,     DType::f32, DType::f64};

}  // namespace weft::test
