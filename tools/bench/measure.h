// Timing one case: cold once, then warm-up and many samples, in turns with its ceiling.
#pragma once

#include <optional>

#include "tools/bench/case.h"
#include "tools/bench/limits.h"

namespace weft::bench {

struct Measurement {
  std::string name;
  int threads = 1;
  Bound bound = Bound::none;
  double median_ms = 0, min_ms = 0;
  double low_ms = 0, high_ms = 0;  // 10th and 90th percentile
  double bytes = 0, flops = 0;     // Case's
  double bound_ms = 0;             // the least time the machine's limits allow; 0 for Bound::none
  double fraction = 0;             // bound_ms / median_ms
  // First calls: recording, passes, code generation and running; with empty caches, and with the
  // disk cache of an equal run. Nothing where a sample is no call of Weft.
  std::optional<double> cold_ms = {}, disk_ms = {};
  std::size_t kernels = 0, peak_bytes = 0, bound_bytes = 0;
  std::size_t samples = 0;
  std::map<std::string, double> figures = {};  // of the case's own
};

/// Throws std::runtime_error if the case's result is wrong; nothing wrong is timed. Without samples
/// where the case is one of the CPU's alone and a device was chosen.
Measurement measure(const Case& c, const Limits& limits);

const char* name(Bound bound);

}  // namespace weft::bench
