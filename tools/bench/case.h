// One case of the benchmark: what it computes, what bounds it, and how its result is checked.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <weft/weft.h>

namespace weft::bench {

/// What limits a case at best.
enum class Bound { bandwidth, flops, none };

/// A compiled function with its inputs, ready to be called again and again.
struct Prepared {
  std::function<Tensor()> run;  // one call; the result is read by the harness
  std::function<JitReport()> report;
  /// Compares a result with an independent computation; empty, or what differs.
  std::function<std::string(const Tensor&)> check;
};

struct Case {
  std::string name;
  Bound bound;
  double bytes = 0;                   // that must move at least, for Bound::bandwidth
  double flops = 0;                   // for Bound::flops
  std::function<Prepared()> prepare;  // makes inputs; compiles nothing
  bool reads_only = false;            // its bandwidth limit is that of reading
};

std::vector<Case> all_cases();

}  // namespace weft::bench
