// Attention: an operation of its own, because online softmax is other arithmetic than softmax
// between two products.
#include "ir/attention_node.h"
#include "ir/ops/infer.h"
#include "ir/ops/linear_rules.h"
#include "ir/ops/table.h"

namespace weft::ir {

AttentionShape attention_shape(const Node& node, const Type& q, const Type& k, const Type& v) {
  const auto from_last = [](const Type& type, std::size_t back) -> std::int64_t {
    return type.shape[type.shape.size() - back];
  };
  AttentionShape shape{};
  shape.batch = elements(Shape(q.shape.begin(), q.shape.end() - 2));
  shape.queries = from_last(q, 2);
  shape.keys = from_last(k, 2);
  shape.depth = from_last(q, 1);
  shape.value_depth = from_last(v, 1);
  shape.scale = node.attrs.real("scale");
  shape.causal = node.attrs.boolean("causal");
  shape.q = {shape.queries * shape.depth, shape.depth};
  shape.k = {shape.keys * shape.depth, shape.depth};
  shape.v = {shape.keys * shape.value_depth, shape.value_depth};
  shape.o = {shape.queries * shape.value_depth, shape.value_depth};
  return shape;
}

namespace ops {
namespace {

std::vector<Type> infer_attention(const InferContext& c) {
  check_class(c, "Q1", 0, Class::floating);
  check_same_dtype(c, "Q2", 1, 0);
  check_same_dtype(c, "Q2", 2, 0);
  const Type &q = c.operands[0], &k = c.operands[1], &v = c.operands[2];
  if (q.rank() < 2) c.fail("Q3", "rank of operand 0", "at least 2", std::to_string(q.rank()));
  for (std::size_t n : {1u, 2u})
    if (c.operands[n].rank() != q.rank())
      c.fail("Q3", "rank of " + operand(n), std::to_string(q.rank()) + ", as of operand 0",
             std::to_string(c.operands[n].rank()));
  const std::size_t rows = q.shape.size() - 2, columns = rows + 1;
  const auto same = [&](std::string_view rule, std::size_t n, std::size_t axis, Dim expected) {
    const Dim got = c.operands[n].shape[axis];
    if (got != expected)
      c.fail(rule, "size of " + operand(n) + "'s axis " + std::to_string(axis),
             std::to_string(expected), std::to_string(got));
  };
  for (std::size_t axis = 0; axis < rows; ++axis)
    for (std::size_t n : {1u, 2u}) same("Q4", n, axis, q.shape[axis]);
  same("Q5", 1, columns, q.shape[columns]);
  same("Q6", 2, rows, k.shape[rows]);
  Type result = q;
  result.shape[columns] = v.shape[columns];
  return {result};
}

constexpr AttrDef attention_attrs[] = {{"scale", AttrType::real}, {"causal", AttrType::boolean}};

constexpr OpDef table[] = {
    {.op = Op::attention,
     .name = "attention",
     .kind = Kind::attention,
     .min_operands = 3,
     .max_operands = 3,
     .attrs = attention_attrs,
     .infer = infer_attention,
     .jvp = jvp_attention,
     .doc = "softmax(scale * q k^T) v with online softmax, for each index of the leading axes"},
};
static_assert(is_complete(table, attention_range));

}  // namespace

constinit const std::span<const OpDef> attention = table;

}  // namespace ops
}  // namespace weft::ir
