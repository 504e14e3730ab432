#include "tools/bench/measure.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "runtime/engine.h"
#include "tools/bench/device.h"
#include "tools/bench/folder.h"

namespace weft::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double budget_ms = 600;            // for the samples of one case
constexpr double shortest_sample_ms = 0.05;  // shorter calls are timed several at once
constexpr std::size_t fewest = 9;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// One call, and its value looked at, so that nothing stays lazy. On a device: evaluated there.
double timed(const Prepared& p, int calls) {
  const auto start = Clock::now();
  if (device().is_cuda()) {
    for (int k = 0; k < calls; ++k) p.run().eval();
    finish_device();
  } else {
    for (int k = 0; k < calls; ++k) p.run().data_ptr();
  }
  return since(start) / calls;
}

double percentile(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

double bound_ms(const Case& c, const Limits& limits) {
  if (c.bound == Bound::bandwidth)
    return c.bytes / (c.reads_only ? limits.read_gbs : limits.copy_gbs) / 1e6;
  if (c.bound == Bound::flops)
    return c.flops / (c.doubles ? limits.f64_gflops : limits.f32_gflops) / 1e6;
  return 0;
}

void require(const Case& c, const char* what, const std::string& wrong) {
  if (!wrong.empty())
    throw std::runtime_error("weft-bench: " + c.name + ": wrong " + what + ": " + wrong);
}

std::vector<double> samples_of(const std::function<double()>& sample, std::size_t least,
                               std::size_t most) {
  std::vector<double> samples;
  const auto begin = Clock::now();
  while (samples.size() < least || (samples.size() < most && since(begin) < budget_ms))
    samples.push_back(sample());
  return samples;
}

void fill_statistics(Measurement& m, std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  m.samples = samples.size();
  m.median_ms = percentile(samples, 0.5);
  m.min_ms = samples.front();
  m.low_ms = percentile(samples, 0.1);
  m.high_ms = percentile(samples, 0.9);
}

/// Calls for one sample, so that it is long enough for the clock.
int calls_for(double call_ms) {
  return std::max(1, static_cast<int>(shortest_sample_ms / std::max(call_ms, 1e-5)));
}

double timed(const std::function<void()>& work, int calls) {
  const auto start = Clock::now();
  for (int k = 0; k < calls; ++k) work();
  return since(start) / calls;
}

/// The fastest variant after it was found right.
std::function<void()> best_variant(const Case& c, const Ceiling& ceiling) {
  double best = 0;
  std::function<void()> chosen;
  for (const auto& variant : ceiling.variants) {
    variant();
    require(c, "ceiling", ceiling.check());
    double ms = timed(variant, 1);
    for (int k = 0; k < 4; ++k) ms = std::min(ms, timed(variant, 1));
    if (!chosen || ms < best) best = ms, chosen = variant;
  }
  return chosen;
}

/// Samples of the case and of what bounds it in turns, so that both meet the same noise.
template <class BoundMs>
void sample_in_turns(const Prepared& p, int calls, Measurement& m, BoundMs bound) {
  std::vector<double> bounds;
  fill_statistics(m, samples_of(
                         [&] {
                           bounds.push_back(bound());
                           return timed(p, calls);
                         },
                         fewest, p.most_samples));
  std::sort(bounds.begin(), bounds.end());
  m.bound_ms = percentile(bounds, 0.5);
}

constexpr double beyond_caches = 64e6;  // bytes

void sample_calls(const Case& c, const Prepared& p, const Limits& limits, Measurement& m) {
  const int calls = calls_for(std::min(timed(p, 1), timed(p, 1)));
  timed(p, calls);
  if (device().is_cuda()) {
    fill_statistics(m, samples_of([&] { return timed(p, calls); }, fewest, p.most_samples));
    if (c.bound == Bound::bandwidth) m.bound_ms = bound_ms(c, limits);
  } else if (p.ceiling) {
    const auto ceiling = best_variant(c, *p.ceiling);
    const int ceiling_calls = calls_for(std::min(timed(ceiling, 1), timed(ceiling, 1)));
    sample_in_turns(p, calls, m, [&] { return timed(ceiling, ceiling_calls); });
    require(c, "ceiling", p.ceiling->check());
  } else if (c.bound == Bound::bandwidth && c.bytes > beyond_caches) {
    sample_in_turns(p, calls, m, [&] {
      return c.bytes / (c.reads_only ? read_gbs_now() : copy_gbs_now()) / 1e6;
    });
  } else {
    fill_statistics(m, samples_of([&] { return timed(p, calls); }, fewest, p.most_samples));
    m.bound_ms = bound_ms(c, limits);
  }
  m.fraction = m.bound_ms / m.median_ms;
  if (m.bound_ms == 0) m.bound = Bound::none;  // no ceiling kernels, or an unknown limit
}

/// Empties the caches in memory once nothing is compiled in the background any more.
void forget_kernels() {
  runtime::finish_optimising();
  runtime::clear_caches();
}

/// The first call in empty caches, and the figures of its compilation.
void measure_cold(const Case& c, const Prepared& p, Measurement& m) {
  runtime::set_disk_cache("off");
  forget_kernels();
  const auto start = Clock::now();
  const Tensor first = p.run();
  first.data_ptr();
  m.cold_ms = since(start);
  require(c, "result", p.check(first));
  runtime::finish_optimising();
  const JitReport report = p.report();
  m.kernels = report.kernels;
  m.peak_bytes = report.peak_bytes;
  m.bound_bytes = report.bound_bytes;
}

/// The first call of a function made anew, with empty caches in memory.
double first_call(const Case& c) {
  const Prepared p = c.prepare();
  forget_kernels();
  const auto start = Clock::now();
  const Tensor first = p.run();
  first.data_ptr();
  const double ms = since(start);
  require(c, "result with a disk cache", p.check(first));
  return ms;
}

/// The first call once an equal function has filled the disk cache.
double measure_disk(const Case& c) {
  const Folder folder;
  runtime::set_disk_cache(folder.path());
  first_call(c);
  runtime::finish_optimising();
  const double ms = first_call(c);
  runtime::set_disk_cache("off");
  return ms;
}

}  // namespace

const char* name(Bound bound) {
  switch (bound) {
    case Bound::bandwidth:
      return "bandwidth";
    case Bound::flops:
      return "flops";
    case Bound::ceiling:
      return "ceiling";
    default:
      return "none";
  }
}

Measurement measure(const Case& c, const Limits& limits) {
  Measurement m{.name = c.name,
                .threads = limits.threads,
                .bound = c.bound,
                .bytes = c.bytes,
                .flops = c.flops};
  const Prepared p = c.prepare();
  if (device().is_cuda() && (!p.follows_device || p.sample)) return m;
  if (p.run) {
    m.disk_ms = measure_disk(c);
    measure_cold(c, p, m);
  }
  if (p.sample) {
    if (p.most_samples > 1) p.sample();
    fill_statistics(m, samples_of(p.sample, std::min(fewest, p.most_samples), p.most_samples));
  } else {
    sample_calls(c, p, limits, m);
  }
  if (p.run) require(c, "result", p.check(p.run()));
  if (p.figures) m.figures = p.figures();
  return m;
}

}  // namespace weft::bench
