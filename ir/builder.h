// Builds a graph: infers types, reuses equal nodes, folds constants and no-op views as it goes.
#pragma once

#include <array>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"
#include "ir/node_index.h"

namespace weft::ir {

class Builder {
 public:
  /// Room for so many nodes; there may be more.
  explicit Builder(std::string name, std::size_t nodes = 0);

  /// Parameters come before every other node. A name already taken gets a number: x, x_1, x_2.
  Value parameter(Type type, std::string name, Location where = {});

  /// The general door. Operand types must fit exactly (no implicit broadcast or conversion).
  /// Returns the first result. Throws weft::Error from inference.
  Value add_node(Op op, std::span<const Value> operands, Attributes attrs = {},
                 std::vector<std::shared_ptr<const Graph>> bodies = {});
  Value add_node(Op op, std::initializer_list<Value> operands, Attributes attrs = {}) {
    return add_node(op, std::span(operands.begin(), operands.size()), std::move(attrs));
  }
  /// Without folding and node reuse (the parser keeps a text's nodes as they stand). Types are
  /// inferred if the node has none, else kept as they are: verify() checks them.
  Value add_verbatim(Node node);

  // Sources.
  Value constant(Literal literal);
  Value scalar(DType dtype, double value);     // rank 0
  Value full(const Type& type, double value);  // broadcast scalar
  Value iota(const Type& type, std::int64_t axis);

  // Elementwise: operands broadcast to a common shape as NumPy does; dtypes must agree.
  Value elementwise(Op op, std::span<const Value> operands, Attributes attrs = {});
  Value unary(Op op, Value x) { return elementwise(op, std::array{x}); }
  Value binary(Op op, Value a, Value b) { return elementwise(op, std::array{a, b}); }
  Value convert(Value x, DType to);
  Value compare(std::string_view direction, Value a, Value b);  // eq ne lt le gt ge -> bool
  Value select(Value p, Value a, Value b);

  // Views.
  Value broadcast_in_dim(Value x, const Shape& shape, const Ints& dims);
  Value broadcast_to(Value x, const Shape& shape);  // NumPy alignment at the last axis
  Value reshape(Value x, const Shape& shape);
  Value transpose(Value x, const Ints& permutation);
  Value slice(Value x, const Ints& start, const Ints& limit, const Ints& stride);

  // Reductions drop the reduced axes. kind: add mul max min and or.
  Value reduce(Value x, std::string_view kind, const Ints& axes);
  /// Each element combined with those before it along the axis; with those after it in reverse.
  Value cumulative(Value x, std::string_view kind, std::int64_t axis, bool reverse = false);
  Value dot_general(Value a, Value b, const IntLists& contract, const IntLists& batch = {{}, {}});

  const Type& type(Value v) const { return graph_.type(v); }
  const Node& node(Value v) const { return graph_.node(v); }
  const Graph& graph() const { return graph_; }
  std::size_t size() const { return graph_.size(); }

  /// The place given to nodes added from now on.
  void set_location(Location where) { where_ = where; }
  Location location() const { return where_; }

  Graph finish(std::vector<Value> results);

 private:
  Value push(Node node);
  std::vector<Type> operand_types(const Node& node) const;
  Value fold(const Node& node);  // an existing or constant value instead of the node, or invalid

  Graph graph_;
  Location where_;
  NodeIndex known_;
  std::unordered_set<std::string> names_;  // of parameters
};

/// Copies nodes of another graph into a builder: map[id] is the node's first result there (results
/// of one node stay consecutive). Used by every pass.
Value copy_node(Builder& to, const Graph& from, std::uint32_t id, std::vector<Value>& map);

/// Inlines a whole graph: returns its results in `to`.
std::vector<Value> inline_graph(Builder& to, const Graph& from, std::span<const Value> args);

}  // namespace weft::ir
