#include "tests/ops/batched.h"

#include <cstring>
#include <numeric>

#include <weft/error.h>
#include "ir/builder.h"

namespace weft::test {

using namespace weft::ir;

namespace {

Ints with_first(std::int64_t first, Ints rest) {
  rest.insert(rest.begin(), first);
  return rest;
}

/// Axes of one input as axes of the stack.
Ints moved_up(Ints axes) {
  for (std::int64_t& axis : axes) ++axis;
  return axes;
}

class Batcher {
 public:
  Batcher(const Graph& graph, std::int64_t count)
      : graph_(graph), count_(count), b_(graph.name()), values_(graph.size()) {}

  Graph run() {
    for (std::uint32_t id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_.node(id);
      values_[id] = node.op == Op::parameter
                        ? b_.parameter(batched(node.types[0]), graph_.param_name(id))
                        : add(node);
    }
    std::vector<Value> results;
    for (const Value& r : graph_.results()) results.push_back(value(r));
    return b_.finish(std::move(results));
  }

 private:
  Type batched(Type type) const {
    type.shape.insert(type.shape.begin(), count_);
    return type;
  }
  /// The results of one node stay consecutive.
  Value value(Value of) const { return {values_[of.node].node, of.result}; }

  Value add(const Node& node) {
    operands_.clear();
    for (const Value& v : node.operands) operands_.push_back(value(v));
    Attributes attrs = node.attrs;
    switch (def(node.op).kind) {
      case Kind::elementwise:
      case Kind::attention:  // leading axes are a batch already
        break;
      case Kind::source:
        return repeat(node);
      case Kind::view:
        batch_view(node, attrs);
        break;
      case Kind::assemble:
        if (node.op == Op::pad) return pad(node);
        attrs.set("axis", attrs.integer("axis") + 1);
        break;
      case Kind::reduce:
      case Kind::scan:
        if (attrs.has("axes"))
          attrs.set("axes", moved_up(attrs.ints("axes")));
        else
          attrs.set("axis", attrs.integer("axis") + 1);
        break;
      case Kind::contract:
        batch_contraction(node, attrs);
        break;
      case Kind::gather:
        return gather(node);
      case Kind::scatter:
        return scatter(node);
      case Kind::control:
        return control(node);
    }
    return b_.add_node(node.op, operands_, std::move(attrs));
  }

  /// What depends on no input is the same for each.
  Value repeat(const Node& node) {
    if (!node.operands.empty())
      throw InternalError("batched: no rule for " + std::string(def(node.op).name));
    const Value one = b_.add_node(node.op, operands_, node.attrs);
    Ints dims(node.types[0].shape.size());
    std::iota(dims.begin(), dims.end(), 1);
    return b_.broadcast_in_dim(one, batched(node.types[0]).shape, dims);
  }

  void batch_view(const Node& node, Attributes& attrs) const {
    switch (node.op) {
      case Op::broadcast_in_dim:
        attrs.set("shape", with_first(count_, attrs.ints("shape")));
        attrs.set("dims", with_first(0, moved_up(attrs.ints("dims"))));
        return;
      case Op::reshape:
        attrs.set("shape", with_first(count_, attrs.ints("shape")));
        return;
      case Op::transpose:
        attrs.set("permutation", with_first(0, moved_up(attrs.ints("permutation"))));
        return;
      case Op::slice:
        attrs.set("start", with_first(0, attrs.ints("start")));
        attrs.set("limit", with_first(count_, attrs.ints("limit")));
        attrs.set("stride", with_first(1, attrs.ints("stride")));
        return;
      case Op::reverse:
        attrs.set("axes", moved_up(attrs.ints("axes")));
        return;
      default:
        throw InternalError("batched: no rule for " + std::string(def(node.op).name));
    }
  }

  /// Each input has its own padding value: zeros are padded, and the value is chosen outside.
  Value pad(const Node& node) {
    const auto padded = [&](Value x, double with) {
      Attributes attrs;
      for (const char* name : {"low", "high", "interior"})
        attrs.set(name, with_first(0, node.attrs.ints(name)));
      return b_.add_node(Op::pad, {x, b_.scalar(b_.type(x).dtype, with)}, std::move(attrs));
    };
    const Type inside{DType::boolean, b_.type(operands_[0]).shape};
    const Value outside = padded(b_.full(inside, 0), 1);
    const Type result = batched(node.types[0]);
    return b_.select(outside, b_.broadcast_in_dim(operands_[1], result.shape, {0}),
                     padded(operands_[0], 0));
  }

  static void batch_contraction(const Node& node, Attributes& attrs) {
    if (node.op != Op::dot_general)
      throw InternalError("batched: no rule for " + std::string(def(node.op).name));
    IntLists contract = attrs.int_lists("contract"), batch = attrs.int_lists("batch");
    for (std::size_t side = 0; side < 2; ++side) {
      contract[side] = moved_up(contract[side]);
      batch[side] = with_first(0, moved_up(batch[side]));
    }
    attrs.set("contract", std::move(contract));
    attrs.set("batch", std::move(batch));
  }

  /// The permutation that moves an axis behind the first one.
  static Ints axis_to_second(std::size_t rank, std::int64_t axis) {
    Ints permutation(rank);
    std::iota(permutation.begin(), permutation.end(), 0);
    permutation.erase(permutation.begin() + axis);
    permutation.insert(permutation.begin() + 1, axis);
    return permutation;
  }
  /// All rows of the stack one after the other: [count, size, rest] as [count * size, rest].
  Value rows(Value x) {
    Shape shape = b_.type(x).shape;
    shape[1] = shape[0] * shape[1];
    shape.erase(shape.begin());
    return b_.reshape(x, shape);
  }
  /// Where the chosen rows of each input stand among the rows of all.
  Value rows_of(Value indices, std::int64_t size) {
    const Type type = b_.type(indices);
    const auto full = [&](std::int64_t value) { return b_.full(type, static_cast<double>(value)); };
    const std::array inside{full(0), indices, full(std::max<std::int64_t>(size - 1, 0))};
    return b_.binary(Op::add, b_.elementwise(Op::clamp, inside),
                     b_.binary(Op::mul, b_.iota(type, 0), full(size)));
  }

  /// From [count, index axes, rest] to the place of the axis, or back.
  static Ints indexed_axes(std::size_t index_rank, std::size_t rank, std::int64_t axis, bool back) {
    Ints permutation{0};
    for (std::int64_t k = 1; k <= axis; ++k)
      permutation.push_back(k + static_cast<std::int64_t>(index_rank));
    for (std::size_t k = 0; k < index_rank; ++k)
      permutation.push_back(1 + static_cast<std::int64_t>(k));
    for (std::size_t k = permutation.size(); k < rank; ++k)
      permutation.push_back(static_cast<std::int64_t>(k));
    if (!back) return permutation;
    Ints inverse(rank);
    for (std::size_t k = 0; k < rank; ++k)
      inverse[static_cast<std::size_t>(permutation[k])] = static_cast<std::int64_t>(k);
    return inverse;
  }

  Value gather(const Node& node) {
    const std::int64_t axis = node.attrs.integer("axis");
    const Value x =
        b_.transpose(operands_[0], axis_to_second(b_.type(operands_[0]).shape.size(), axis + 1));
    const Value taken =
        b_.add_node(Op::gather, {rows(x), rows_of(operands_[1], b_.type(x).shape[1])},
                    {{"axis", std::int64_t{0}}});
    const std::size_t index_rank = b_.type(operands_[1]).shape.size() - 1;
    return b_.transpose(taken, indexed_axes(index_rank, b_.type(taken).shape.size(), axis, false));
  }

  Value scatter(const Node& node) {
    const std::int64_t axis = node.attrs.integer("axis");
    const std::size_t rank = b_.type(operands_[0]).shape.size();
    const Ints forward = axis_to_second(rank, axis + 1);
    const Value x = b_.transpose(operands_[0], forward);
    const std::size_t index_rank = b_.type(operands_[1]).shape.size() - 1;
    const Value updates = b_.transpose(
        operands_[2], indexed_axes(index_rank, b_.type(operands_[2]).shape.size(), axis, true));
    Attributes attrs = node.attrs;
    attrs.set("axis", std::int64_t{0});
    const Value all = b_.add_node(
        Op::scatter, {rows(x), rows_of(operands_[1], b_.type(x).shape[1]), updates}, attrs);
    Ints back(rank);
    for (std::size_t k = 0; k < rank; ++k)
      back[static_cast<std::size_t>(forward[k])] = static_cast<std::int64_t>(k);
    return b_.transpose(b_.reshape(all, b_.type(x).shape), back);
  }

  Value control(const Node& node) {
    if (node.op == Op::optimization_barrier) return b_.add_node(node.op, operands_, node.attrs);
    if (node.op == Op::fused)
      return b_.add_node(node.op, operands_, node.attrs,
                         {std::make_shared<const Graph>(Batcher(*node.bodies[0], count_).run())});
    throw InternalError("batched: no rule for " + std::string(def(node.op).name));
  }

  const Graph& graph_;
  const std::int64_t count_;
  Builder b_;
  std::vector<Value> values_, operands_;
};

}  // namespace

Graph batched(const Graph& graph, std::int64_t count) { return Batcher(graph, count).run(); }

Literal stacked(const std::vector<Literal>& parts) {
  Type type = parts[0].type();
  const std::size_t bytes = type.bytes();
  type.shape.insert(type.shape.begin(), static_cast<std::int64_t>(parts.size()));
  Literal result = Literal::zeros(type);
  for (std::size_t k = 0; k < parts.size(); ++k)
    if (bytes != 0) std::memcpy(result.mutable_data() + k * bytes, parts[k].data(), bytes);
  return result;
}

}  // namespace weft::test
