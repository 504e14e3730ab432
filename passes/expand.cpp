// Writes operations that need no kernel of their own in terms of core ones, so that they fuse.
#include "ir/builder.h"
#include "passes/axes.h"
#include "passes/pipeline.h"
#include "passes/rebuild.h"

namespace weft::passes {
namespace {

using namespace ir;

/// argmax(x) => reduce min of the positions where x is reduce max(x), or NaN (then so is the max).
/// Positions are i32 where they fit, for lanes as wide as those of f32.
Value expand_arg_extreme(Builder& b, const Node& node, Value x) {
  const std::int64_t axis = node.attrs.integer("axis");
  if (is_bool(b.type(x).dtype)) x = b.convert(x, DType::i32);
  const Type type = b.type(x);
  const Ints kept = other_axes(type.shape.size(), {axis});
  const Value extreme = b.reduce(x, node.op == Op::argmax ? "max" : "min", {axis});
  Value attained = b.compare("eq", x, b.broadcast_in_dim(extreme, type.shape, kept));
  if (is_float(type.dtype)) attained = b.binary(Op::or_, attained, b.compare("ne", x, x));

  const std::int64_t n = type.shape[axis];
  const DType index = n <= INT32_MAX ? DType::i32 : DType::i64;
  const Value position = b.broadcast_in_dim(b.iota({index, {n}}, 0), type.shape, {axis});
  const Value none = b.full({index, type.shape}, static_cast<double>(n));
  const Value first = b.reduce(b.select(attained, position, none), "min", {axis});
  return b.convert(first, DType::i64);
}

}  // namespace

Graph expand(const Graph& graph) {
  return rebuild_where(
      graph, [](Op op) { return op == Op::argmax || op == Op::argmin; },
      [](Builder& b, const Node& node, std::span<const Value> operands) {
        return expand_arg_extreme(b, node, operands[0]);
      });
}

}  // namespace weft::passes
