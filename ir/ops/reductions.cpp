// Reductions, which combine axes away, and cumulative operations, which keep them.
#include <algorithm>

#include "ir/ops/expansions.h"
#include "ir/ops/infer.h"
#include "ir/ops/linear_rules.h"
#include "ir/ops/table.h"

namespace weft::ir::ops {
namespace {

Shape without_axes(const Shape& shape, const Ints& axes) {
  Shape kept;
  for (std::size_t k = 0; k < shape.size(); ++k)
    if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) == axes.end())
      kept.push_back(shape[k]);
  return kept;
}

std::vector<Type> infer_reduce(const InferContext& c) {
  const std::string& kind = c.node.attrs.string("kind");
  check_choice(c, "R1", "kind", kind, {"add", "mul", "max", "min", "and", "or"});
  check_class(c, "R2", 0, kind == "and" || kind == "or" ? Class::logical : Class::number);
  const Type& x = c.operands[0];
  const Ints& axes = c.node.attrs.ints("axes");
  check_axes(c, "R3", "axes", axes, x.rank());
  if (!std::is_sorted(axes.begin(), axes.end()))
    c.fail("R4", "attribute 'axes'", "increasing axes", str(axes));
  return {{x.dtype, without_axes(x.shape, axes)}};
}

std::vector<Type> infer_arg_extreme(const InferContext& c) {
  check_class(c, "A1", 0, Class::number);
  const Type& x = c.operands[0];
  const std::int64_t axis = c.node.attrs.integer("axis");
  check_axis(c, "A2", "axis", axis, x.rank());
  if (x.shape[static_cast<std::size_t>(axis)] == 0)
    c.fail("A3", "size of axis " + std::to_string(axis), "at least 1", "0");
  return {{DType::i64, without_axes(x.shape, {axis})}};
}

std::vector<Type> infer_cumulative(const InferContext& c) {
  check_choice(c, "U1", "kind", c.node.attrs.string("kind"), {"add", "mul", "max", "min"});
  check_class(c, "U2", 0, Class::number);
  check_axis(c, "U3", "axis", c.node.attrs.integer("axis"), c.operands[0].rank());
  return {c.operands[0]};
}

constexpr AttrDef reduce_attrs[] = {{"kind", AttrType::string}, {"axes", AttrType::ints}};
constexpr AttrDef arg_attrs[] = {{"axis", AttrType::integer}};
constexpr AttrDef cumulative_attrs[] = {
    {"kind", AttrType::string}, {"axis", AttrType::integer}, {"reverse", AttrType::boolean}};

constexpr OpDef table[] = {
    {.op = Op::reduce,
     .name = "reduce",
     .kind = Kind::reduce,
     .min_operands = 1,
     .max_operands = 1,
     .attrs = reduce_attrs,
     .infer = infer_reduce,
     .jvp = jvp_reduce,
     .transpose = transpose_reduce,
     .doc = "all elements along axes combined by add, mul, max, min, and, or; the axes drop"},
    {.op = Op::argmax,
     .name = "argmax",
     .kind = Kind::reduce,
     .min_operands = 1,
     .max_operands = 1,
     .attrs = arg_attrs,
     .infer = infer_arg_extreme,
     .expand = expand_arg_extreme,
     .only_expanded = true,
     .doc = "index of the first largest element (or NaN) along an axis, which drops"},
    {.op = Op::argmin,
     .name = "argmin",
     .kind = Kind::reduce,
     .min_operands = 1,
     .max_operands = 1,
     .attrs = arg_attrs,
     .infer = infer_arg_extreme,
     .expand = expand_arg_extreme,
     .only_expanded = true,
     .doc = "index of the first smallest element (or NaN) along an axis, which drops"},
    {.op = Op::cumulative,
     .name = "cumulative",
     .kind = Kind::scan,
     .min_operands = 1,
     .max_operands = 1,
     .attrs = cumulative_attrs,
     .infer = infer_cumulative,
     .jvp = jvp_cumulative,
     .transpose = transpose_cumulative,
     .doc =
         "each element combined with those before (reverse: after) it along an axis by add, mul, "
         "max, min"},
};
static_assert(is_complete(table, reduction_range));

}  // namespace

constinit const std::span<const OpDef> reductions = table;

}  // namespace weft::ir::ops
