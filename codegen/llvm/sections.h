// What the nests share: the plans of a kernel's sections in order, with the values that go from one
// to the next, and the widths of loops by their cost.
#pragma once

#include <vector>

#include "codegen/llvm/body.h"

namespace weft::codegen::cpu {

struct PlannedSection {
  const Section* section;
  BodyPlan plan;
  std::vector<Reg> passed_on;  // of a `once` section: read by later ones
};

/// Plans every section; `once` and `over` say where their bodies stand.
std::vector<PlannedSection> plan_sections(const Kernel& kernel, const BodyPlace& once,
                                          const BodyPlace& over);

/// Hands the values of a `once` section to later ones: those that move in the innermost loop, or
/// the others.
void pass_on(const PlannedSection& planned, Body& body, Outers& outers, int vectors, bool moving);

/// Where kept values lie: each in its own rows of the scratch, 64-byte aligned, `row` elements
/// long. codegen::scratch_bytes counts the same.
Outers place_kept(Emitter& e, const std::vector<PlannedSection>& sections, Value* row_elements);

/// How many vectors a loop without masks takes per turn, for a body of this cost; 1: it does not
/// pay, one loop with masks does all (a second copy of a long body costs more to compile than it
/// saves).
int vectors_per_turn(const Target& target, int cost);

/// The arrays that are read along an axis, each row once.
std::vector<int> rows_read(const Kernel& kernel, int axis);
/// Has a body prefetch those that it reads along the lanes, as far ahead as memory is away.
void prefetch_rows(Emitter& e, Body& body, int lane_axis);

}  // namespace weft::codegen::cpu
