// In which order a long body is written. The instructions of one turn depend on each other in long
// chains; written chain by chain, only one fits into the window in which a processor looks for
// work.
#pragma once

#include <vector>

namespace weft::codegen::cpu {

class BodyPlan;

/// The live instructions that move, those of long chains first as soon as what they need is there;
/// fewer at once than there are registers.
std::vector<int> issue_order(const BodyPlan& plan, int registers);

}  // namespace weft::codegen::cpu
