#include "tools/bench/measure.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "runtime/engine.h"

namespace weft::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double budget_ms = 1500;           // for the samples of one case
constexpr double shortest_sample_ms = 0.05;  // shorter calls are timed several at once
constexpr std::size_t fewest = 9, most = 400;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// One call, and its value looked at, so that nothing stays lazy.
double timed(const Prepared& p, int calls) {
  const auto start = Clock::now();
  for (int k = 0; k < calls; ++k) p.run().data_ptr();
  return since(start) / calls;
}

double percentile(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

double bound_ms(const Case& c, const Limits& limits) {
  if (c.bound == Bound::bandwidth)
    return c.bytes / (c.reads_only ? limits.read_gbs : limits.copy_gbs) / 1e6;
  if (c.bound == Bound::flops) return c.flops / limits.f32_gflops / 1e6;
  return 0;
}

void check(const Case& c, const Prepared& p, const Tensor& result) {
  const std::string wrong = p.check(result);
  if (!wrong.empty())
    throw std::runtime_error("weft-bench: " + c.name + ": wrong result: " + wrong);
}

}  // namespace

const char* name(Bound bound) {
  switch (bound) {
    case Bound::bandwidth:
      return "bandwidth";
    case Bound::flops:
      return "flops";
    default:
      return "none";
  }
}

Measurement measure(const Case& c, const Limits& limits) {
  Measurement m{.name = c.name, .threads = limits.threads, .bound = c.bound};
  const Prepared p = c.prepare();
  runtime::set_disk_cache("off");
  runtime::clear_caches();
  const auto start = Clock::now();
  const Tensor first = p.run();
  first.data_ptr();
  m.cold_ms = since(start);
  check(c, p, first);
  const double rough = std::min(timed(p, 1), timed(p, 1));
  const int calls = std::max(1, static_cast<int>(shortest_sample_ms / std::max(rough, 1e-5)));
  timed(p, calls);
  std::vector<double> samples;
  const auto begin = Clock::now();
  while (samples.size() < fewest || (samples.size() < most && since(begin) < budget_ms))
    samples.push_back(timed(p, calls));
  check(c, p, p.run());
  std::sort(samples.begin(), samples.end());
  m.samples = samples.size();
  m.median_ms = percentile(samples, 0.5);
  m.min_ms = samples.front();
  m.low_ms = percentile(samples, 0.1);
  m.high_ms = percentile(samples, 0.9);
  m.bound_ms = bound_ms(c, limits);
  m.fraction = m.bound_ms / m.median_ms;
  const JitReport report = p.report();
  m.kernels = report.kernels;
  m.peak_bytes = report.peak_bytes;
  m.bound_bytes = report.bound_bytes;
  return m;
}

}  // namespace weft::bench
