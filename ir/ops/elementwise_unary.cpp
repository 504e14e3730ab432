// Elementwise operations of one operand.
#include <cmath>
#include <limits>
#include <numbers>

#include "ir/ops/elementwise.h"
#include "ir/ops/linear_rules.h"

namespace weft::ir::ops {
namespace {

// Where tests draw from.
constexpr Domain kinks_at_integers[] = {{-2, 2, {-2, -1, 0, 1, 2}}};
constexpr Domain kinks_at_halves[] = {{-2, 2, {-1.5, -0.5, 0.5, 1.5}}};
constexpr Domain kink_at_zero[] = {{-2, 2, {0}}};
constexpr Domain positive[] = {{0.1, 4}};
constexpr Domain above_minus_one[] = {{-0.8, 3}};
constexpr Domain above_one[] = {{1.1, 4}};
constexpr Domain inside_unit[] = {{-0.9, 0.9}};
constexpr Domain between_poles[] = {{-1.4, 1.4}};
constexpr Domain right_of_poles[] = {{0.2, 5}};

/// One entry. `dx` gives the derivative by the operand; null: zero.
constexpr OpDef entry(Op op, std::string_view name, InferFn infer, ScalarFn scalar, PartialFn dx,
                      std::string_view doc, std::span<const Domain> domains = {}) {
  return {.op = op,
          .name = name,
          .kind = Kind::elementwise,
          .min_operands = 1,
          .max_operands = 1,
          .attrs = {},
          .infer = infer,
          .scalar = scalar,
          .partial = dx,
          .domains = domains,
          .doc = doc};
}

template <Expr (*formula)(Formula)>
Value d(const PartialContext& c, int) {
  return formula({c}).v;
}

constexpr InferFn number = infer_same<Class::number>;
constexpr InferFn floating = infer_same<Class::floating>;

std::vector<Type> infer_is_finite(const InferContext& c) {
  check_elementwise(c, Class::floating);
  return {{DType::boolean, c.operands[0].shape}};
}

std::vector<Type> infer_convert(const InferContext& c) {
  const DType to = c.node.attrs.dtype("dtype");
  if (is_complex(to) || is_complex(c.operands[0].dtype))
    throw Unsupported("convert: complex dtypes are not supported yet", c.node.where);
  return {{to, c.operands[0].shape}};
}

std::vector<Type> infer_polygamma(const InferContext& c) {
  check_elementwise(c, Class::floating);
  const std::int64_t order = c.node.attrs.integer("order");
  if (order < 1 || order > math::max_polygamma_order)
    c.fail("E7", "attribute 'order'", "1 to " + std::to_string(math::max_polygamma_order),
           std::to_string(order));
  return {c.operands[0]};
}

std::vector<Type> infer_bitcast(const InferContext& c) {
  const DType from = c.operands[0].dtype;
  const DType to = c.node.attrs.dtype("dtype");
  if (is_bool(from) != is_bool(to) || size_of(from) != size_of(to))
    c.fail("E4", "attribute 'dtype'",
           is_bool(from) ? "bool" : "a dtype of " + std::to_string(size_of(from)) + " bytes",
           name(to));
  return {{to, c.operands[0].shape}};
}

// Scalar hooks that are more than one opcode or call.

Scalar scalar_abs(ScalarBuilder& b, Scalars x, const Node&) {
  return is_unsigned_int(b.dtype(x[0])) ? x[0] : b.abs(x[0]);
}

// Zeros (of either sign) and NaN are their own sign.
Scalar scalar_sign(ScalarBuilder& b, Scalars x, const Node&) {
  const DType dtype = b.dtype(x[0]);
  const Scalar zero = b.constant(dtype, 0);
  const Scalar above = b.select(b.lt(zero, x[0]), b.constant(dtype, 1), x[0]);
  if (is_unsigned_int(dtype)) return above;
  return b.select(b.lt(x[0], zero), b.constant(dtype, -1), above);
}

Scalar scalar_is_finite(ScalarBuilder& b, Scalars x, const Node&) {
  const Scalar infinity = b.constant(b.dtype(x[0]), std::numeric_limits<double>::infinity());
  return b.lt(b.abs(x[0]), infinity);
}

Scalar scalar_polygamma(ScalarBuilder& b, Scalars x, const Node& node) {
  return math::polygamma(b, x[0], static_cast<int>(node.attrs.integer("order")));
}

Scalar scalar_convert(ScalarBuilder& b, Scalars x, const Node& node) {
  return b.convert(x[0], node.attrs.dtype("dtype"));
}

Scalar scalar_bitcast(ScalarBuilder& b, Scalars x, const Node& node) {
  return b.bitcast(x[0], node.attrs.dtype("dtype"));
}

// Derivatives.

Expr d_neg(Formula f) { return f.x().like(-1); }
Expr d_abs(Formula f) { return f.x().apply(Op::sign); }
Expr d_sqrt(Formula f) { return 0.5 / f.y(); }
Expr d_rsqrt(Formula f) { return -0.5 * (f.y() * f.y() * f.y()); }
Expr d_cbrt(Formula f) { return 1.0 / (3.0 * (f.y() * f.y())); }
Expr d_exp(Formula f) { return f.y(); }
Expr d_expm1(Formula f) { return f.x().apply(Op::exp); }
Expr d_log(Formula f) { return 1.0 / f.x(); }
Expr d_log1p(Formula f) { return 1.0 / (f.x() + 1.0); }
Expr d_sin(Formula f) { return f.x().apply(Op::cos); }
Expr d_cos(Formula f) { return -f.x().apply(Op::sin); }
Expr d_tan(Formula f) { return f.y() * f.y() + 1.0; }
Expr d_tanh(Formula f) { return 1.0 - f.y() * f.y(); }
/// (1 - x)(1 + x) keeps its digits near 1, where 1 - x*x loses them.
Expr one_minus_square(Expr x) { return (1.0 - x) * (x + 1.0); }
Expr d_asin(Formula f) { return one_minus_square(f.x()).apply(Op::rsqrt); }
Expr d_acos(Formula f) { return -d_asin(f); }
Expr d_atan(Formula f) { return 1.0 / (f.x() * f.x() + 1.0); }
Expr d_sinh(Formula f) { return f.x().apply(Op::cosh); }
Expr d_cosh(Formula f) { return f.x().apply(Op::sinh); }
Expr d_asinh(Formula f) { return (f.x() * f.x() + 1.0).apply(Op::rsqrt); }
Expr d_acosh(Formula f) { return ((f.x() - 1.0) * (f.x() + 1.0)).apply(Op::rsqrt); }
Expr d_atanh(Formula f) { return 1.0 / one_minus_square(f.x()); }
Expr d_erf(Formula f) { return 2 * std::numbers::inv_sqrtpi * (-(f.x() * f.x())).apply(Op::exp); }
Expr d_erfc(Formula f) { return -d_erf(f); }
Expr d_erf_inv(Formula f) {
  return 0.5 / std::numbers::inv_sqrtpi * (f.y() * f.y()).apply(Op::exp);
}
Expr d_lgamma(Formula f) { return f.x().apply(Op::digamma); }
Expr polygamma(std::int64_t order, Expr x) {
  return {x.b, x.b->add_node(Op::polygamma, {x.v}, {{"order", order}})};
}
Expr d_digamma(Formula f) { return polygamma(1, f.x()); }
Expr d_polygamma(Formula f) {
  const std::int64_t order = f.c.node.attrs.integer("order");
  if (order == math::max_polygamma_order)
    throw Unsupported("polygamma: no derivative of order " + std::to_string(order) +
                          " is supported, expected an order below it",
                      f.c.node.where);
  return polygamma(order + 1, f.x());
}
Expr d_logistic(Formula f) { return f.y() * (1.0 - f.y()); }

constexpr AttrDef with_order[] = {{"order", AttrType::integer}};
constexpr AttrDef to_dtype[] = {{"dtype", AttrType::dtype}};

constexpr OpDef with_transpose(OpDef def, TransposeFn transpose) {
  def.transpose = transpose;
  return def;
}

constexpr OpDef convert_entry{.op = Op::convert,
                              .name = "convert",
                              .kind = Kind::elementwise,
                              .min_operands = 1,
                              .max_operands = 1,
                              .attrs = to_dtype,
                              .infer = infer_convert,
                              .scalar = scalar_convert,
                              .jvp = jvp_convert,
                              .transpose = transpose_convert,
                              .doc =
                                  "x in another dtype; floats to integers truncate and saturate, "
                                  "NaN gives 0"};
constexpr OpDef bitcast_entry{.op = Op::bitcast,
                              .name = "bitcast",
                              .kind = Kind::elementwise,
                              .min_operands = 1,
                              .max_operands = 1,
                              .attrs = to_dtype,
                              .infer = infer_bitcast,
                              .scalar = scalar_bitcast,
                              .doc = "the bits of x as a dtype of equal size"};

constexpr OpDef with_attrs(OpDef def, std::span<const AttrDef> attrs) {
  def.attrs = attrs;
  return def;
}

constexpr OpDef table[] = {
    with_transpose(entry(Op::neg, "neg", number, opcode<ScalarOp::neg>, d<d_neg>, "-x"),
                   transpose_neg),
    entry(Op::abs, "abs", number, scalar_abs, d<d_abs>, "|x|", kink_at_zero),
    entry(Op::sign, "sign", number, scalar_sign, nullptr, "-1, 0 or 1; NaN gives NaN",
          kink_at_zero),
    entry(Op::floor, "floor", floating, opcode<ScalarOp::floor>, nullptr,
          "the largest integer not above x", kinks_at_integers),
    entry(Op::ceil, "ceil", floating, opcode<ScalarOp::ceil>, nullptr,
          "the smallest integer not below x", kinks_at_integers),
    entry(Op::round, "round", floating, opcode<ScalarOp::round_even>, nullptr,
          "the nearest integer, halves to even", kinks_at_halves),
    entry(Op::is_finite, "is_finite", infer_is_finite, scalar_is_finite, nullptr,
          "neither infinite nor NaN"),
    entry(Op::not_, "not", infer_same<Class::logical>, opcode<ScalarOp::not_>, nullptr,
          "logical not of bool, every bit flipped of integers"),
    entry(Op::sqrt, "sqrt", floating, opcode<ScalarOp::sqrt>, d<d_sqrt>, "square root", positive),
    entry(Op::rsqrt, "rsqrt", floating, call<math::rsqrt>, d<d_rsqrt>, "1 / sqrt(x)", positive),
    entry(Op::cbrt, "cbrt", floating, call<math::cbrt>, d<d_cbrt>, "cube root", positive),
    entry(Op::exp, "exp", floating, call<math::exp>, d<d_exp>, "e to the x"),
    entry(Op::expm1, "expm1", floating, call<math::expm1>, d<d_expm1>, "exp(x) - 1"),
    entry(Op::log, "log", floating, call<math::log>, d<d_log>, "natural logarithm", positive),
    entry(Op::log1p, "log1p", floating, call<math::log1p>, d<d_log1p>, "log(1 + x)",
          above_minus_one),
    entry(Op::sin, "sin", floating, call<math::sin>, d<d_sin>, "sine"),
    entry(Op::cos, "cos", floating, call<math::cos>, d<d_cos>, "cosine"),
    entry(Op::tan, "tan", floating, call<math::tan>, d<d_tan>, "tangent", between_poles),
    entry(Op::tanh, "tanh", floating, call<math::tanh>, d<d_tanh>, "hyperbolic tangent"),
    entry(Op::asin, "asin", floating, call<math::asin>, d<d_asin>, "inverse sine", inside_unit),
    entry(Op::acos, "acos", floating, call<math::acos>, d<d_acos>, "inverse cosine", inside_unit),
    entry(Op::atan, "atan", floating, call<math::atan>, d<d_atan>, "inverse tangent"),
    entry(Op::sinh, "sinh", floating, call<math::sinh>, d<d_sinh>, "hyperbolic sine"),
    entry(Op::cosh, "cosh", floating, call<math::cosh>, d<d_cosh>, "hyperbolic cosine"),
    entry(Op::asinh, "asinh", floating, call<math::asinh>, d<d_asinh>, "inverse hyperbolic sine"),
    entry(Op::acosh, "acosh", floating, call<math::acosh>, d<d_acosh>, "inverse hyperbolic cosine",
          above_one),
    entry(Op::atanh, "atanh", floating, call<math::atanh>, d<d_atanh>, "inverse hyperbolic tangent",
          inside_unit),
    entry(Op::erf, "erf", floating, call<math::erf>, d<d_erf>, "error function"),
    entry(Op::erfc, "erfc", floating, call<math::erfc>, d<d_erfc>, "1 - erf(x)"),
    entry(Op::erf_inv, "erf_inv", floating, call<math::erf_inv>, d<d_erf_inv>,
          "inverse of the error function", inside_unit),
    entry(Op::lgamma, "lgamma", floating, call<math::lgamma>, d<d_lgamma>,
          "logarithm of |gamma(x)|", right_of_poles),
    entry(Op::digamma, "digamma", floating, call<math::digamma>, d<d_digamma>,
          "derivative of lgamma", right_of_poles),
    with_attrs(entry(Op::polygamma, "polygamma", infer_polygamma, scalar_polygamma, d<d_polygamma>,
                     "derivative of digamma, of an order from 1 on", right_of_poles),
               with_order),
    entry(Op::logistic, "logistic", floating, call<math::logistic>, d<d_logistic>,
          "1 / (1 + exp(-x))"),
    convert_entry,
    bitcast_entry,
};
static_assert(is_complete(table, unary_range));

}  // namespace

constinit const std::span<const OpDef> unary = table;

}  // namespace weft::ir::ops
