// Results put together from several operands.
#include "ir/ops/infer.h"
#include "ir/ops/linear_rules.h"
#include "ir/ops/table.h"

namespace weft::ir::ops {
namespace {

std::vector<Type> infer_pad(const InferContext& c) {
  const Type& x = c.operands[0];
  const Type value{x.dtype, {}};
  if (c.operands[1] != value)
    c.fail("P1", "operand 1 (the value)", value.str(), c.operands[1].str());
  const Ints& low = c.node.attrs.ints("low");
  const Ints& high = c.node.attrs.ints("high");
  const Ints& interior = c.node.attrs.ints("interior");
  check_length(c, "P2", "low", low, x.rank());
  check_length(c, "P2", "high", high, x.rank());
  check_length(c, "P2", "interior", interior, x.rank());
  Type result{x.dtype, {}};
  for (std::size_t k = 0; k < low.size(); ++k) {
    if (interior[k] < 0)
      c.fail("P3", "interior of axis " + std::to_string(k), "at least 0",
             std::to_string(interior[k]));
    std::int64_t size = 0;
    const std::int64_t gaps = x.shape[k] == 0 ? 0 : x.shape[k] - 1;
    bool overflows = __builtin_mul_overflow(gaps, interior[k], &size);
    for (const std::int64_t part : {std::int64_t{x.shape[k]}, low[k], high[k]})
      overflows = __builtin_add_overflow(size, part, &size) || overflows;
    if (overflows || size < 0)
      c.fail("P4", "size of result axis " + std::to_string(k), "at least 0 and below 2^63",
             overflows ? "more" : std::to_string(size));
    result.shape.push_back(size);
  }
  return {result};
}

std::vector<Type> infer_concatenate(const InferContext& c) {
  Type result = c.operands[0];
  const std::int64_t axis = c.node.attrs.integer("axis");
  check_axis(c, "C1", "axis", axis, result.rank());
  std::int64_t total = 0;
  for (std::size_t k = 0; k < c.operands.size(); ++k) {
    const Type& x = c.operands[k];
    check_same_dtype(c, "C2", k, 0);
    Shape expected = c.operands[0].shape;
    if (x.rank() == result.rank())
      expected[static_cast<std::size_t>(axis)] = x.shape[static_cast<std::size_t>(axis)];
    if (x.shape != expected)
      c.fail("C3",
             operand(k) + "'s shape differs from operand 0's on another axis than " +
                 std::to_string(axis),
             ir::str(expected), ir::str(x.shape));
    const std::int64_t size = x.shape[static_cast<std::size_t>(axis)];
    if (__builtin_add_overflow(total, size, &total))
      c.fail("C4", "size of the result's axis " + std::to_string(axis), "below 2^63", "more");
  }
  result.shape[static_cast<std::size_t>(axis)] = total;
  return {result};
}

constexpr AttrDef pad_attrs[] = {
    {"low", AttrType::ints}, {"high", AttrType::ints}, {"interior", AttrType::ints}};
constexpr AttrDef concatenate_attrs[] = {{"axis", AttrType::integer}};

constexpr OpDef table[] = {
    {.op = Op::pad,
     .name = "pad",
     .kind = Kind::assemble,
     .min_operands = 2,
     .max_operands = 2,
     .attrs = pad_attrs,
     .infer = infer_pad,
     .jvp = jvp_pad,
     .transpose = transpose_pad,
     .doc = "a value put before, after and between the elements along every axis; "
            "negative amounts crop"},
    {.op = Op::concatenate,
     .name = "concatenate",
     .kind = Kind::assemble,
     .min_operands = 1,
     .max_operands = -1,
     .attrs = concatenate_attrs,
     .infer = infer_concatenate,
     .jvp = jvp_concatenate,
     .transpose = transpose_concatenate,
     .doc = "the operands one after the other along an axis"},
};
static_assert(is_complete(table, structure_range));

}  // namespace

constinit const std::span<const OpDef> structure = table;

}  // namespace weft::ir::ops
