#include "codegen/llvm/float_parts.h"

#include <numeric>

#include "codegen/llvm/scalar.h"
#include "ir/scalar_math.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace weft::codegen::cpu {
namespace {

using ir::ScalarOp;

// Instructions on 512 bits, which f64 needs two of.
class Instructions {
 public:
  Instructions(Emitter& e, DType dtype)
      : e_(e), single_(dtype == DType::f32), lanes_(single_ ? 16 : 8) {}

  Value* emit(ScalarOp op, Value* x, Value* y) {
    std::vector<Value*> parts;
    for (int first = 0; first < e_.width(); first += lanes_)
      parts.push_back(one(op, part(x, first), y ? part(y, first) : nullptr));
    if (parts.size() == 1) return parts[0];
    std::vector<int> all(static_cast<std::size_t>(e_.width()));
    std::iota(all.begin(), all.end(), 0);
    return e_.b.CreateShuffleVector(parts[0], parts[1], all);
  }

 private:
  Value* part(Value* whole, int first) {
    if (lanes_ == e_.width()) return whole;
    std::vector<int> lanes(static_cast<std::size_t>(lanes_));
    std::iota(lanes.begin(), lanes.end(), first);
    return e_.b.CreateShuffleVector(whole, lanes);
  }

  Value* one(ScalarOp op, Value* x, Value* y) {
    if (op == ScalarOp::scale)
      return call(llvm::Intrinsic::x86_avx512_mask_scalef_ps_512,
                  llvm::Intrinsic::x86_avx512_mask_scalef_pd_512, {x, y, x});
    // From 1 to 2; NaN where x < 0, 1 of -0.
    Value* one_to_two = e_.b.getInt32(12);
    Value* m = call(llvm::Intrinsic::x86_avx512_mask_getmant_ps_512,
                    llvm::Intrinsic::x86_avx512_mask_getmant_pd_512, {x, one_to_two, x});
    auto number = [&](double value) { return llvm::ConstantFP::get(x->getType(), value); };
    Value* most = number(single_ ? 0x1.555556p0 : 0x1.6a09e667f3bcdp0);  // twice the least
    Value* large = e_.b.CreateFCmpOGE(m, most);
    if (op == ScalarOp::mantissa)
      return e_.b.CreateSelect(large, e_.b.CreateFMul(m, number(0.5)), m);
    Value* k = call(llvm::Intrinsic::x86_avx512_mask_getexp_ps_512,
                    llvm::Intrinsic::x86_avx512_mask_getexp_pd_512, {x, x});
    return e_.b.CreateSelect(large, e_.b.CreateFAdd(k, number(1)), k);
  }

  Value* call(llvm::Intrinsic::ID single, llvm::Intrinsic::ID twice, std::vector<Value*> args) {
    args.push_back(e_.b.getIntN(static_cast<unsigned>(lanes_), ~std::uint64_t{0}));
    args.push_back(e_.b.getInt32(4));  // the usual rounding
    return e_.b.CreateIntrinsic(single_ ? single : twice, {}, args);
  }

  Emitter& e_;
  bool single_;
  int lanes_;
};

Value* expanded(Emitter& e, ScalarOp op, DType dtype, Value* x, Value* y) {
  const ir::ScalarProgram program = ir::math::expansion(op, dtype);
  std::vector<Value*> values;
  for (const ir::ScalarInst& inst : program.insts) {
    if (inst.op == ScalarOp::param) {
      values.push_back(inst.bits == 0 ? x : y);
    } else if (inst.op == ScalarOp::constant) {
      Value* constant = e.constant(inst.dtype, inst.bits);
      values.push_back(x->getType()->isVectorTy() ? e.splat(constant) : constant);
    } else {
      std::vector<Value*> args;
      for (std::int32_t arg : inst.args)
        if (arg >= 0) args.push_back(values[static_cast<std::size_t>(arg)]);
      DType operand = program.insts[static_cast<std::size_t>(inst.args[0])].dtype;
      values.push_back(emit_scalar(e, inst.op, inst.dtype, operand, args));
    }
  }
  return values[static_cast<std::size_t>(program.result)];
}

}  // namespace

Value* emit_float_parts(Emitter& e, ScalarOp op, DType dtype, Value* x, Value* y) {
  if (e.target.masks && x->getType()->isVectorTy()) return Instructions(e, dtype).emit(op, x, y);
  return expanded(e, op, dtype, x, y);
}

}  // namespace weft::codegen::cpu
