// Values from nothing but attributes (and, for random bits, a key).
#include "ir/ops/infer.h"
#include "ir/ops/table.h"
#include "ir/scalar_math.h"

namespace weft::ir::ops {
namespace {

/// A parameter's type stands on the node itself.
std::vector<Type> infer_parameter(const InferContext& c) { return c.node.types; }

std::vector<Type> infer_constant(const InferContext& c) {
  return {c.node.attrs.literal("value").type()};
}

std::vector<Type> infer_iota(const InferContext& c) {
  const Type type{c.node.attrs.dtype("dtype"), to_shape(c.node.attrs.ints("shape"))};
  check_axis(c, "I1", "axis", c.node.attrs.integer("axis"), type.rank());
  if (!accepts(c, Class::number, type.dtype))
    c.fail("I2", "attribute 'dtype'", describe(Class::number), name(type.dtype));
  return {type};
}

std::vector<Type> infer_random_bits(const InferContext& c) {
  const Type key{DType::u64, {2}};
  if (c.operands[0] != key) c.fail("N1", "operand 0 (the key)", key.str(), c.operands[0].str());
  const DType dtype = c.node.attrs.dtype("dtype");
  if (dtype != DType::u32) c.fail("N2", "attribute 'dtype'", "u32", name(dtype));
  return {{dtype, to_shape(c.node.attrs.ints("shape"))}};
}

Scalar scalar_random_bits(ScalarBuilder& b, std::span<const Scalar> x, const Node&) {
  return math::philox_u32(b, x[0], x[1], x[2]);
}

constexpr AttrDef constant_attrs[] = {{"value", AttrType::literal}};
constexpr AttrDef iota_attrs[] = {
    {"axis", AttrType::integer}, {"dtype", AttrType::dtype}, {"shape", AttrType::ints}};
constexpr AttrDef random_bits_attrs[] = {{"dtype", AttrType::dtype}, {"shape", AttrType::ints}};

constexpr OpDef table[] = {
    {.op = Op::parameter,
     .name = "parameter",
     .kind = Kind::source,
     .min_operands = 0,
     .max_operands = 0,
     .attrs = {},
     .infer = infer_parameter,
     .doc = "an argument of the function"},
    {.op = Op::constant,
     .name = "constant",
     .kind = Kind::source,
     .min_operands = 0,
     .max_operands = 0,
     .attrs = constant_attrs,
     .infer = infer_constant,
     .doc = "known values"},
    {.op = Op::iota,
     .name = "iota",
     .kind = Kind::source,
     .min_operands = 0,
     .max_operands = 0,
     .attrs = iota_attrs,
     .infer = infer_iota,
     .doc = "each element's index along an axis"},
    {.op = Op::random_bits,
     .name = "random_bits",
     .kind = Kind::source,
     .min_operands = 1,
     .max_operands = 1,
     .attrs = random_bits_attrs,
     .infer = infer_random_bits,
     .scalar = scalar_random_bits,
     .doc = "uniform bits: Philox 4x32-10 of a key and each element's row-major number"},
};
static_assert(is_complete(table, source_range));

}  // namespace

constinit const std::span<const OpDef> sources = table;

}  // namespace weft::ir::ops
