// Views: every result element is one operand element, found by an affine index map.
#include <algorithm>
#include <functional>

#include "ir/ops/infer.h"
#include "ir/ops/linear_rules.h"
#include "ir/ops/table.h"

namespace weft::ir::ops {
namespace {

std::vector<Type> infer_broadcast_in_dim(const InferContext& c) {
  const Type& x = c.operands[0];
  const Shape shape = to_shape(c.node.attrs.ints("shape"));
  const Ints& dims = c.node.attrs.ints("dims");
  check_length(c, "B1", "dims", dims, x.rank());
  for (const std::int64_t dim : dims)
    check_axis(c, "B2", "dims", dim, static_cast<int>(shape.size()));
  if (!std::is_sorted(dims.begin(), dims.end(), std::less_equal<>()))
    c.fail("B2", "attribute 'dims'", "strictly increasing axes", str(dims));
  for (std::size_t k = 0; k < dims.size(); ++k) {
    const Dim to = shape[static_cast<std::size_t>(dims[k])];
    if (x.shape[k] != 1 && x.shape[k] != to)
      c.fail("B3", "size of operand 0's axis " + std::to_string(k),
             to == 1 ? "1" : "1 or " + std::to_string(to), std::to_string(x.shape[k]));
  }
  return {{x.dtype, shape}};
}

std::vector<Type> infer_reshape(const InferContext& c) {
  const Type& x = c.operands[0];
  const Type result{x.dtype, to_shape(c.node.attrs.ints("shape"))};
  if (!is_legal(result) || result.elements() != x.elements())
    c.fail("H1", "attribute 'shape'", "a shape of " + std::to_string(x.elements()) + " elements",
           ir::str(result.shape));
  return {result};
}

std::vector<Type> infer_transpose(const InferContext& c) {
  const Type& x = c.operands[0];
  const Ints& permutation = c.node.attrs.ints("permutation");
  check_length(c, "T1", "permutation", permutation, x.rank());
  check_axes(c, "T2", "permutation", permutation, x.rank());
  Type result{x.dtype, {}};
  for (const std::int64_t axis : permutation)
    result.shape.push_back(x.shape[static_cast<std::size_t>(axis)]);
  return {result};
}

std::vector<Type> infer_slice(const InferContext& c) {
  const Type& x = c.operands[0];
  const Ints& start = c.node.attrs.ints("start");
  const Ints& limit = c.node.attrs.ints("limit");
  const Ints& stride = c.node.attrs.ints("stride");
  check_length(c, "L1", "start", start, x.rank());
  check_length(c, "L1", "limit", limit, x.rank());
  check_length(c, "L1", "stride", stride, x.rank());
  Type result{x.dtype, {}};
  for (std::size_t k = 0; k < start.size(); ++k) {
    if (start[k] < 0 || start[k] > limit[k] || limit[k] > x.shape[k])
      c.fail("L2", "bounds of axis " + std::to_string(k),
             "0 <= start <= limit <= " + std::to_string(x.shape[k]),
             "start " + std::to_string(start[k]) + ", limit " + std::to_string(limit[k]));
    if (stride[k] < 1)
      c.fail("L3", "stride of axis " + std::to_string(k), "at least 1", std::to_string(stride[k]));
    const std::int64_t span = limit[k] - start[k];
    result.shape.push_back(span == 0 ? 0 : (span - 1) / stride[k] + 1);
  }
  return {result};
}

std::vector<Type> infer_reverse(const InferContext& c) {
  check_axes(c, "V1", "axes", c.node.attrs.ints("axes"), c.operands[0].rank());
  return {c.operands[0]};
}

constexpr AttrDef broadcast_attrs[] = {{"shape", AttrType::ints}, {"dims", AttrType::ints}};
constexpr AttrDef reshape_attrs[] = {{"shape", AttrType::ints}};
constexpr AttrDef transpose_attrs[] = {{"permutation", AttrType::ints}};
constexpr AttrDef slice_attrs[] = {
    {"start", AttrType::ints}, {"limit", AttrType::ints}, {"stride", AttrType::ints}};
constexpr AttrDef reverse_attrs[] = {{"axes", AttrType::ints}};

constexpr OpDef entry(Op op, std::string_view name, std::span<const AttrDef> attrs, InferFn infer,
                      JvpFn jvp, TransposeFn transpose, std::string_view doc) {
  return {.op = op,
          .name = name,
          .kind = Kind::view,
          .min_operands = 1,
          .max_operands = 1,
          .attrs = attrs,
          .infer = infer,
          .jvp = jvp,
          .transpose = transpose,
          .doc = doc};
}

constexpr OpDef table[] = {
    entry(Op::broadcast_in_dim, "broadcast_in_dim", broadcast_attrs, infer_broadcast_in_dim,
          jvp_broadcast_in_dim, transpose_broadcast_in_dim,
          "operand axis k becomes result axis dims[k]; new axes and axes of size 1 repeat"),
    entry(Op::reshape, "reshape", reshape_attrs, infer_reshape, jvp_reshape, transpose_reshape,
          "the elements, in row-major order, in another shape"),
    entry(Op::transpose, "transpose", transpose_attrs, infer_transpose, jvp_transpose,
          transpose_transpose, "result axis k is operand axis permutation[k]"),
    entry(Op::slice, "slice", slice_attrs, infer_slice, jvp_slice, transpose_slice,
          "elements from start, before limit, each stride apart, along every axis"),
    entry(Op::reverse, "reverse", reverse_attrs, infer_reverse, jvp_reverse, transpose_reverse,
          "the order of the elements turned round along axes"),
};
static_assert(is_complete(table, view_range));

}  // namespace

constinit const std::span<const OpDef> views = table;

}  // namespace weft::ir::ops
