// The SSA graph: nodes in an arena, in an order in which operands come before their users.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <weft/error.h>
#include "ir/attribute.h"
#include "ir/op.h"
#include "ir/type.h"

namespace weft::ir {

class Graph;

struct Node {
  Op op;
  std::vector<Value> operands;
  Attributes attrs;
  std::vector<Type> types;                           // one per result
  std::vector<std::shared_ptr<const Graph>> bodies;  // nested functions, e.g. of `fused`
  Location where;
};

/// Of operation, operands, attributes and bodies; the location does not count.
std::uint64_t structural_hash(const Node& node);
bool structurally_equal(const Node& a, const Node& b);

/// A function: parameters, nodes, results. Passes read one and build another; nothing edits in
/// place. Parameters are the first nodes (operation `parameter`), in order.
class Graph {
 public:
  const std::string& name() const { return name_; }
  std::size_t size() const { return nodes_.size(); }
  const Node& node(std::uint32_t id) const { return nodes_[id]; }
  const Node& node(Value v) const { return nodes_[v.node]; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Type& type(Value v) const { return nodes_[v.node].types[v.result]; }
  std::size_t param_count() const { return param_names_.size(); }
  Value param(std::size_t k) const { return {static_cast<std::uint32_t>(k), 0}; }
  const std::string& param_name(std::size_t k) const { return param_names_[k]; }
  const std::vector<Value>& results() const { return results_; }

  /// Equal for graphs that print alike but for names and locations.
  std::uint64_t structural_hash() const;
  bool structurally_equal(const Graph& other) const;
  /// users()[n]: the nodes that read any result of n, each once, ascending.
  std::vector<std::vector<std::uint32_t>> users() const;
  /// live()[n]: the results depend on n.
  std::vector<bool> live() const;

 private:
  friend class Builder;
  std::string name_;
  std::vector<Node> nodes_;
  std::vector<std::string> param_names_;
  std::vector<Value> results_;
};

/// Checks every numbered rule on every node and on the whole (order, arity, result types, names).
/// Throws weft::Error naming rule, operation, operand, expected, got and place.
void verify(const Graph& graph);

/// The text form; parse(print(g)) is structurally equal to g. Grammar: ir/GRAMMAR.md.
std::string print(const Graph& graph);
/// Throws weft::Error at file:line:column. `file` appears in locations.
Graph parse(std::string_view text, std::string_view file = "<text>");
/// Graphviz; nodes labelled with operation, attributes and type.
std::string to_dot(const Graph& graph);
std::string to_json(const Graph& graph);

/// The reference interpreter: every operation as ir/GRAMMAR.md defines it, to the bit, node by
/// node.
std::vector<Literal> interpret(const Graph& graph, std::span<const Literal> inputs);
/// The results of one node on known operands.
std::vector<Literal> interpret_node(const Node& node, std::span<const Literal> operands);

}  // namespace weft::ir
