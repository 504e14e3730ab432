// The order in which a program's launches run. Lowering gives the order of recording; where another
// one needs less memory, it is taken. Any order that keeps reads behind the writes that they see
// gives the same bits.
#pragma once

#include <vector>

#include "codegen/program.h"
#include "runtime/plan.h"

namespace weft::runtime {

/// The memory of the program, whose launches are put into memory_order where that lowers the
/// planned peak by a twentieth or more: neighbours that share a cache are worth a little memory.
Plan plan_launches(codegen::Program& program);

/// Numbers of launches, each behind those that it depends on. Of the launches that could be next,
/// the one that leaves the fewest bytes alive, the first recorded where several do.
std::vector<int> memory_order(const codegen::Program& program);

}  // namespace weft::runtime
