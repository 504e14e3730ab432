// The frame of `simplify`: rules that look at a node and what it reads, tried as nodes are built.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "ir/builder.h"

namespace weft::passes {

class Simplifier;

/// Returns an equal value, to the bit, or an invalid one where the rule does not fit. A rule builds
/// through the Simplifier, so that what it makes is simplified in turn. Building moves nodes: a
/// rule reads all that it needs of `node` first.
using SimplifyRule = ir::Value (*)(Simplifier&, const ir::Node& node);

/// Builds a graph anew. Operands are simplified before their users, so one walk reaches the fixed
/// point of all rules.
class Simplifier {
 public:
  explicit Simplifier(const ir::Graph& from);
  ir::Graph run();

  // For rules.
  const ir::Node& node(ir::Value v) const { return b_.node(v); }
  const ir::Type& type(ir::Value v) const { return b_.type(v); }
  const ir::Graph& graph() const { return b_.graph(); }
  bool is(ir::Value v, ir::Op op) const { return node(v).op == op; }
  /// One node alone reads v, as far as the original graph tells.
  bool read_once(ir::Value v) const { return readers_[v.node] <= 1; }

  ir::Value add(ir::Op op, std::span<const ir::Value> operands, ir::Attributes attrs = {});
  ir::Value add(ir::Op op, std::initializer_list<ir::Value> operands, ir::Attributes attrs = {}) {
    return add(op, std::span(operands.begin(), operands.size()), std::move(attrs));
  }
  ir::Value constant(ir::Literal literal) { return b_.constant(std::move(literal)); }
  ir::Value full(const ir::Type& type, double value) { return simplified(b_.full(type, value)); }
  ir::Value broadcast(ir::Value x, const ir::Shape& shape, const ir::Ints& dims);
  ir::Value reshape(ir::Value x, const ir::Shape& shape);
  ir::Value transpose(ir::Value x, const ir::Ints& permutation);
  ir::Value slice(ir::Value x, const ir::Ints& start, const ir::Ints& limit,
                  const ir::Ints& stride);

 private:
  ir::Value simplified(ir::Value v);

  const ir::Graph& from_;
  ir::Builder b_;
  std::vector<ir::Value> simplified_;   // of each node of b_, once known
  std::vector<std::uint32_t> readers_;  // of each node of b_
};

/// The rules for one operation, in the order in which they are tried.
std::span<const SimplifyRule> rules_of(ir::Op op);

}  // namespace weft::passes
