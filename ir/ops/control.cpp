// Operations about the program rather than its values.
#include "ir/ops/infer.h"
#include "ir/ops/linear_rules.h"
#include "ir/ops/table.h"

namespace weft::ir::ops {
namespace {

std::vector<Type> infer_barrier(const InferContext& c) { return {c.operands[0]}; }

std::vector<Type> infer_fused(const InferContext& c) {
  const Graph& body = *c.node.bodies[0];
  if (body.param_count() != c.operands.size())
    c.fail("F1", "number of operands",
           std::to_string(body.param_count()) + ", as the body has parameters",
           std::to_string(c.operands.size()));
  for (std::size_t k = 0; k < c.operands.size(); ++k) {
    const Type& expected = body.type(body.param(k));
    if (c.operands[k] != expected)
      c.fail("F2", operand(k) + "'s type differs from the body's parameter", expected.str(),
             c.operands[k].str());
  }
  if (body.results().empty()) c.fail("F3", "results of the body", "at least 1", "0");
  std::vector<Type> types;
  for (const Value result : body.results()) types.push_back(body.type(result));
  return types;
}

constexpr AttrDef fused_attrs[] = {{"label", AttrType::string, false}};

constexpr OpDef table[] = {
    {.op = Op::optimization_barrier,
     .name = "optimization_barrier",
     .kind = Kind::control,
     .min_operands = 1,
     .max_operands = 1,
     .attrs = {},
     .infer = infer_barrier,
     .jvp = jvp_optimization_barrier,
     .doc = "x; nothing is folded through it or moved over it"},
    {.op = Op::fused,
     .name = "fused",
     .kind = Kind::control,
     .min_operands = 0,
     .max_operands = -1,
     .attrs = fused_attrs,
     .infer = infer_fused,
     .bodies = 1,
     .doc = "the results of its body: a group that becomes one kernel"},
};
static_assert(is_complete(table, control_range));

}  // namespace

constinit const std::span<const OpDef> control = table;

}  // namespace weft::ir::ops
