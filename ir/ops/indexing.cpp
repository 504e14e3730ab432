// Elements picked and updated by integer tensors.
#include "ir/ops/infer.h"
#include "ir/ops/linear_rules.h"
#include "ir/ops/table.h"

namespace weft::ir::ops {
namespace {

void check_indices(const InferContext& c, std::string_view rule) {
  const DType dtype = c.operands[1].dtype;
  if (dtype != DType::i32 && dtype != DType::i64)
    c.fail(rule, "operand 1's dtype (the indices)", "i32 or i64", name(dtype));
}

/// x[:axis] + indices + x[axis+1:]
Shape taken_shape(const InferContext& c, std::int64_t axis) {
  const Shape& x = c.operands[0].shape;
  const Shape& indices = c.operands[1].shape;
  Shape shape(x.begin(), x.begin() + axis);
  shape.insert(shape.end(), indices.begin(), indices.end());
  shape.insert(shape.end(), x.begin() + axis + 1, x.end());
  return shape;
}

void check_not_empty(const InferContext& c, std::string_view rule, std::int64_t axis,
                     const Shape& taken) {
  if (c.operands[0].shape[static_cast<std::size_t>(axis)] != 0) return;
  for (const Dim d : taken)
    if (d == 0) return;
  c.fail(rule, "size of operand 0's axis " + std::to_string(axis), "at least 1, to be indexed",
         "0");
}

std::vector<Type> infer_gather(const InferContext& c) {
  check_indices(c, "X1");
  const std::int64_t axis = c.node.attrs.integer("axis");
  check_axis(c, "X2", "axis", axis, c.operands[0].rank());
  const Type result{c.operands[0].dtype, taken_shape(c, axis)};
  check_not_empty(c, "X3", axis, result.shape);
  return {result};
}

std::vector<Type> infer_scatter(const InferContext& c) {
  check_indices(c, "Y1");
  const Type& x = c.operands[0];
  const std::int64_t axis = c.node.attrs.integer("axis");
  check_axis(c, "Y2", "axis", axis, x.rank());
  const std::string& kind = c.node.attrs.string("kind");
  check_choice(c, "Y3", "kind", kind, {"add", "set"});
  check_class(c, "Y4", 0, kind == "add" ? Class::number : Class::any);
  const Type updates{x.dtype, taken_shape(c, axis)};
  if (c.operands[2] != updates)
    c.fail("Y5", "operand 2 (the updates)", updates.str(), c.operands[2].str());
  check_not_empty(c, "Y6", axis, updates.shape);
  return {x};
}

constexpr AttrDef gather_attrs[] = {{"axis", AttrType::integer}};
constexpr AttrDef scatter_attrs[] = {{"axis", AttrType::integer}, {"kind", AttrType::string}};

constexpr OpDef table[] = {
    {.op = Op::gather,
     .name = "gather",
     .kind = Kind::gather,
     .min_operands = 2,
     .max_operands = 2,
     .attrs = gather_attrs,
     .infer = infer_gather,
     .jvp = jvp_gather,
     .transpose = transpose_gather,
     .doc = "x at indices along an axis, as numpy.take; indices clamp into range"},
    {.op = Op::scatter,
     .name = "scatter",
     .kind = Kind::scatter,
     .min_operands = 3,
     .max_operands = 3,
     .attrs = scatter_attrs,
     .infer = infer_scatter,
     .jvp = jvp_scatter,
     .transpose = transpose_scatter,
     .doc = "x with updates added to (or set at) indices along an axis; indices clamp into range"},
};
static_assert(is_complete(table, indexing_range));

}  // namespace

constinit const std::span<const OpDef> indexing = table;

}  // namespace weft::ir::ops
