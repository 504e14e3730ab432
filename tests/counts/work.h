// The fixed work whose instructions are counted.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace weft::counts {

struct Work {
  std::string name;
  /// Does what comes before and is not counted, and gives what is.
  std::function<std::function<void()>()> prepare;
};

/// Kernels (optimised code, one thread), calls, recording, planning, compiling. Deterministic: run
/// in this order, in a process of their own.
std::vector<Work> all_work();

}  // namespace weft::counts
