// Attention: an operation of its own, because online softmax is other arithmetic than softmax
// between two products.
#include "ir/attention_node.h"
#include "ir/ops/expansions.h"
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

AttentionGradientShape attention_gradient_shape(const Node& node, const Type& q, const Type& k,
                                                const Type& v) {
  AttentionGradientShape shape{attention_shape(node, q, k, v)};
  shape.chunk = attention_chunk(shape.queries);
  shape.dq = shape.q;
  shape.dk = shape.k;
  shape.dv = shape.v;
  return shape;
}

std::size_t attention_operand(const Node& node) {
  const std::string& wrt = node.attrs.string("wrt");
  return wrt == "query" ? 0 : wrt == "key" ? 1 : 2;
}

namespace ops {
namespace {

void check_size(const InferContext& c, std::string_view rule, std::size_t n, std::size_t axis,
                Dim expected) {
  const Dim got = c.operands[n].shape[axis];
  if (got != expected)
    c.fail(rule, "size of " + operand(n) + "'s axis " + std::to_string(axis),
           std::to_string(expected), std::to_string(got));
}

/// Of attention on the first three operands.
Type result_type(const InferContext& c) {
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
  for (std::size_t axis = 0; axis < rows; ++axis)
    for (std::size_t n : {1u, 2u}) check_size(c, "Q4", n, axis, q.shape[axis]);
  check_size(c, "Q5", 1, columns, q.shape[columns]);
  check_size(c, "Q6", 2, rows, k.shape[rows]);
  Type result = q;
  result.shape[columns] = v.shape[columns];
  return result;
}

std::vector<Type> infer_attention(const InferContext& c) { return {result_type(c)}; }

const Type& type_of_wrt(const InferContext& c) {
  const std::string& wrt = c.node.attrs.string("wrt");
  check_choice(c, "Q7", "wrt", wrt, {"query", "key", "value"});
  return c.operands[attention_operand(c.node)];
}

void check_last_operand(const InferContext& c, const Type& expected) {
  if (c.operands[3] != expected) c.fail("Q8", "operand 3", expected.str(), c.operands[3].str());
}

std::vector<Type> infer_gradient(const InferContext& c) {
  check_last_operand(c, result_type(c));
  return {type_of_wrt(c)};
}

std::vector<Type> infer_tangent(const InferContext& c) {
  const Type result = result_type(c);
  check_last_operand(c, type_of_wrt(c));
  return {result};
}

constexpr AttrDef attention_attrs[] = {{"scale", AttrType::real}, {"causal", AttrType::boolean}};
constexpr AttrDef derivative_attrs[] = {
    {"wrt", AttrType::string}, {"scale", AttrType::real}, {"causal", AttrType::boolean}};

constexpr OpDef table[] = {
    {.op = Op::attention,
     .name = "attention",
     .kind = Kind::attention,
     .min_operands = 3,
     .max_operands = 3,
     .attrs = attention_attrs,
     .infer = infer_attention,
     .jvp = jvp_attention,
     .expand = expand_attention,
     .doc = "softmax(scale * q k^T) v with online softmax, for each index of the leading axes"},
    {.op = Op::attention_gradient,
     .name = "attention_gradient",
     .kind = Kind::attention,
     .min_operands = 4,
     .max_operands = 4,
     .attrs = derivative_attrs,
     .infer = infer_gradient,
     .expand = expand_attention_gradient,
     .doc = "the cotangent of q, k or v, from that of attention's result"},
    {.op = Op::attention_tangent,
     .name = "attention_tangent",
     .kind = Kind::attention,
     .min_operands = 4,
     .max_operands = 4,
     .attrs = derivative_attrs,
     .infer = infer_tangent,
     .transpose = transpose_attention_tangent,
     .expand = expand_attention_tangent,
     .only_expanded = true,
     .doc = "the tangent of attention's result, from that of q, k or v"},
};
static_assert(is_complete(table, attention_range));

}  // namespace

constinit const std::span<const OpDef> attention = table;

}  // namespace ops
}  // namespace weft::ir
