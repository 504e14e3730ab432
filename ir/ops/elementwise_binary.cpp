// Elementwise operations of two and three operands.
#include "ir/ops/elementwise.h"
#include "ir/ops/linear_rules.h"

namespace weft::ir::ops {
namespace {

constexpr Domain away_from_zero_divisor[] = {{-2, 2}, {0.5, 3}};
constexpr Domain rem_domain[] = {{0.1, 0.9}, {1, 3}};
constexpr Domain pow_domain[] = {{0.2, 3}, {-2, 2}};
constexpr Domain atan2_domain[] = {{0.2, 2}, {-2, 2}};
constexpr Domain clamp_domain[] = {{-1.5, -0.5}, {-2, 2}, {0.5, 1.5}};

constexpr OpDef entry(Op op, std::string_view name, int operands, InferFn infer, ScalarFn scalar,
                      PartialFn partial, TransposeFn transpose, std::string_view doc,
                      std::span<const Domain> domains = {}) {
  return {.op = op,
          .name = name,
          .kind = Kind::elementwise,
          .min_operands = operands,
          .max_operands = operands,
          .attrs = {},
          .infer = infer,
          .scalar = scalar,
          .partial = partial,
          .transpose = transpose,
          .domains = domains,
          .doc = doc};
}

template <Expr (*formula)(Formula, int)>
Value d(const PartialContext& c, int k) {
  return formula({c}, k).v;
}

constexpr InferFn number = infer_same<Class::number>;
constexpr InferFn floating = infer_same<Class::floating>;
constexpr InferFn integer = infer_same<Class::integer>;
constexpr InferFn logical = infer_same<Class::logical>;

std::vector<Type> infer_compare(const InferContext& c) {
  check_elementwise(c, Class::any);
  if (is_complex(c.operands[0].dtype))
    throw Unsupported("compare: complex dtypes are not supported yet", c.node.where);
  check_choice(c, "E5", "direction", c.node.attrs.string("direction"),
               {"eq", "ne", "lt", "le", "gt", "ge"});
  return {{DType::boolean, c.operands[0].shape}};
}

std::vector<Type> infer_select(const InferContext& c) {
  if (!is_bool(c.operands[0].dtype))
    c.fail("E6", "operand 0's dtype", "bool", name(c.operands[0].dtype));
  check_elementwise(c, Class::any, 1);
  return {c.operands[1]};
}

// Scalar hooks that are more than one opcode or call.

Scalar scalar_compare(ScalarBuilder& b, Scalars x, const Node& node) {
  const std::string& direction = node.attrs.string("direction");
  if (direction == "eq") return b.eq(x[0], x[1]);
  if (direction == "ne") return b.ne(x[0], x[1]);
  if (direction == "lt") return b.lt(x[0], x[1]);
  if (direction == "le") return b.le(x[0], x[1]);
  if (direction == "gt") return b.lt(x[1], x[0]);
  return b.le(x[1], x[0]);
}

Scalar scalar_select(ScalarBuilder& b, Scalars x, const Node&) {
  return b.select(x[0], x[1], x[2]);
}

Scalar scalar_clamp(ScalarBuilder& b, Scalars x, const Node&) {
  const DType dtype = b.dtype(x[1]);
  return b.emit(ScalarOp::min, dtype, {b.emit(ScalarOp::max, dtype, {x[1], x[0]}), x[2]});
}

// Derivatives by operand k.

Expr d_add(Formula f, int) { return f.x().like(1); }
Expr d_sub(Formula f, int k) { return f.x().like(k == 0 ? 1 : -1); }
Expr d_mul(Formula f, int k) { return f.x(1 - k); }
/// Both by 1/b: one division, and none per element where b is broadcast.
Expr d_div(Formula f, int k) {
  const Expr inverse = 1.0 / f.x(1);
  return k == 0 ? inverse : -(f.y() * inverse);
}

/// rem(a, b) = a - b * trunc(a / b), and trunc(q) = sign(q) * floor(|q|).
Expr d_rem(Formula f, int k) {
  if (k == 0) return f.x().like(1);
  const Expr q = f.x(0) / f.x(1);
  return -(q.apply(Op::sign) * q.apply(Op::abs).apply(Op::floor));
}

/// By x: y * x^(y-1), zero where y is 0. By y: log(x) * x^y, zero where x is 0 and y is not
/// negative. The selects keep 0 * infinity out.
Expr d_pow(Formula f, int k) {
  const Expr x = f.x(0);
  const Expr y = f.x(1);
  const Expr zero = x.like(0);
  if (k == 0) return y.choose("eq", zero, zero, y * x.apply(Op::pow, y - 1.0));
  const Expr slope = x.apply(Op::log) * f.y();
  return x.choose("eq", zero, y.choose("ge", zero, zero, slope), slope);
}

Expr d_atan2(Formula f, int k) {
  const Expr y = f.x(0);
  const Expr x = f.x(1);
  const Expr squares = x * x + y * y;
  return k == 0 ? x / squares : -(y / squares);
}

/// The winner takes all; a tie is shared equally.
Expr share_of_winner(Formula f, int k, std::string_view wins) {
  const Expr mine = f.x(k);
  const Expr other = f.x(1 - k);
  const Expr alone = mine.choose(wins, other, mine.like(1), mine.like(0));
  return mine.choose("eq", other, mine.like(0.5), alone);
}
Expr d_max(Formula f, int k) { return share_of_winner(f, k, "gt"); }
Expr d_min(Formula f, int k) { return share_of_winner(f, k, "lt"); }

/// As PyTorch: x passes inside and on the bounds; a bound passes where it is strictly exceeded.
/// Where lo > hi, the result is hi, and hi alone passes.
Expr d_clamp(Formula f, int k) {
  const Expr lo = f.x(0), x = f.x(1), hi = f.x(2);
  const Expr one = x.like(1), zero = x.like(0);
  if (k == 1) return x.choose("ge", lo, x.choose("le", hi, one, zero), zero);
  if (k == 0) return x.choose("lt", lo, lo.choose("lt", hi, one, zero), zero);
  return hi.choose("lt", lo, one, x.choose("gt", hi, one, zero));
}

Expr d_fma(Formula f, int k) { return k == 2 ? f.x().like(1) : f.x(1 - k); }

constexpr AttrDef direction[] = {{"direction", AttrType::string}};

constexpr OpDef compare_entry{
    .op = Op::compare,
    .name = "compare",
    .kind = Kind::elementwise,
    .min_operands = 2,
    .max_operands = 2,
    .attrs = direction,
    .infer = infer_compare,
    .scalar = scalar_compare,
    .doc = "a direction b, as bool; any order with NaN is false, ne true"};
constexpr OpDef select_entry{.op = Op::select,
                             .name = "select",
                             .kind = Kind::elementwise,
                             .min_operands = 3,
                             .max_operands = 3,
                             .attrs = {},
                             .infer = infer_select,
                             .scalar = scalar_select,
                             .jvp = jvp_select,
                             .transpose = transpose_select,
                             .doc = "p ? a : b"};

constexpr OpDef table[] = {
    entry(Op::add, "add", 2, number, opcode<ScalarOp::add>, d<d_add>, transpose_add, "a + b"),
    entry(Op::sub, "sub", 2, number, opcode<ScalarOp::sub>, d<d_sub>, transpose_sub, "a - b"),
    entry(Op::mul, "mul", 2, number, opcode<ScalarOp::mul>, d<d_mul>, transpose_mul, "a * b"),
    entry(Op::div, "div", 2, number, opcode<ScalarOp::div>, d<d_div>, transpose_div,
          "a / b; integers truncate", away_from_zero_divisor),
    entry(Op::rem, "rem", 2, number, opcode<ScalarOp::rem>, d<d_rem>, nullptr,
          "a - b * trunc(a / b), with the sign of a", rem_domain),
    entry(Op::pow, "pow", 2, number, call2<math::pow>, d<d_pow>, nullptr, "a to the b", pow_domain),
    entry(Op::atan2, "atan2", 2, floating, call2<math::atan2>, d<d_atan2>, nullptr,
          "the angle of the point (b, a)", atan2_domain),
    entry(Op::max, "max", 2, number, opcode<ScalarOp::max>, d<d_max>, nullptr,
          "the larger; NaN if either is"),
    entry(Op::min, "min", 2, number, opcode<ScalarOp::min>, d<d_min>, nullptr,
          "the smaller; NaN if either is"),
    entry(Op::and_, "and", 2, logical, opcode<ScalarOp::and_>, nullptr, nullptr,
          "logical of bool, bitwise of integers"),
    entry(Op::or_, "or", 2, logical, opcode<ScalarOp::or_>, nullptr, nullptr,
          "logical of bool, bitwise of integers"),
    entry(Op::xor_, "xor", 2, logical, opcode<ScalarOp::xor_>, nullptr, nullptr,
          "logical of bool, bitwise of integers"),
    entry(Op::shift_left, "shift_left", 2, integer, opcode<ScalarOp::shl>, nullptr, nullptr,
          "a << b; 0 from the width on"),
    entry(Op::shift_right_logical, "shift_right_logical", 2, integer, opcode<ScalarOp::shr_logical>,
          nullptr, nullptr, "a >> b, zeros coming in; 0 from the width on"),
    entry(Op::shift_right_arithmetic, "shift_right_arithmetic", 2, integer,
          opcode<ScalarOp::shr_arith>, nullptr, nullptr,
          "a >> b, the sign coming in; the sign from the width on"),
    compare_entry,
    select_entry,
    entry(Op::clamp, "clamp", 3, number, scalar_clamp, d<d_clamp>, nullptr,
          "min(max(x, lo), hi) of (lo, x, hi)", clamp_domain),
    entry(Op::fma, "fma", 3, floating, opcode<ScalarOp::fma>, d<d_fma>, nullptr,
          "a * b + c, rounded once"),
};
static_assert(is_complete(table, binary_range));

}  // namespace

constinit const std::span<const OpDef> binary = table;

}  // namespace weft::ir::ops
