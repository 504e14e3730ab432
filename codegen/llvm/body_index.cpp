// What bodies do with indices: as values, and compared.
#include "codegen/llvm/body.h"
#include "codegen/llvm/scalar.h"

namespace weft::codegen::cpu {

// The index of vector 0's first lane.
Value* Body::first_index(const Inst& inst) {
  Value* value = inst.param >= 0 ? e_.param(inst.param) : e_.i64(0);
  for (std::size_t axis = 0; axis < inst.coefs.size(); ++axis)
    if (!inst.coefs[axis].is_zero()) value = e_.add_scaled(value, inst.coefs[axis], index_[axis]);
  return value;
}

Value* Body::index_leaf(const Inst& inst, int v, bool in_lanes) {
  Value* value = first_index(inst);
  if (!in_lanes) return value;
  const Coef& coef = inst.coefs[static_cast<std::size_t>(plan_.place.lane_axis)];
  value = e_.add_scaled(value, coef, e_.i64(std::int64_t{v} * e_.width()));
  Value* offsets = e_.iota(64);
  if (!coef.is_one()) offsets = e_.b.CreateMul(offsets, e_.splat(e_.coef(coef)));
  return e_.b.CreateAdd(e_.splat(value), offsets);
}

// The index that an instruction is, if it grows by one from lane to lane.
const Inst* Body::index_by_lane(int id) const {
  const ir::ScalarInst& inst = plan_.inst(id);
  if (inst.op != ir::ScalarOp::param) return nullptr;
  const Leaf& leaf = plan_.leaves[static_cast<std::size_t>(inst.bits)];
  if (leaf.kind != Leaf::Kind::index) return nullptr;
  return leaf.inst->coefs[static_cast<std::size_t>(plan_.place.lane_axis)].is_one() ? leaf.inst
                                                                                    : nullptr;
}

// How far a number that all lanes share lies beyond such an index at vector 0's first lane, as far
// as any lane reaches.
Value* Body::distance(const Inst& index, std::int32_t number) {
  Value*& known = distances_[{&index, number}];
  if (known) return known;
  const ir::ScalarInst& inst = plan_.inst(number);
  bool is_size = inst.op == ir::ScalarOp::param &&
                 plan_.leaves[static_cast<std::size_t>(inst.bits)].kind == Leaf::Kind::param;
  bool is_zero = inst.op == ir::ScalarOp::constant && inst.bits == 0;
  Value *from = first_index(index), *to = scalar(number, 0);
  Value* distance = is_size || is_zero
                        ? e_.b.CreateSub(to, from)
                        : e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::ssub_sat, to, from);
  constexpr std::int64_t beyond_lanes = 1 << 20;
  distance = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, distance, e_.i64(-1));
  distance = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, distance, e_.i64(beyond_lanes));
  return known = e_.splat(e_.b.CreateTrunc(distance, e_.b.getInt32Ty()));
}

// An index that grows from lane to lane, and what all lanes agree on.
struct Body::Compared {
  const Inst* index;
  std::int32_t number;
  bool swapped;  // the number is the first operand
};
std::optional<Body::Compared> Body::compared_index(const ir::ScalarInst& inst) const {
  bool swapped = !index_by_lane(inst.args[0]);
  const Inst* index = index_by_lane(inst.args[swapped ? 1 : 0]);
  std::int32_t number = inst.args[swapped ? 0 : 1];
  if (!index || plan_.facts[static_cast<std::size_t>(number)].vector) return {};
  return Compared{index, number, swapped};
}

// Which lane's index equals a number? At most one bit, made by scalar instructions.
Value* Body::is_index(const ir::ScalarInst& inst, int v) {
  if (inst.op != ir::ScalarOp::eq || !e_.target.masks) return nullptr;
  std::optional<Compared> compared = compared_index(inst);
  if (!compared) return nullptr;
  Value* first =
      e_.b.CreateAdd(first_index(*compared->index), e_.i64(std::int64_t{v} * e_.width()));
  Value* lane = e_.b.CreateSub(scalar(compared->number, v), first);
  Value* there = e_.b.CreateICmpULT(lane, e_.i64(e_.width()));
  Value* bit = e_.b.CreateShl(e_.i64(1), e_.b.CreateAnd(lane, e_.i64(63)));
  Value* bits = e_.b.CreateSelect(there, bit, e_.i64(0));
  auto width = static_cast<unsigned>(e_.width());
  return e_.b.CreateBitCast(e_.b.CreateTrunc(bits, e_.b.getIntNTy(width)),
                            e_.vector(e_.b.getInt1Ty()));
}

// Which lanes' indices lie before a number, or behind it? Lanes' own numbers are compared with the
// distance: half as wide, and nothing is added up per lane.
Value* Body::before_index(const ir::ScalarInst& inst, int v) {
  if (inst.op != ir::ScalarOp::lt && inst.op != ir::ScalarOp::le) return nullptr;
  std::optional<Compared> compared = compared_index(inst);
  if (!compared) return nullptr;
  std::vector<llvm::Constant*> lanes;
  for (int lane = 0; lane < e_.width(); ++lane)
    lanes.push_back(e_.b.getInt32(static_cast<std::uint32_t>(v * e_.width() + lane)));
  Value* args[] = {llvm::ConstantVector::get(lanes), distance(*compared->index, compared->number)};
  if (compared->swapped) std::swap(args[0], args[1]);
  return emit_scalar(e_, inst.op, DType::boolean, DType::i32, args);
}

}  // namespace weft::codegen::cpu
