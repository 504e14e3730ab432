// Numbers that change from one evaluation to the next (a learning rate on a schedule, a loop
// counter) become inputs of the program, so that it is compiled twice at most, and not each time.
#pragma once

#include <span>
#include <vector>

#include "frontend/numbering.h"
#include "frontend/record.h"

namespace weft::detail {

/// For each record of `order` (operands first): whether it is a number that equal programs have had
/// with other values. Remembers this one's values. Equal programs are numbered alike. Thread-safe.
std::vector<bool> changing_literals(std::span<const Ref> order, std::span<const Ref> outputs,
                                    const Numbering& numbers);

}  // namespace weft::detail
