// Shapes and attributes of the operations that are not elementwise, for every computable dtype
// (inference then drops what it does not accept).
#pragma once

#include <vector>

#include "tests/ops/samples.h"

namespace weft::test {

std::vector<Sample> structure_cases(ir::Op op);

}  // namespace weft::test
