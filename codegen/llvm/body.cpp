#include "codegen/llvm/body.h"

#include <algorithm>

#include <weft/error.h>
#include "codegen/llvm/issue_order.h"
#include "codegen/llvm/records.h"
#include "codegen/llvm/scalar.h"

namespace weft::codegen::cpu {
namespace {

// Bodies up to this cost are written as they come: the next turns, too, are in the window.
constexpr int longest_chain_by_chain = 40;

bool loads(const BodyPlan& plan, const ir::ScalarInst& inst) {
  return inst.op == ir::ScalarOp::param &&
         plan.leaves[static_cast<std::size_t>(inst.bits)].kind == Leaf::Kind::load;
}

}  // namespace

// Where a memory instruction reads or writes: one element for all lanes, a row, a row from its end,
// or spread.
struct Body::Place {
  enum class Kind : std::uint8_t { one, row, reversed, spread } kind = Kind::one;
  Value* at = nullptr;       // of lane 0
  Value* offsets = nullptr;  // spread, reversed
  Value* mask = nullptr;     // i1, or per lane
  bool stands_in = false;    // a whole row of the function's own memory
};

Body::Body(Emitter& emitter, const BodyPlan& plan, const Outers& outers)
    : e_(emitter), plan_(plan), outers_(outers) {
  fixed_.scalars.resize(plan.facts.size());
  fixed_.splats.resize(plan.facts.size());
}

void Body::hoist(std::span<Value* const> index, int vectors, const Active& active) {
  index_.assign(index.begin(), index.end());
  active_ = active;
  for (std::size_t k = 0; k < plan_.facts.size(); ++k) {
    const ir::ScalarInst& inst = plan_.program.insts[k];
    if (plan_.facts[k].live && loads(plan_, inst))
      prepare(*plan_.leaves[static_cast<std::size_t>(inst.bits)].inst);
  }
  for (const Inst* inst : plan_.effects) prepare(*inst);
  for (int id = 0; id < static_cast<int>(plan_.facts.size()); ++id) {
    const BodyPlan::Fact& fact = plan_.facts[static_cast<std::size_t>(id)];
    if (!fact.live) continue;
    if (!fact.moving)
      for (int v = 0; v < (fact.vector ? vectors : 1); ++v) scalar(id, v);
    if (!fact.vector) continue;
    for (std::int32_t arg : plan_.inst(id).args)
      if (arg >= 0 && !plan_.facts[static_cast<std::size_t>(arg)].moving) lanes(arg, 0);
  }
}

void Body::step(std::span<Value* const> index) {
  index_.assign(index.begin(), index.end());
  addresses_.clear();
  distances_.clear();
  fields_.clear();
  turn_.scalars.assign(plan_.facts.size(), nullptr);
  turn_.splats.assign(plan_.facts.size(), nullptr);
  turn_.vectors.clear();
}

// Memory written here may be memory read here, at the same index; so whatever is read comes first.
void Body::run(int v, const Active& active) {
  active_ = active;
  if (mostly_whole_ && active_ && e_.target.masks) load_rows(v);
  if (!plan_.effects.empty())
    for (int id = 0; id < static_cast<int>(plan_.facts.size()); ++id)
      if (plan_.facts[static_cast<std::size_t>(id)].live && loads(plan_, plan_.inst(id)))
        scalar(id, v);
  if (plan_.cost > longest_chain_by_chain)
    for (int id : issue_order(plan_, e_.target.registers)) scalar(id, v);
  for (const Inst* inst : plan_.scans) vector(inst->result, v);
  for (const Inst* inst : plan_.reductions) vector(inst->args[0], v);
  for (const Inst* inst : plan_.effects) {
    if (inst->kind == Inst::Kind::store) {
      store(*inst, v);
    } else {
      update(*inst, v);
    }
  }
}

// Rows of whole vectors are read without a mask, all under one branch.
void Body::load_rows(int v) {
  struct Row {
    std::size_t id;
    DType dtype;
    Value* at;
  };
  std::vector<Row> rows;
  for (std::size_t id = 0; id < plan_.facts.size(); ++id) {
    const ir::ScalarInst& inst = plan_.program.insts[id];
    if (!plan_.facts[id].live || !plan_.facts[id].moving || !loads(plan_, inst)) continue;
    const Inst& load = *plan_.leaves[static_cast<std::size_t>(inst.bits)].inst;
    const bool record = e_.kernel.accesses[static_cast<std::size_t>(load.access)].record > 1;
    if (load.args.size() > 1 || load.args[0] >= 0 || record) continue;
    Place place = locate(load, v, 0, 1);
    if (place.kind == Place::Kind::row && !place.stands_in)
      rows.push_back({id, load.dtype, place.at});
  }
  if (rows.empty()) return;
  auto read = [&](const Active& active) {
    Emitter::Values values;
    for (const Row& row : rows) values.push_back(load_row(e_, row.dtype, row.at, nullptr, active));
    return values;
  };
  Value* whole = e_.b.CreateICmpSGE(active_.count, e_.i64(e_.width()));
  Emitter::Values values = e_.if_else(
      whole, "whole", [&] { return read({}); }, [&] { return read(active_); });
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const int id = static_cast<int>(rows[k].id);
    memo(id, v)[rows[k].id] = values[k];
  }
}

Value* Body::vector(Reg reg, int v) { return lanes(plan_.id(reg), v); }
Value* Body::value(Reg reg, int v) { return scalar(plan_.id(reg), v); }

Body::Memo& Body::memo(int id, int v) {
  const BodyPlan::Fact& fact = plan_.facts[static_cast<std::size_t>(id)];
  Memos& memos = fact.moving ? turn_ : fixed_;
  if (!fact.vector) return memos.scalars;
  auto number = static_cast<std::size_t>(v);
  if (memos.vectors.size() <= number) memos.vectors.resize(number + 1, Memo(plan_.facts.size()));
  return memos.vectors[number];
}

Value* Body::scalar(int id, int v) {
  const ir::ScalarInst& inst = plan_.inst(id);
  if (inst.op == ir::ScalarOp::constant) return e_.constant(inst.dtype, inst.bits);
  auto number = static_cast<std::size_t>(id);
  if (Value* known = memo(id, v)[number]) return known;
  Value* made = compute(id, v);
  return memo(id, v)[number] = made;
}

Value* Body::lanes(int id, int v) {
  const BodyPlan::Fact& fact = plan_.facts[static_cast<std::size_t>(id)];
  Value* value = scalar(id, v);
  if (fact.vector || plan_.place.lane_axis < 0) return value;
  Memo& splats = fact.moving ? turn_.splats : fixed_.splats;
  Value*& splat = splats[static_cast<std::size_t>(id)];
  if (!splat) splat = e_.splat(value);
  return splat;
}

Value* Body::compute(int id, int v) {
  const ir::ScalarInst& inst = plan_.inst(id);
  bool in_lanes = plan_.facts[static_cast<std::size_t>(id)].vector;
  if (inst.op == ir::ScalarOp::param) {
    const Leaf& leaf = plan_.leaves[static_cast<std::size_t>(inst.bits)];
    switch (leaf.kind) {
      case Leaf::Kind::param:
        return e_.param(leaf.inst->param);
      case Leaf::Kind::number:
        return e_.number(leaf.inst->param, leaf.inst->dtype);
      case Leaf::Kind::index:
        return index_leaf(*leaf.inst, v, in_lanes);
      case Leaf::Kind::import:
        return import_leaf(leaf.reg, v);
      case Leaf::Kind::load:
        return load_leaf(*leaf.inst, id, v);
      case Leaf::Kind::scan:
        return scan_(*leaf.inst, v, vector(leaf.inst->args[0], v));
    }
  }
  if (in_lanes) {
    if (Value* mask = is_index(inst, v)) return mask;
    if (Value* mask = before_index(inst, v)) return mask;
  }
  std::vector<Value*> args;
  for (std::int32_t arg : inst.args)
    if (arg >= 0) args.push_back(in_lanes ? lanes(arg, v) : scalar(arg, v));
  DType operand = plan_.inst(inst.args[0]).dtype;
  return emit_scalar(e_, inst.op, inst.dtype, operand, args);
}

Value* Body::import_leaf(Reg reg, int v) {
  const Outer& outer = outers_.at(reg);
  if (!outer.kept) return outer.values[outer.values.size() == 1 ? 0 : static_cast<std::size_t>(v)];
  DType dtype = plan_.dtype(reg);
  return load_row(e_, dtype, kept_address(e_, outer, dtype, index_.back(), v), nullptr, {});
}

// `at`, further by the indices of the axes that move, or of those that do not.
Value* Body::advance(int access, Value* at, bool moving) {
  const Access& a = e_.kernel.accesses[static_cast<std::size_t>(access)];
  Value* offset = nullptr;
  for (std::size_t axis = 0; axis < a.strides.size(); ++axis) {
    const Coef& stride = a.strides[axis];
    if (plan_.place.moving[axis] != moving || stride.is_zero()) continue;
    if (offset) {
      offset = e_.add_scaled(offset, stride, index_[axis]);
    } else {
      offset = stride.is_one() ? index_[axis] : e_.b.CreateMul(e_.coef(stride), index_[axis]);
    }
  }
  return offset ? e_.b.CreateGEP(e_.stored(a.dtype), at, offset) : at;
}

Value* Body::base(int access) {
  Value*& known = bases_[access];
  if (!known) known = advance(access, e_.pointer(access), false);
  return known;
}

// The address of vector 0 in this turn.
Value* Body::address(int access) {
  Value*& known = addresses_[access];
  if (!known) known = advance(access, base(access), true);
  return known;
}

void Body::prepare(const Inst& inst) {
  if (stand_ins_.contains(&inst)) return;
  base(inst.access);
  if (plan_.place.lane_axis < 0) return;
  const Access& a = e_.kernel.accesses[static_cast<std::size_t>(inst.access)];
  const Coef& coef = a.strides[static_cast<std::size_t>(plan_.place.lane_axis)];
  if (coef.kind != Coef::Kind::param || a.record > 1) return;
  Value*& offsets = lane_offsets_[coef.param];
  if (!offsets) offsets = e_.b.CreateMul(e_.iota(64), e_.splat(e_.param(coef.param)));
}

Body::Place Body::locate(const Inst& inst, int v, std::size_t mask, std::size_t first_term) {
  const Access& access = e_.kernel.accesses[static_cast<std::size_t>(inst.access)];
  llvm::Type* type = e_.stored(access.dtype);
  Place place;
  if (auto row = stand_ins_.find(&inst); row != stand_ins_.end()) {
    place.kind = Place::Kind::row;
    place.at = e_.b.CreateGEP(type, row->second, e_.i64(std::int64_t{v} * e_.width()));
    place.stands_in = true;
    return place;
  }
  place.at = address(inst.access);
  for (std::size_t t = 0; t < inst.coefs.size(); ++t) {
    if (inst.coefs[t].is_zero()) continue;
    int term = plan_.id(inst.args[first_term + t]);
    bool in_lanes = plan_.facts[static_cast<std::size_t>(term)].vector;
    Value* offset = scalar(term, v);
    if (!inst.coefs[t].is_one()) {
      Value* scale = e_.coef(inst.coefs[t]);
      offset = e_.b.CreateMul(offset, in_lanes ? e_.splat(scale) : scale);
    }
    if (!in_lanes) {
      place.at = e_.b.CreateGEP(type, place.at, offset);
    } else {
      place.offsets = place.offsets ? e_.b.CreateAdd(place.offsets, offset) : offset;
    }
  }
  if (inst.args[mask] >= 0) place.mask = scalar(plan_.id(inst.args[mask]), v);

  int lane_axis = plan_.place.lane_axis;
  Coef lane = lane_axis < 0 ? Coef::zero() : access.strides[static_cast<std::size_t>(lane_axis)];
  Value* first = e_.i64(std::int64_t{v} * e_.width());
  if (!lane.is_zero() && v > 0) {
    if (!lane.is_one()) first = e_.b.CreateMul(e_.coef(lane), first);
    place.at = e_.b.CreateGEP(type, place.at, first);
  }
  if (lane.is_one() && !place.offsets) {
    place.kind = Place::Kind::row;
  } else if (lane.is_minus_one() && !place.offsets) {
    place.kind = Place::Kind::reversed;
    place.offsets = e_.b.CreateNeg(e_.iota(64));
  } else if (!lane.is_zero() || place.offsets) {
    place.kind = Place::Kind::spread;
    Value* own = lane.is_zero()        ? nullptr
                 : lane.is_one()       ? e_.iota(64)
                 : lane.is_minus_one() ? e_.b.CreateNeg(e_.iota(64))
                                       : lane_offsets_.at(lane.param);
    if (own) place.offsets = place.offsets ? e_.b.CreateAdd(place.offsets, own) : own;
  }
  return place;
}

// Where a row that runs backwards from lane 0 begins in memory.
Value* Body::last_of(DType dtype, Value* at) {
  return e_.b.CreateGEP(e_.stored(dtype), at, e_.i64(1 - e_.width()));
}

Value* Body::mask_lanes(const Place& place) {
  if (!place.mask || place.mask->getType()->isVectorTy()) return place.mask;
  return e_.splat(place.mask);
}

void Body::prefetch_row(const Inst& inst, Value* at) {
  auto ahead = ahead_.find(inst.access);
  if (ahead == ahead_.end()) return;
  Value* from = e_.b.CreateGEP(e_.b.getInt8Ty(), at, e_.i64(ahead->second.bytes));
  auto bytes = static_cast<std::int64_t>(size_of(inst.dtype)) * e_.width();
  codegen::cpu::prefetch(e_, from, bytes, ahead->second.cache);
}

// Of the records of vector v, the part that lies in one vector of memory.
Value* Body::record_row(const Inst& inst, int v, int row) {
  const Access& access = e_.kernel.accesses[static_cast<std::size_t>(inst.access)];
  const std::int64_t rows = std::int64_t{v} * access.record + row;
  return e_.b.CreateGEP(e_.stored(access.dtype), address(inst.access), e_.i64(rows * e_.width()));
}

Active Body::record_active(const Inst& inst, int row) {
  if (!active_) return {};
  const Access& access = e_.kernel.accesses[static_cast<std::size_t>(inst.access)];
  Value* elements = e_.b.CreateMul(active_.count, e_.i64(access.record));
  return e_.active(e_.b.CreateSub(elements, e_.i64(std::int64_t{row} * e_.width())));
}

Value* Body::load_field(const Inst& inst, int v) {
  const Access& access = e_.kernel.accesses[static_cast<std::size_t>(inst.access)];
  std::vector<Value*>& fields = fields_[{inst.access, v}];
  if (fields.empty()) {
    std::vector<Value*> rows;
    for (int row = 0; row < access.record; ++row)
      rows.push_back(
          load_row(e_, inst.dtype, record_row(inst, v, row), nullptr, record_active(inst, row)));
    fields = fields_of(e_, rows);
  }
  return fields[inst.bits];
}

// The last field that comes has all of them stored.
void Body::store_field(const Inst& inst, int v) {
  const Access& access = e_.kernel.accesses[static_cast<std::size_t>(inst.access)];
  std::vector<Value*>& fields = stored_fields_[inst.access];
  fields.resize(static_cast<std::size_t>(access.record));
  fields[inst.bits] = lanes(plan_.id(inst.args[0]), v);
  if (std::any_of(fields.begin(), fields.end(), [](Value* field) { return !field; })) return;
  const std::vector<Value*> rows = rows_of(e_, fields);
  for (int row = 0; row < access.record; ++row)
    store_output_row(e_, inst.dtype, rows[static_cast<std::size_t>(row)], record_row(inst, v, row),
                     nullptr, record_active(inst, row));
  fields.clear();
}

Value* Body::load_leaf(const Inst& inst, int id, int v) {
  if (e_.kernel.accesses[static_cast<std::size_t>(inst.access)].record > 1)
    return load_field(inst, v);
  Place place = locate(inst, v, 0, 1);
  switch (place.kind) {
    case Place::Kind::row:
      if (place.stands_in) return load_row(e_, inst.dtype, place.at, nullptr, {});
      prefetch_row(inst, place.at);
      return load_row(e_, inst.dtype, place.at, mask_lanes(place), active_);
    case Place::Kind::reversed: {
      Value* mask = e_.both(mask_lanes(place), active_);
      Value* row = load_row(e_, inst.dtype, last_of(inst.dtype, place.at),
                            mask ? e_.b.CreateVectorReverse(mask) : nullptr, {});
      return e_.b.CreateVectorReverse(row);
    }
    case Place::Kind::spread:
      return load_spread(e_, inst.dtype, place.at, place.offsets, mask_lanes(place), active_);
    case Place::Kind::one:
      break;
  }
  if (!plan_.facts[static_cast<std::size_t>(id)].vector)
    return load_one(e_, inst.dtype, place.at, place.mask);
  // Lanes agree on the address, but not on whether to read it.
  Value* on = e_.both(place.mask, active_);
  Value* value = load_one(e_, inst.dtype, place.at, e_.b.CreateOrReduce(on));
  Value* off = llvm::Constant::getNullValue(e_.vector(inst.dtype));
  return e_.b.CreateSelect(on, e_.splat(value), off);
}

void Body::store(const Inst& inst, int v) {
  if (e_.kernel.accesses[static_cast<std::size_t>(inst.access)].record > 1)
    return store_field(inst, v);
  Place place = locate(inst, v, 1, 2);
  int id = plan_.id(inst.args[0]);
  switch (place.kind) {
    case Place::Kind::row:
      if (place.stands_in) return store_row(e_, inst.dtype, lanes(id, v), place.at, nullptr, {});
      if (past_caches_ && !place.mask && !active_)
        return codegen::cpu::store_past_caches(e_, inst.dtype, lanes(id, v), place.at);
      return store_output_row(e_, inst.dtype, lanes(id, v), place.at, mask_lanes(place), active_);
    case Place::Kind::reversed: {
      Value* mask = e_.both(mask_lanes(place), active_);
      return store_output_row(e_, inst.dtype, e_.b.CreateVectorReverse(lanes(id, v)),
                              last_of(inst.dtype, place.at),
                              mask ? e_.b.CreateVectorReverse(mask) : nullptr, {});
    }
    case Place::Kind::spread:
      return store_spread(e_, inst.dtype, lanes(id, v), place.at, place.offsets, mask_lanes(place),
                          active_);
    case Place::Kind::one:
      break;
  }
  bool same = !plan_.facts[static_cast<std::size_t>(id)].vector &&
              !(place.mask && place.mask->getType()->isVectorTy());
  if (same) {
    Value* mask = place.mask;
    if (active_) {
      Value* any = e_.b.CreateICmpSGT(active_.count, e_.i64(0));
      mask = mask ? e_.b.CreateAnd(mask, any) : any;
    }
    return store_one(e_, inst.dtype, scalar(id, v), place.at, mask);
  }
  Value* offsets = llvm::Constant::getNullValue(e_.vector(DType::i64));
  store_spread(e_, inst.dtype, lanes(id, v), place.at, offsets, mask_lanes(place), active_);
}

// Lanes that may meet in one element take their turns, in order.
void Body::update(const Inst& inst, int v) {
  Place place = locate(inst, v, 1, 2);
  int id = plan_.id(inst.args[0]);
  DType dtype = inst.dtype;
  if (plan_.place.lane_axis < 0) {
    Value* old = load_one(e_, dtype, place.at, place.mask);
    Value* fresh = emit_combine(e_, inst.monoid, dtype, old, scalar(id, v));
    return store_one(e_, dtype, fresh, place.at, place.mask);
  }
  Value* mask = mask_lanes(place);
  if (place.kind == Place::Kind::row) {
    Value* old = load_row(e_, dtype, place.at, mask, active_);
    Value* fresh = emit_combine(e_, inst.monoid, dtype, old, lanes(id, v));
    return store_row(e_, dtype, fresh, place.at, mask, active_);
  }
  Value* offsets =
      place.offsets ? place.offsets : llvm::Constant::getNullValue(e_.vector(DType::i64));
  Value* vectors[] = {offsets, lanes(id, v)};
  for_each_lane(e_, vectors, mask, active_, [&](Value*, std::span<Value* const> elements) {
    Value* at = e_.b.CreateGEP(e_.stored(dtype), place.at, elements[0]);
    Value* old = load_one(e_, dtype, at, nullptr);
    store_one(e_, dtype, emit_combine(e_, inst.monoid, dtype, old, elements[1]), at, nullptr);
  });
}

// Rows of the scratch are as long as whole vectors, so kept values need no masks.
Value* kept_address(Emitter& e, const Outer& outer, DType dtype, Value* row_index, int v) {
  Value* offset = outer.row_stride ? e.b.CreateMul(row_index, outer.row_stride) : row_index;
  Value* at = e.b.CreateGEP(e.stored(dtype), outer.kept, offset);
  return e.b.CreateGEP(e.stored(dtype), at, e.i64(std::int64_t{v} * e.width()));
}

}  // namespace weft::codegen::cpu
