// One case of the benchmark: what it computes, what bounds it, and how its result is checked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <weft/weft.h>

namespace weft::bench {

/// What limits a case at best.
enum class Bound { bandwidth, flops, ceiling, none };

/// Empty, or what is wrong with the result.
using Check = std::function<std::string(const Tensor&)>;

/// The same work done as well as is known; timed in turns with the case.
struct Ceiling {
  std::vector<std::function<void()>> variants;  // the fastest counts
  std::function<std::string()> check;           // of what the variant called last left
};

/// A compiled function with its inputs, ready to be called again and again.
struct Prepared {
  std::function<Tensor()> run;  // one call; the result is read by the harness
  std::function<JitReport()> report;
  Check check;                                 // compares with an independent computation
  std::shared_ptr<Ceiling> ceiling = nullptr;  // for Bound::ceiling
  /// Milliseconds of one sample, where a sample is more than a call of `run`.
  std::function<double()> sample = nullptr;
  std::size_t most_samples = 400;
  bool follows_device = false;  // its inputs lie where device() says
  /// Figures of the case's own, read after the samples.
  std::function<std::map<std::string, double>()> figures = nullptr;
};

struct Case {
  std::string name;
  Bound bound = Bound::none;
  // What the work needs at least: bytes moved, and operations (a fused multiply-add is two, exp is
  // one). 0 where a case is about something else; Bound::bandwidth and Bound::flops need theirs,
  // and the picture of all cases needs both.
  double bytes = 0;
  double flops = 0;
  std::function<Prepared()> prepare;  // makes inputs; compiles nothing
  bool reads_only = false;            // its bandwidth limit is that of reading
  bool doubles = false;               // its arithmetic is f64
};

// The cases by topic; the order of the table.
std::vector<Case> elementwise_cases();
std::vector<Case> reduction_cases();
std::vector<Case> scan_cases();
std::vector<Case> small_axis_cases();
std::vector<Case> row_cases();
std::vector<Case> pricing_cases();
std::vector<Case> product_cases();
std::vector<Case> attention_cases();
std::vector<Case> program_cases();
std::vector<Case> call_cases();
std::vector<Case> process_cases();

std::vector<Case> all_cases();

}  // namespace weft::bench
