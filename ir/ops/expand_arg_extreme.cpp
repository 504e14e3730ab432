#include "ir/builder.h"
#include "ir/ops/expansions.h"

namespace weft::ir {

// argmax(x) => reduce min of the positions where x is reduce max(x), or NaN (then so is the max).
// Positions are i32 where they fit, for lanes as wide as those of f32.
Value expand_arg_extreme(Builder& b, const Node& node, std::span<const Value> operands) {
  const std::int64_t axis = node.attrs.integer("axis");
  Value x = operands[0];
  if (is_bool(b.type(x).dtype)) x = b.convert(x, DType::i32);
  const Type type = b.type(x);
  Ints kept;
  for (std::int64_t other = 0; other < type.rank(); ++other)
    if (other != axis) kept.push_back(other);
  const Value extreme = b.reduce(x, node.op == Op::argmax ? "max" : "min", {axis});
  Value attained = b.compare("eq", x, b.broadcast_in_dim(extreme, type.shape, kept));
  if (is_float(type.dtype)) attained = b.binary(Op::or_, attained, b.compare("ne", x, x));

  const std::int64_t n = type.shape[static_cast<std::size_t>(axis)];
  const DType index = n <= INT32_MAX ? DType::i32 : DType::i64;
  const Value position = b.broadcast_in_dim(b.iota({index, {n}}, 0), type.shape, {axis});
  const Value none = b.full({index, type.shape}, static_cast<double>(n));
  const Value first = b.reduce(b.select(attained, position, none), "min", {axis});
  return b.convert(first, DType::i64);
}

}  // namespace weft::ir
