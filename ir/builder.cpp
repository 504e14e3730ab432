// The builder: inference, reuse of equal nodes, broadcasting, and the short forms of operations.
#include "ir/builder.h"

#include <algorithm>

#include "ir/fold.h"

namespace weft::ir {
namespace {

std::string_view op_name(Op op) { return def(op).name; }

/// NumPy's rule: sizes are aligned at the last axis, and 1 goes with anything.
bool join_shapes(Shape& common, const Shape& shape) {
  Shape joined = common.size() >= shape.size() ? common : shape;
  const Shape& shorter = common.size() >= shape.size() ? shape : common;
  const std::size_t offset = joined.size() - shorter.size();
  for (std::size_t k = 0; k < shorter.size(); ++k) {
    Dim& size = joined[offset + k];
    if (size == 1)
      size = shorter[k];
    else if (shorter[k] != 1 && shorter[k] != size)
      return false;
  }
  common = std::move(joined);
  return true;
}

}  // namespace

Builder::Builder(std::string name, std::size_t nodes) {
  graph_.name_ = std::move(name);
  if (nodes == 0) return;
  graph_.nodes_.reserve(nodes);
  known_.reserve(nodes);
}

Value Builder::parameter(Type type, std::string name, Location where) {
  if (graph_.nodes_.size() != graph_.param_names_.size())
    throw InternalError("builder: parameter '" + name + "' comes after other nodes");
  if (!is_legal(type))
    throw Error("parameter '" + name + "': " + type.str() +
                    " is not a type, expected sizes of at least 0, at most 64 axes and less than "
                    "2^62 bytes",
                where);
  if (name.empty()) name = "arg";
  std::string unique = name;
  for (int k = 1; !names_.insert(unique).second; ++k) unique = name + '_' + std::to_string(k);
  graph_.param_names_.push_back(std::move(unique));
  return push({Op::parameter, {}, {}, {std::move(type)}, {}, where.known() ? where : where_});
}

Value Builder::push(Node node) {
  graph_.nodes_.push_back(std::move(node));
  return {static_cast<std::uint32_t>(graph_.nodes_.size() - 1), 0};
}

std::vector<Type> Builder::operand_types(const Node& node) const {
  std::vector<Type> types;
  types.reserve(node.operands.size());
  for (const Value v : node.operands) {
    if (v.node >= graph_.size() || v.result >= graph_.node(v).types.size())
      throw InternalError("builder: an operand of " + std::string(op_name(node.op)) +
                          " is no value of this graph");
    types.push_back(type(v));
  }
  return types;
}

Value Builder::add_node(Op op, std::span<const Value> operands, Attributes attrs,
                        std::vector<std::shared_ptr<const Graph>> bodies) {
  Node node{op,
            {operands.begin(), operands.end()},
            in_declared_order(def(op), std::move(attrs)),
            {},
            std::move(bodies),
            where_};
  if (op == Op::parameter) throw InternalError("builder: parameters are made by parameter()");
  node.types = infer(node, operand_types(node));
  if (const Value folded = fold(node); folded.valid()) return folded;
  const std::uint64_t hash = structural_hash(node);
  const std::uint32_t known = known_.find(
      hash, [&](std::uint32_t id) { return structurally_equal(graph_.nodes_[id], node); });
  if (known != NodeIndex::none) return {known, 0};
  const Value added = push(std::move(node));
  known_.add(hash, added.node);
  return added;
}

Value Builder::add_verbatim(Node node) {
  node.attrs = in_declared_order(def(node.op), std::move(node.attrs));
  if (node.types.empty()) node.types = infer(node, operand_types(node));
  return push(std::move(node));
}

Value Builder::fold(const Node& node) {
  if (const Value same = skip_view(*this, node); same.valid()) return same;
  if (auto value = constant_result(graph_, node)) return constant(std::move(*value));
  return {};
}

Value Builder::constant(Literal literal) {
  return add_node(Op::constant, std::span<const Value>(), {{"value", std::move(literal)}});
}

Value Builder::scalar(DType dtype, double value) { return constant(Literal::scalar(dtype, value)); }

Value Builder::full(const Type& type, double value) {
  return broadcast_in_dim(scalar(type.dtype, value), type.shape, {});
}

Value Builder::iota(const Type& type, std::int64_t axis) {
  return add_node(Op::iota, std::span<const Value>(),
                  {{"axis", axis}, {"dtype", type.dtype}, {"shape", to_ints(type.shape)}});
}

Value Builder::elementwise(Op op, std::span<const Value> operands, Attributes attrs) {
  Shape common;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const Shape before = common;
    if (!join_shapes(common, type(operands[k]).shape)) {
      const Type other{type(operands[k - 1]).dtype, before};
      throw Error(std::string(op_name(op)) + ": operand " + std::to_string(k) + " is " +
                      type(operands[k]).str() + ", which does not broadcast with " + other.str(),
                  where_);
    }
  }
  std::vector<Value> fitted;
  fitted.reserve(operands.size());
  for (const Value v : operands) fitted.push_back(broadcast_to(v, common));
  return add_node(op, fitted, std::move(attrs));
}

Value Builder::convert(Value x, DType to) { return add_node(Op::convert, {x}, {{"dtype", to}}); }

Value Builder::compare(std::string_view direction, Value a, Value b) {
  return elementwise(Op::compare, std::array{a, b}, {{"direction", std::string(direction)}});
}

Value Builder::select(Value p, Value a, Value b) {
  return elementwise(Op::select, std::array{p, a, b});
}

Value Builder::broadcast_in_dim(Value x, const Shape& shape, const Ints& dims) {
  return add_node(Op::broadcast_in_dim, {x}, {{"shape", to_ints(shape)}, {"dims", dims}});
}

Value Builder::broadcast_to(Value x, const Shape& shape) {
  const Type& from = type(x);
  if (from.shape == shape) return x;
  if (from.shape.size() > shape.size())
    throw Error("broadcast_in_dim: operand 0 is " + from.str() + ", which does not broadcast to " +
                    str(shape),
                where_);
  Ints dims(from.shape.size());
  const auto offset = static_cast<std::int64_t>(shape.size() - from.shape.size());
  for (std::size_t k = 0; k < dims.size(); ++k) dims[k] = offset + static_cast<std::int64_t>(k);
  return broadcast_in_dim(x, shape, dims);
}

Value Builder::reshape(Value x, const Shape& shape) {
  return add_node(Op::reshape, {x}, {{"shape", to_ints(shape)}});
}

Value Builder::transpose(Value x, const Ints& permutation) {
  return add_node(Op::transpose, {x}, {{"permutation", permutation}});
}

Value Builder::slice(Value x, const Ints& start, const Ints& limit, const Ints& stride) {
  return add_node(Op::slice, {x}, {{"start", start}, {"limit", limit}, {"stride", stride}});
}

Value Builder::reduce(Value x, std::string_view kind, const Ints& axes) {
  Ints sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  return add_node(Op::reduce, {x}, {{"kind", std::string(kind)}, {"axes", sorted}});
}

Value Builder::cumulative(Value x, std::string_view kind, std::int64_t axis, bool reverse) {
  return add_node(Op::cumulative, {x},
                  {{"kind", std::string(kind)}, {"axis", axis}, {"reverse", reverse}});
}

Value Builder::dot_general(Value a, Value b, const IntLists& contract, const IntLists& batch) {
  return add_node(Op::dot_general, {a, b}, {{"contract", contract}, {"batch", batch}});
}

Graph Builder::finish(std::vector<Value> results) {
  for (const Value v : results)
    if (v.node >= graph_.size() || v.result >= graph_.node(v).types.size())
      throw InternalError("builder: a result is no value of this graph");
  graph_.results_ = std::move(results);
  known_ = {};
  return std::move(graph_);
}

Value copy_node(Builder& to, const Graph& from, std::uint32_t id, std::vector<Value>& map) {
  const Node& node = from.node(id);
  if (map.size() < from.size()) map.resize(from.size());
  if (node.op == Op::parameter)
    return map[id] = to.parameter(node.types[0], from.param_name(id), node.where);
  std::vector<Value> operands;
  operands.reserve(node.operands.size());
  for (const Value v : node.operands)
    operands.push_back({map[v.node].node, map[v.node].result + v.result});
  const Location before = to.location();
  to.set_location(node.where);
  map[id] = to.add_node(node.op, operands, node.attrs, node.bodies);
  to.set_location(before);
  return map[id];
}

std::vector<Value> inline_graph(Builder& to, const Graph& from, std::span<const Value> args) {
  if (args.size() != from.param_count())
    throw InternalError("inline_graph: @" + from.name() + " takes " +
                        std::to_string(from.param_count()) + " arguments, got " +
                        std::to_string(args.size()));
  std::vector<Value> map(args.begin(), args.end());
  map.resize(from.size());
  const std::vector<bool> live = from.live();
  for (auto id = static_cast<std::uint32_t>(args.size()); id < from.size(); ++id)
    if (live[id]) copy_node(to, from, id, map);
  std::vector<Value> results;
  for (const Value v : from.results())
    results.push_back({map[v.node].node, map[v.node].result + v.result});
  return results;
}

}  // namespace weft::ir
