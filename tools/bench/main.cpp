// weft-bench: cases by name, each as a fraction of the machine's limit measured in the same run.
#include <charconv>
#include <cstdio>
#include <optional>
#include <regex>
#include <set>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "runtime/machine.h"
#include "runtime/output_file.h"
#include "tools/bench/baseline.h"
#include "tools/bench/device.h"
#include "tools/bench/goals.h"
#include "tools/bench/measure.h"
#include "tools/support/arguments.h"
#include "tools/support/files.h"
#include "tools/support/run_tool.h"

namespace {

using namespace weft::bench;

struct Settings {
  std::string filter;
  std::string threads;
  std::string json;
  std::string markdown;
  std::vector<std::string> baseline;
  std::string device = "cpu";
  bool list = false;
};

std::vector<int> thread_counts(const std::string& text) {
  if (text.empty()) return {weft::get_num_threads()};
  std::vector<int> counts;
  for (const std::string& part : weft::tools::split(text, ',')) {
    int count = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), count);
    if (error != std::errc() || end != part.data() + part.size() || count < 1 || count > 1024)
      throw weft::Error("weft-bench: --threads: expected numbers from 1 to 1024, as in 1,2; got '" +
                        text + "'");
    counts.push_back(count);
  }
  return counts;
}

std::vector<Case> chosen_cases(const std::string& filter) {
  std::vector<Case> chosen;
  try {
    const std::regex pattern(filter);
    for (Case& c : all_cases()) {
      if (std::regex_search(c.name, pattern)) chosen.push_back(std::move(c));
    }
  } catch (const std::regex_error& e) {
    throw weft::Error("weft-bench: --filter: '" + filter +
                      "' is no regular expression: " + e.what());
  }
  if (chosen.empty())
    throw weft::Error("weft-bench: --filter: no case matches '" + filter + "'; --list shows them");
  return chosen;
}

nlohmann::json to_json(const Measurement& m) {
  return {{"name", m.name},
          {"threads", m.threads},
          {"median_ms", m.median_ms},
          {"min_ms", m.min_ms},
          {"p10_ms", m.low_ms},
          {"p90_ms", m.high_ms},
          {"samples", m.samples},
          {"bytes", m.bytes},
          {"flops", m.flops},
          {"bound", name(m.bound)},
          {"bound_ms", m.bound_ms},  // 0 where nothing binds
          {"fraction", m.fraction},
          {"cold_ms", m.cold_ms ? nlohmann::json(*m.cold_ms) : nlohmann::json()},
          {"disk_ms", m.disk_ms ? nlohmann::json(*m.disk_ms) : nlohmann::json()},
          {"kernels", m.kernels},
          {"peak_bytes", m.peak_bytes},
          {"bound_bytes", m.bound_bytes},
          {"figures", m.figures}};
}

nlohmann::json machine_json(const std::vector<Limits>& limits) {
  nlohmann::json machine{{"cpu", weft::runtime::cpu_name()},
                         {"cores", weft::runtime::core_count()}};
  if (device().is_cuda()) machine["device"] = device_name();
  for (const Limits& l : limits) {
    machine["limits"].push_back({{"threads", l.threads},
                                 {"copy_gb_per_s", l.copy_gbs},
                                 {"read_gb_per_s", l.read_gbs},
                                 {"f32_gflop_per_s", l.f32_gflops},
                                 {"f64_gflop_per_s", l.f64_gflops}});
  }
  return machine;
}

std::string milliseconds(const std::optional<double>& ms) {
  if (!ms) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", *ms);
  return text;
}

void print_row(const Measurement& m) {
  char bound[40] = "-";
  if (m.bound != Bound::none)
    std::snprintf(bound, sizeof bound, "%5.1f%% of %s", 100 * m.fraction, name(m.bound));
  std::printf("%-34s %7d %11.5f %11.5f %6.1f%% %9s %9s %7zu  %s\n", m.name.c_str(), m.threads,
              m.median_ms, m.min_ms, 100 * (m.high_ms - m.low_ms) / m.median_ms,
              milliseconds(m.cold_ms).c_str(), milliseconds(m.disk_ms).c_str(), m.kernels, bound);
  for (const auto& [name, value] : m.figures) std::printf("    %s %.4g\n", name.c_str(), value);
  std::fflush(stdout);
}

void print_limits(const Limits& l) {
  if (device().is_cuda()) {
    std::printf("\n%s: copy %.1f GB/s\n", device_name().c_str(), l.copy_gbs);
    return;
  }
  std::printf(
      "\n%s, %d threads: copy %.1f GB/s, read %.1f GB/s, f32 %.1f GFLOP/s, f64 %.1f GFLOP/s\n",
      weft::runtime::cpu_name().c_str(), l.threads, l.copy_gbs, l.read_gbs, l.f32_gflops,
      l.f64_gflops);
}

int run(const Settings& s) {
  if (s.baseline.size() == 2)  // two files: nothing is measured
    return compare_figures(read_figures(s.baseline[0]), read_figures(s.baseline[1])) == 0 ? 0 : 1;
  const nlohmann::json before =
      s.baseline.empty() ? nlohmann::json() : read_figures(s.baseline.front());
  const std::vector<Case> cases = chosen_cases(s.filter);
  if (s.list) {
    for (const Case& c : cases) std::printf("%s\n", c.name.c_str());
    return 0;
  }
  use_device(s.device);
  if (device().is_cuda() && !s.threads.empty())
    throw weft::Error("weft-bench: --threads goes with the CPU, got --device " + s.device);
  if (device().is_cuda() && !s.markdown.empty())
    throw weft::Error("weft-bench: --markdown writes figures of the CPU, got --device " + s.device);
  const std::vector<int> counts = thread_counts(s.threads);
  if (!s.json.empty()) weft::runtime::check_writable(s.json);
  if (!s.markdown.empty()) {
    std::set<std::string> left_out;
    for (const Case& c : all_cases()) left_out.insert(c.name);
    for (const Case& c : cases) left_out.erase(c.name);
    check_page(s.markdown, left_out);
  }
  std::vector<Limits> limits;
  nlohmann::json results = nlohmann::json::array();
  for (int threads : counts) {
    limits.push_back(device().is_cuda() ? measure_device_limits() : measure_limits(threads));
    const Limits& l = limits.back();
    print_limits(l);
    std::printf("%-34s %7s %11s %11s %7s %9s %9s %7s  %s\n", "case", "threads", "median ms",
                "min ms", "spread", "cold ms", "disk ms", "kernels", "of the limit");
    weft::set_num_threads(threads);
    for (const Case& c : cases) {
      const Measurement m = measure(c, l);
      if (m.samples == 0) continue;
      print_row(m);
      results.push_back(to_json(m));
    }
  }
  const nlohmann::json document{{"machine", machine_json(limits)}, {"cases", results}};
  if (!s.json.empty()) weft::runtime::write_file(s.json, document.dump(2) + "\n");
  if (!s.markdown.empty()) write_figures(s.markdown, document);
  return before.is_null() || compare_figures(before, document) == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app{
      "Measures Weft against this machine's limits. Every result is checked before it is timed.\n"
      "spread is the distance of the 10th and the 90th percentile, in parts of the median.",
      "weft-bench"};
  app.add_option("--filter", s.filter, "Regular expression: cases to run");
  app.add_option("--threads", s.threads, "Thread counts, comma-separated, as in 1,2");
  app.add_option("--json", s.json, "Write the figures into this file")->check(weft::tools::path());
  app.add_option("--baseline", s.baseline,
                 "A.json: compare this run with it; A.json B.json: compare the two and measure "
                 "nothing. Exit code 1 if a case got slower beyond noise")
      ->expected(1, 2);
  app.add_option("--markdown", s.markdown,
                 "Write goals and figures between the markers in this file (docs/performance.md), "
                 "and a picture beside it (docs/performance.svg)")
      ->check(weft::tools::path());
  app.add_option("--device", s.device,
                 "Where cases run: cpu, cuda or cuda:NUMBER. On a device the limit is its copies, "
                 "and cases of the CPU alone are left out");
  app.add_flag("--list", s.list, "Print the names of the cases");
  return weft::tools::run_tool(app, argc, argv, [&] { return run(s); });
}
