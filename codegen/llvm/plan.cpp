#include "codegen/llvm/plan.h"

#include <weft/error.h>
#include "codegen/kernel_values.h"
#include "ir/op.h"

namespace weft::codegen::cpu {
namespace {

using ir::Scalar;
using ir::ScalarOp;

// Instructions that take the place of many, in units of one addition.
int weight(const ir::ScalarInst& inst) {
  int registers = size_of(inst.dtype) == 8 ? 2 : 1;
  switch (inst.op) {
    case ScalarOp::param:
    case ScalarOp::constant:
    case ScalarOp::bitcast:
      return 0;
    case ScalarOp::div:
    case ScalarOp::rem:
      return (is_float(inst.dtype) ? 4 : 32) * registers;
    case ScalarOp::sqrt:
      return 4 * registers;
    case ScalarOp::min:
    case ScalarOp::max:
    case ScalarOp::convert:
      return 2 * registers;
    default:
      return registers;
  }
}

// Flattens a body: operations expand into scalar instructions, equal ones become one; everything
// else is a param of the program, numbered by its leaf.
class Flattener {
 public:
  Flattener(const Imports& imports, std::vector<Leaf>& leaves)
      : imports_(imports), leaves_(leaves) {}

  void add(const Inst& inst) {
    switch (inst.kind) {
      case Inst::Kind::constant:
        ids[inst.result] = builder.constant_bits(inst.dtype, inst.bits).id;
        break;
      case Inst::Kind::param:
        ids[inst.result] = leaf({Leaf::Kind::param, &inst, inst.result}, DType::i64);
        break;
      case Inst::Kind::number:
        ids[inst.result] = leaf({Leaf::Kind::number, &inst, inst.result}, inst.dtype);
        break;
      case Inst::Kind::index:
        ids[inst.result] = leaf({Leaf::Kind::index, &inst, inst.result}, DType::i64);
        break;
      case Inst::Kind::load:
        read_all(inst);
        ids[inst.result] = leaf({Leaf::Kind::load, &inst, inst.result}, inst.dtype);
        break;
      case Inst::Kind::scan:
        read_all(inst);
        ids[inst.result] = leaf({Leaf::Kind::scan, &inst, inst.result}, inst.dtype);
        break;
      case Inst::Kind::op: {
        std::vector<Scalar> operands;
        for (Reg reg : inst.args) operands.push_back({read(reg)});
        ids[inst.result] = ir::def(inst.node->op).scalar(builder, operands, *inst.node).id;
        break;
      }
      case Inst::Kind::store:
      case Inst::Kind::update:
      case Inst::Kind::reduce:
        read_all(inst);
    }
  }

  ir::ScalarBuilder builder;
  std::map<Reg, int> ids;

 private:
  int leaf(const Leaf& leaf, DType dtype) {
    leaves_.push_back(leaf);
    return builder.param(static_cast<int>(leaves_.size()) - 1, dtype).id;
  }

  int read(Reg reg) {
    auto known = ids.find(reg);
    if (known != ids.end()) return known->second;
    auto imported = imports_.find(reg);
    if (imported == imports_.end())
      throw InternalError("llvm: register " + std::to_string(reg) + " is not readable");
    return ids[reg] = leaf({Leaf::Kind::import, nullptr, reg}, imported->second.dtype);
  }

  void read_all(const Inst& inst) {
    for (Reg reg : inst.args)
      if (reg >= 0) read(reg);
  }

  const Imports& imports_;
  std::vector<Leaf>& leaves_;
};

// Which axes and values an instruction's result depends on decides where it is computed.
class Analysis {
 public:
  Analysis(BodyPlan& plan, const Kernel& kernel, const Imports& imports)
      : plan_(plan), kernel_(kernel), imports_(imports) {}

  void find_facts() {
    plan_.facts.resize(plan_.program.insts.size());
    for (std::size_t k = 0; k < plan_.facts.size(); ++k) {
      const ir::ScalarInst& inst = plan_.program.insts[k];
      auto& fact = plan_.facts[k];
      if (inst.op == ScalarOp::param) {
        fact = leaf_fact(plan_.leaves[static_cast<std::size_t>(inst.bits)]);
      } else {
        for (std::int32_t arg : inst.args)
          if (arg >= 0) join(fact, plan_.facts[static_cast<std::size_t>(arg)]);
      }
    }
  }

  void find_live(std::span<const Reg> wanted) {
    for (Reg reg : wanted) mark(plan_.id(reg));
    for (const Inst* inst : plan_.effects) mark_args(*inst);
    for (const Inst* inst : plan_.reductions) mark_args(*inst);
    for (auto k = static_cast<int>(plan_.facts.size()) - 1; k >= 0; --k) {
      if (!plan_.facts[static_cast<std::size_t>(k)].live) continue;
      const ir::ScalarInst& inst = plan_.inst(k);
      for (std::int32_t arg : inst.args)
        if (arg >= 0) mark(arg);
      if (inst.op != ScalarOp::param) continue;
      const Leaf& leaf = plan_.leaves[static_cast<std::size_t>(inst.bits)];
      if (leaf.kind == Leaf::Kind::load || leaf.kind == Leaf::Kind::scan) mark_args(*leaf.inst);
    }
    for (std::size_t k = 0; k < plan_.facts.size(); ++k)
      if (const Leaf* leaf = leaf_of(k); leaf && leaf->kind == Leaf::Kind::scan)
        if (plan_.facts[k].live) plan_.scans.push_back(leaf->inst);
  }

  int cost() const {
    int total = 0;
    for (std::size_t k = 0; k < plan_.facts.size(); ++k) {
      const auto& fact = plan_.facts[k];
      if (!fact.live || !fact.moving) continue;
      const ir::ScalarInst& inst = plan_.program.insts[k];
      const Leaf* leaf = leaf_of(k);
      total += !leaf ? weight(inst) : leaf->kind == Leaf::Kind::scan ? scan_weight(inst) : 1;
    }
    return total + static_cast<int>(plan_.effects.size() + plan_.reductions.size());
  }

 private:
  const Leaf* leaf_of(std::size_t id) const {
    const ir::ScalarInst& inst = plan_.program.insts[id];
    if (inst.op != ScalarOp::param) return nullptr;
    return &plan_.leaves[static_cast<std::size_t>(inst.bits)];
  }

  // Along the row each step of a block is a shuffle and a combination.
  int scan_weight(const ir::ScalarInst& inst) const {
    constexpr int steps = 5;
    const int registers = size_of(inst.dtype) == 8 ? 2 : 1;
    return kernel_.lanes == Lanes::along ? 2 * steps * registers : registers;
  }

  static void join(BodyPlan::Fact& into, const BodyPlan::Fact& from) {
    into.vector |= from.vector;
    into.moving |= from.moving;
  }
  void join_axes(BodyPlan::Fact& fact, const std::vector<Coef>& coefs) const {
    for (std::size_t axis = 0; axis < coefs.size(); ++axis) {
      if (coefs[axis].is_zero()) continue;
      fact.moving |= static_cast<bool>(plan_.place.moving[axis]);
      fact.vector |= static_cast<int>(axis) == plan_.place.lane_axis;
    }
  }

  BodyPlan::Fact leaf_fact(const Leaf& leaf) const {
    BodyPlan::Fact fact;
    switch (leaf.kind) {
      case Leaf::Kind::param:
      case Leaf::Kind::number:
        break;
      case Leaf::Kind::index:
        join_axes(fact, leaf.inst->coefs);
        break;
      case Leaf::Kind::load:
        join_axes(fact, kernel_.accesses[static_cast<std::size_t>(leaf.inst->access)].strides);
        for (Reg reg : leaf.inst->args)
          if (reg >= 0) join(fact, plan_.fact(reg));
        break;
      case Leaf::Kind::scan:
        fact.vector = fact.moving = true;
        break;
      case Leaf::Kind::import: {
        const Imported& imported = imports_.at(leaf.reg);
        fact.vector = imported.vector;
        fact.moving = imported.moving;
      }
    }
    return fact;
  }

  void mark(int id) { plan_.facts[static_cast<std::size_t>(id)].live = true; }
  void mark_args(const Inst& inst) {
    for (Reg reg : inst.args)
      if (reg >= 0) mark(plan_.id(reg));
  }

  BodyPlan& plan_;
  const Kernel& kernel_;
  const Imports& imports_;
};

}  // namespace

BodyPlan::BodyPlan(const Kernel& kernel, std::span<const Inst> body, const BodyPlace& where,
                   const Imports& imports, std::span<const Reg> wanted)
    : place(where) {
  Flattener flattener(imports, leaves);
  for (const Inst& inst : body) {
    flattener.add(inst);
    if (inst.kind == Inst::Kind::store || inst.kind == Inst::Kind::update) effects.push_back(&inst);
    if (inst.kind == Inst::Kind::reduce) reductions.push_back(&inst);
  }
  ids_ = std::move(flattener.ids);
  program = flattener.builder.program();
  Analysis analysis(*this, kernel, imports);
  analysis.find_facts();
  analysis.find_live(wanted);
  cost = analysis.cost();
}

}  // namespace weft::codegen::cpu
