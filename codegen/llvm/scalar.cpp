#include "codegen/llvm/scalar.h"

#include <string>

#include <weft/error.h>
#include "codegen/kernel_values.h"
#include "codegen/llvm/float_parts.h"
#include "llvm/IR/Intrinsics.h"

namespace weft::codegen::cpu {
namespace {

using ir::ScalarOp;

// What a row sees: operands a, b, c (scalars or vectors alike) and how to make constants like them.
struct Row {
  Emitter& e;
  llvm::IRBuilder<>& b;
  DType result, operand;
  Value *x, *y, *z;

  // The type of `dtype` in as many lanes as x has.
  llvm::Type* like(DType dtype) const {
    return x->getType()->isVectorTy() ? e.vector(dtype) : e.element(dtype);
  }
  // An integer constant of x's type.
  Value* number(std::uint64_t value) const {
    unsigned bits = x->getType()->getScalarSizeInBits();
    return llvm::ConstantInt::get(x->getType(), llvm::APInt(64, value).trunc(bits));
  }
  unsigned bits() const { return x->getType()->getScalarSizeInBits(); }
  Value* call(llvm::Intrinsic::ID id) const { return b.CreateUnaryIntrinsic(id, x); }
  bool floats() const { return is_float(operand); }
  bool is_signed() const { return is_signed_int(operand); }
};

Value* add(const Row& r) { return r.floats() ? r.b.CreateFAdd(r.x, r.y) : r.b.CreateAdd(r.x, r.y); }
Value* sub(const Row& r) { return r.floats() ? r.b.CreateFSub(r.x, r.y) : r.b.CreateSub(r.x, r.y); }
Value* mul(const Row& r) { return r.floats() ? r.b.CreateFMul(r.x, r.y) : r.b.CreateMul(r.x, r.y); }

// y, with 1 in the place of what the hardware traps on: 0, and -1 below the lowest integer (whose
// quotient and remainder by 1 are the right ones).
Value* safe_divisor(const Row& r, Value* is_zero) {
  Value* unsafe = is_zero;
  if (r.is_signed()) {
    Value* lowest = r.number(std::uint64_t{1} << (r.bits() - 1));
    Value* overflows = r.b.CreateAnd(r.b.CreateICmpEQ(r.x, lowest),
                                     r.b.CreateICmpEQ(r.y, r.number(~std::uint64_t{0})));
    unsafe = r.b.CreateOr(unsafe, overflows);
  }
  return r.b.CreateSelect(unsafe, r.number(1), r.y);
}

Value* div(const Row& r) {
  if (r.floats()) return r.b.CreateFDiv(r.x, r.y);
  Value* is_zero = r.b.CreateICmpEQ(r.y, r.number(0));
  Value* safe = safe_divisor(r, is_zero);
  Value* quotient = r.is_signed() ? r.b.CreateSDiv(r.x, safe) : r.b.CreateUDiv(r.x, safe);
  return r.b.CreateSelect(is_zero, r.number(~std::uint64_t{0}), quotient);
}

Value* rem(const Row& r) {
  if (r.floats()) return r.b.CreateFRem(r.x, r.y);
  Value* is_zero = r.b.CreateICmpEQ(r.y, r.number(0));
  Value* safe = safe_divisor(r, is_zero);
  Value* rest = r.is_signed() ? r.b.CreateSRem(r.x, safe) : r.b.CreateURem(r.x, safe);
  return r.b.CreateSelect(is_zero, r.x, rest);
}

Value* fma(const Row& r) {
  return r.b.CreateIntrinsic(r.x->getType(), llvm::Intrinsic::fma, {r.x, r.y, r.z});
}
Value* neg(const Row& r) { return r.floats() ? r.b.CreateFNeg(r.x) : r.b.CreateNeg(r.x); }
Value* abs(const Row& r) {
  if (r.floats()) return r.call(llvm::Intrinsic::fabs);
  if (!r.is_signed()) return r.x;
  return r.b.CreateBinaryIntrinsic(llvm::Intrinsic::abs, r.x, r.b.getFalse());
}

// With floats, one comparison and its select are one instruction of x86 that gives y when either is
// NaN; what is left is to let a NaN x through.
Value* extreme(const Row& r, llvm::CmpInst::Predicate wins) {
  Value* best = r.b.CreateSelect(r.b.CreateCmp(wins, r.x, r.y), r.x, r.y);
  if (!r.floats()) return best;
  return r.b.CreateSelect(r.b.CreateFCmpUNO(r.x, r.x), r.x, best);
}
Value* min(const Row& r) {
  return extreme(r, r.floats()      ? llvm::CmpInst::FCMP_OLT
                    : r.is_signed() ? llvm::CmpInst::ICMP_SLT
                                    : llvm::CmpInst::ICMP_ULT);
}
Value* max(const Row& r) {
  return extreme(r, r.floats()      ? llvm::CmpInst::FCMP_OGT
                    : r.is_signed() ? llvm::CmpInst::ICMP_SGT
                                    : llvm::CmpInst::ICMP_UGT);
}

Value* sqrt(const Row& r) { return r.call(llvm::Intrinsic::sqrt); }
Value* floor(const Row& r) { return r.call(llvm::Intrinsic::floor); }
Value* ceil(const Row& r) { return r.call(llvm::Intrinsic::ceil); }
Value* round_even(const Row& r) { return r.call(llvm::Intrinsic::roundeven); }
Value* trunc(const Row& r) { return r.call(llvm::Intrinsic::trunc); }

Value* scale(const Row& r) { return emit_float_parts(r.e, ScalarOp::scale, r.operand, r.x, r.y); }
Value* exponent(const Row& r) {
  return emit_float_parts(r.e, ScalarOp::exponent, r.operand, r.x, nullptr);
}
Value* mantissa(const Row& r) {
  return emit_float_parts(r.e, ScalarOp::mantissa, r.operand, r.x, nullptr);
}

Value* eq(const Row& r) {
  return r.floats() ? r.b.CreateFCmpOEQ(r.x, r.y) : r.b.CreateICmpEQ(r.x, r.y);
}
Value* ne(const Row& r) {
  return r.floats() ? r.b.CreateFCmpUNE(r.x, r.y) : r.b.CreateICmpNE(r.x, r.y);
}
Value* lt(const Row& r) {
  if (r.floats()) return r.b.CreateFCmpOLT(r.x, r.y);
  return r.is_signed() ? r.b.CreateICmpSLT(r.x, r.y) : r.b.CreateICmpULT(r.x, r.y);
}
Value* le(const Row& r) {
  if (r.floats()) return r.b.CreateFCmpOLE(r.x, r.y);
  return r.is_signed() ? r.b.CreateICmpSLE(r.x, r.y) : r.b.CreateICmpULE(r.x, r.y);
}
Value* select(const Row& r) { return r.b.CreateSelect(r.x, r.y, r.z); }

Value* and_(const Row& r) { return r.b.CreateAnd(r.x, r.y); }
Value* or_(const Row& r) { return r.b.CreateOr(r.x, r.y); }
Value* xor_(const Row& r) { return r.b.CreateXor(r.x, r.y); }
Value* not_(const Row& r) { return r.b.CreateNot(r.x); }

// An amount of the width or more is poison to LLVM, in a vector's lane alone.
Value* shift(const Row& r, Value* shifted) {
  Value* fits = r.b.CreateICmpULT(r.y, r.number(r.bits()));
  return r.b.CreateSelect(fits, shifted, r.number(0));
}
Value* shl(const Row& r) { return shift(r, r.b.CreateShl(r.x, r.y)); }
Value* shr_logical(const Row& r) { return shift(r, r.b.CreateLShr(r.x, r.y)); }
Value* shr_arith(const Row& r) {
  Value* most = r.number(r.bits() - 1);
  Value* amount = r.b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, r.y, most);
  return r.b.CreateAShr(r.x, amount);
}

Value* convert(const Row& r) {
  llvm::Type* to = r.like(r.result);
  if (r.result == r.operand) return r.x;
  if (is_bool(r.result)) {
    llvm::Value* zero = llvm::Constant::getNullValue(r.x->getType());
    return r.floats() ? r.b.CreateFCmpUNE(r.x, zero) : r.b.CreateICmpNE(r.x, zero);
  }
  if (r.floats()) {
    if (is_float(r.result)) return r.b.CreateFPCast(r.x, to);
    auto id = is_signed_int(r.result) ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat;
    return r.b.CreateIntrinsic(id, {to, r.x->getType()}, {r.x});
  }
  if (is_float(r.result))
    return r.is_signed() ? r.b.CreateSIToFP(r.x, to) : r.b.CreateUIToFP(r.x, to);
  return r.b.CreateIntCast(r.x, to, r.is_signed());
}
Value* bitcast(const Row& r) { return r.b.CreateBitCast(r.x, r.like(r.result)); }

struct TableRow {
  ScalarOp op;
  Value* (*emit)(const Row&);
};
constexpr TableRow table[] = {
    {ScalarOp::param, nullptr},
    {ScalarOp::constant, nullptr},
    {ScalarOp::add, add},
    {ScalarOp::sub, sub},
    {ScalarOp::mul, mul},
    {ScalarOp::div, div},
    {ScalarOp::rem, rem},
    {ScalarOp::fma, fma},
    {ScalarOp::neg, neg},
    {ScalarOp::abs, abs},
    {ScalarOp::min, min},
    {ScalarOp::max, max},
    {ScalarOp::sqrt, sqrt},
    {ScalarOp::floor, floor},
    {ScalarOp::ceil, ceil},
    {ScalarOp::round_even, round_even},
    {ScalarOp::trunc, trunc},
    {ScalarOp::scale, scale},
    {ScalarOp::exponent, exponent},
    {ScalarOp::mantissa, mantissa},
    {ScalarOp::eq, eq},
    {ScalarOp::ne, ne},
    {ScalarOp::lt, lt},
    {ScalarOp::le, le},
    {ScalarOp::select, select},
    {ScalarOp::and_, and_},
    {ScalarOp::or_, or_},
    {ScalarOp::xor_, xor_},
    {ScalarOp::not_, not_},
    {ScalarOp::shl, shl},
    {ScalarOp::shr_logical, shr_logical},
    {ScalarOp::shr_arith, shr_arith},
    {ScalarOp::convert, convert},
    {ScalarOp::bitcast, bitcast},
};
constexpr bool in_order() {
  for (int k = 0; k < ir::scalar_op_count; ++k)
    if (static_cast<int>(table[k].op) != k) return false;
  return std::size(table) == ir::scalar_op_count;
}
static_assert(in_order());

}  // namespace

Value* emit_scalar(Emitter& e, ScalarOp op, DType result, DType operand,
                   std::span<Value* const> args) {
  auto arg = [&](std::size_t k) { return k < args.size() ? args[k] : nullptr; };
  Row row{e, e.b, result, operand, arg(0), arg(1), arg(2)};
  return table[static_cast<int>(op)].emit(row);
}

Value* emit_combine(Emitter& e, std::string_view monoid, DType dtype, Value* into, Value* value) {
  if (monoid == "set") return value;
  Value* args[] = {into, value};
  return emit_scalar(e, combine_op(monoid), dtype, dtype, args);
}

}  // namespace weft::codegen::cpu
