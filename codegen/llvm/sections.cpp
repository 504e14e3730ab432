#include "codegen/llvm/sections.h"

#include <set>

#include "codegen/kernel_values.h"

namespace weft::codegen::cpu {
namespace {

std::set<Reg> registers_read_after(const Kernel& kernel, std::size_t section) {
  std::set<Reg> read;
  for (std::size_t k = section + 1; k < kernel.sections.size(); ++k)
    for (const Inst& inst : kernel.sections[k].body)
      read.insert(inst.args.begin(), inst.args.end());
  return read;
}

}  // namespace

std::vector<PlannedSection> plan_sections(const Kernel& kernel, const BodyPlace& once,
                                          const BodyPlace& over) {
  std::vector<PlannedSection> planned;
  std::vector<DType> dtypes = register_dtypes(kernel);
  auto dtype = [&](Reg reg) { return dtypes[static_cast<std::size_t>(reg)]; };
  Imports imports;
  // Where the lanes of what runs once move, those of sums do.
  bool lanes_move = once.lane_axis >= 0 && once.moving[static_cast<std::size_t>(once.lane_axis)];
  for (std::size_t k = 0; k < kernel.sections.size(); ++k) {
    const Section& section = kernel.sections[k];
    bool is_once = section.kind == Section::Kind::once;
    std::vector<Reg> wanted = section.keeps;
    if (is_once) {
      std::set<Reg> read = registers_read_after(kernel, k);
      for (const Inst& inst : section.body)
        if (inst.result >= 0 && read.contains(inst.result)) wanted.push_back(inst.result);
    }
    BodyPlan plan(kernel, section.body, is_once ? once : over, imports, wanted);
    for (const Inst* inst : plan.reductions)
      imports[inst->result] = {inst->dtype, kernel.lanes == Lanes::across, lanes_move};
    for (Reg reg : section.keeps) imports[reg] = {dtype(reg), true, true, true};
    if (is_once)
      for (Reg reg : wanted)
        imports[reg] = {dtype(reg), plan.fact(reg).vector, plan.fact(reg).moving};
    planned.push_back({&section, std::move(plan), is_once ? wanted : std::vector<Reg>{}});
  }
  return planned;
}

void pass_on(const PlannedSection& planned, Body& body, Outers& outers, int vectors, bool moving) {
  for (Reg reg : planned.passed_on) {
    if (planned.plan.fact(reg).moving != moving) continue;
    std::vector<Value*>& values = outers[reg].values;
    values.clear();
    for (int v = 0; v < vectors; ++v) values.push_back(body.value(reg, v));
  }
}

Outers place_kept(Emitter& e, const std::vector<PlannedSection>& sections, Value* row_elements) {
  Outers outers;
  Value* offset = e.i64(0);
  for (const PlannedSection& planned : sections) {
    for (Reg reg : planned.section->keeps) {
      auto size = static_cast<std::int64_t>(size_of(planned.plan.dtype(reg)));
      outers[reg].kept = e.b.CreateGEP(e.b.getInt8Ty(), e.scratch(), offset, "kept");
      Value* bytes = e.b.CreateMul(row_elements, e.i64(size));
      Value* aligned = e.b.CreateAnd(e.b.CreateAdd(bytes, e.i64(63)), e.i64(-64));
      offset = e.b.CreateAdd(offset, aligned);
    }
  }
  return outers;
}

// Measured: where masks are free only the shortest bodies gain (add 1.8 times, ten operations
// nothing); elsewhere the branches around partial vectors cost up to a third, which long bodies
// hide.
int vectors_per_turn(const Target& target, int cost) {
  int short_body = target.masks ? 10 : 40;
  return cost <= short_body ? 2 : 1;
}

}  // namespace weft::codegen::cpu
