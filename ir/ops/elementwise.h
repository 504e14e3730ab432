// The pieces that elementwise entries are made of: shared inference, scalar hooks that name an
// opcode or a function of ir/scalar_math.h, and derivatives written as short formulas.
#pragma once

#include "ir/builder.h"
#include "ir/ops/infer.h"
#include "ir/ops/table.h"
#include "ir/scalar_math.h"

namespace weft::ir::ops {

/// Rules E1 (dtype), E2 (dtypes agree) and E3 (shapes agree) for operands [first, end).
void check_elementwise(const InferContext& c, Class wanted, std::size_t first = 0);

template <Class wanted>
std::vector<Type> infer_same(const InferContext& c) {
  check_elementwise(c, wanted);
  return {c.operands[0]};
}

using Scalars = std::span<const Scalar>;

// Scalar hooks.
template <ScalarOp op>
Scalar opcode(ScalarBuilder& b, Scalars x, const Node&) {
  const ScalarInst* insts = b.program().insts.data();
  const DType dtype = insts[x[0].id].dtype;
  if constexpr (op == ScalarOp::fma)
    return b.emit(op, dtype, {x[0], x[1], x[2]});
  else if (x.size() == 1)
    return b.emit(op, dtype, {x[0]});
  else
    return b.emit(op, dtype, {x[0], x[1]});
}
template <Scalar (*function)(ScalarBuilder&, Scalar)>
Scalar call(ScalarBuilder& b, Scalars x, const Node&) {
  return function(b, x[0]);
}
template <Scalar (*function)(ScalarBuilder&, Scalar, Scalar)>
Scalar call2(ScalarBuilder& b, Scalars x, const Node&) {
  return function(b, x[0], x[1]);
}

/// A value with the builder that it lives in, so that derivatives read as formulas. A number next
/// to an Expr takes its type.
struct Expr {
  Builder* b;
  Value v;

  Expr like(double number) const { return {b, b->full(b->type(v), number)}; }
  Expr apply(Op op) const { return {b, b->unary(op, v)}; }
  Expr apply(Op op, Expr other) const { return {b, b->binary(op, v, other.v)}; }
  /// this `direction` other ? yes : no
  Expr choose(std::string_view direction, Expr other, Expr yes, Expr no) const {
    return {b, b->select(b->compare(direction, v, other.v), yes.v, no.v)};
  }
  friend Expr operator+(Expr x, Expr y) { return x.apply(Op::add, y); }
  friend Expr operator-(Expr x, Expr y) { return x.apply(Op::sub, y); }
  friend Expr operator*(Expr x, Expr y) { return x.apply(Op::mul, y); }
  friend Expr operator/(Expr x, Expr y) { return x.apply(Op::div, y); }
  friend Expr operator+(Expr x, double y) { return x + x.like(y); }
  friend Expr operator-(Expr x, double y) { return x - x.like(y); }
  friend Expr operator*(double x, Expr y) { return y.like(x) * y; }
  friend Expr operator-(double x, Expr y) { return y.like(x) - y; }
  friend Expr operator/(double x, Expr y) { return y.like(x) / y; }
  friend Expr operator-(Expr x) { return x.apply(Op::neg); }
};

/// What a formula of a derivative reads: the operands and the result.
struct Formula {
  const PartialContext& c;
  Expr x(int k = 0) const { return {&c.b, c.operands[static_cast<std::size_t>(k)]}; }
  Expr y() const { return {&c.b, c.result}; }
};

}  // namespace weft::ir::ops
