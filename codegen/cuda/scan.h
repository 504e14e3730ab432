// The text of a cumulative operation along a row that a warp walks 32 elements at a time.
#pragma once

#include <string>
#include <vector>

#include "codegen/kernel.h"

namespace weft::codegen::cuda {

struct ScanText {
  std::vector<std::string> lines;
  std::string result;  // the name of what the scan gives
};

/// `sum` names what is carried from turn to turn, `x` the lane's element. All lanes take part.
ScanText scan_text(const Inst& inst, const std::string& sum, const std::string& x);

}  // namespace weft::codegen::cuda
