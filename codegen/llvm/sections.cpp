#include "codegen/llvm/sections.h"

#include <set>

#include "codegen/kernel_values.h"

namespace weft::codegen::cpu {
namespace {

constexpr int short_body = 10;  // its cost

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
  return cost <= (target.masks ? short_body : 4 * short_body) ? 2 : 1;
}

// A row that all outer indices share is near after the first.
std::vector<int> rows_read(const Kernel& kernel, int axis) {
  std::vector<int> rows;
  for (std::size_t k = 0; k < kernel.accesses.size(); ++k) {
    const Access& access = kernel.accesses[k];
    bool moves = kernel.axes() == 1;
    for (int other = 0; other < kernel.axes(); ++other)
      moves |= other != axis && !access.strides[static_cast<std::size_t>(other)].is_zero();
    if (!access.written && moves && access.strides[static_cast<std::size_t>(axis)].is_one())
      rows.push_back(static_cast<int>(k));
  }
  return rows;
}

// Measured. Where much is computed and stores leave hardware prefetchers nothing to learn from,
// data must be near when their turn comes; without such stores, or with several rows to reduce,
// prefetching made it slower. Where little is computed, hardware prefetches, too, and longer
// distances are in its way; a single row that is copied past the caches comes fastest straight into
// the first one.
void prefetch_rows(Emitter& e, Body& body, int lane_axis) {
  std::vector<int> rows = rows_read(e.kernel, lane_axis);
  bool is_short = body.plan().cost <= short_body;
  if (!e.kernel.streaming && (!is_short || rows.size() > 1)) return;
  bool copies = is_short && rows.size() == 1 && e.kernel.streaming;
  for (int access : rows)
    body.prefetch(access, {is_short ? 2048 : 8192, copies ? Cache::first : Cache::second});
}

}  // namespace weft::codegen::cpu
