// weft-accuracy: the errors of the elementwise functions against MPFR, and docs/accuracy.md.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "runtime/engine.h"
#include "runtime/output_file.h"
#include "tools/accuracy/report.h"
#include "tools/support/arguments.h"
#include "tools/support/progress.h"
#include "tools/support/run_tool.h"

namespace {

using namespace weft::accuracy;

struct Settings {
  std::vector<std::string> functions;
  std::string dtype, json, write;
  int threads = 1;
  std::uint64_t sample = 0;
  bool no_measuring = false, missing = false;
};

constexpr std::uint64_t default_sample = 8 << 20;

bool is_exhaustive(const Function& f, weft::DType dtype, const Settings& s) {
  return s.sample == 0 && f.has_few_arguments() && dtype == weft::DType::f32;
}

Measurement measure_one(const Function& f, weft::DType dtype, const Settings& s) {
  const bool exhaustive = is_exhaustive(f, dtype, s);
  const Options options{.sample = exhaustive ? 0
                                  : s.sample ? s.sample
                                             : default_sample,
                        .threads = s.threads};
  constexpr std::size_t parts = 1000;
  weft::tools::Progress bar(f.name() + " " + std::string(weft::name(dtype)), parts);
  std::size_t shown = 0;
  const Measurement m = measure(f, dtype, options, [&](double part) {
    const auto now = static_cast<std::size_t>(part * parts);
    if (now != shown) bar.update(shown = now, "");
  });
  bar.finish();
  return m;
}

bool within_limit(const Function& f, const Measurement& m) { return m.max_ulp <= f.limit; }

void print_row(const Function& f, const Measurement& m) {
  std::printf("%-12s %s %9.4f %8.4f  %-22a %-22a %12llu %8llu %5zu%s\n", m.function.c_str(),
              m.dtype.c_str(), m.max_ulp, m.mean_ulp, m.worst_x, m.worst_y,
              static_cast<unsigned long long>(m.arguments),
              static_cast<unsigned long long>(m.only_absolute), m.operations,
              within_limit(f, m) ? "" : "  beyond its limit");
  std::fflush(stdout);
}

int run(const Settings& s) {
  unmeasured_operations();  // every operation of the table is measured, or need not be
  std::vector<const Function*> chosen;
  for (const std::string& name : s.functions) chosen.push_back(&find_function(name));
  if (s.functions.empty())
    for (const Function& f : functions()) chosen.push_back(&f);
  for (const std::string& file : {s.json, s.write})
    if (!file.empty()) weft::runtime::check_writable(file);
  weft::runtime::set_thread_count(1);  // threads take blocks, each kernel runs on its own
  Report report = s.json.empty() ? Report() : Report::load(s.json);
  bool kept = true;
  if (!s.no_measuring) {
    std::printf("%-12s %s %9s %8s  %-22s %-22s %12s %8s %5s\n", "function", "   ", "max ULP",
                "mean", "at", "", "arguments", "absolute", "ops");
    for (const Function* f : chosen)
      for (weft::DType dtype : {weft::DType::f32, weft::DType::f64}) {
        if (!s.dtype.empty() && s.dtype != weft::name(dtype)) continue;
        if (s.missing && report.has(*f, dtype, is_exhaustive(*f, dtype, s))) continue;
        const Measurement m = measure_one(*f, dtype, s);
        print_row(*f, m);
        kept = kept && within_limit(*f, m);
        report.add(m);
        if (!s.json.empty()) report.write_json(s.json);
      }
  }
  if (!s.write.empty()) weft::runtime::write_file(s.write, report.markdown());
  return kept ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app{
      "Measures the elementwise functions, as compiled, against MPFR. f32 functions of one "
      "argument\n"
      "over all 2^32 arguments (minutes each), the others on a sample and a local search.\n"
      "Exit code 1: a function is beyond its limit.",
      "weft-accuracy"};
  app.add_option("--function", s.functions, "Functions to measure, by name; all otherwise")
      ->delimiter(',');
  app.add_option("--dtype", s.dtype, "f32 or f64; both otherwise")
      ->check(CLI::IsMember({"f32", "f64"}));
  app.add_option("--threads", s.threads, "Threads that take blocks of arguments")
      ->check(weft::tools::integer(1, 1024))
      ->capture_default_str();
  app.add_option("--sample", s.sample, "Measure on about this many arguments, f32 too")
      ->check(weft::tools::integer(1, std::uint64_t{1} << 40));
  app.add_option("--json", s.json, "Collect the figures in this file, beside those of earlier runs")
      ->check(weft::tools::path());
  app.add_flag("--missing", s.missing,
               "Measure only what --json lacks: goes on after an interruption");
  app.add_option("--write", s.write, "Write the page (docs/accuracy.md) from all figures")
      ->check(weft::tools::path());
  app.add_flag("--no-measuring", s.no_measuring, "Only write the page from --json");
  return weft::tools::run_tool(app, argc, argv, [&] { return run(s); });
}
