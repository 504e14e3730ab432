#include "tests/random_graphs/fuzz.h"

#include <exception>

#include "tests/random_graphs/check_graph.h"
#include "tests/random_graphs/shrink_graph.h"

namespace weft::test {

namespace {

constexpr std::uint64_t gradient_every = 3;
constexpr std::uint64_t quick_every = 5;

GraphCase shrunk(const GraphCase& failing, const Checks& checks) {
  return shrink(failing, [&](const GraphCase& c) { return !find_failure(c, checks).empty(); });
}

/// A failure of a gradient shows in the graph that it is of, or better in itself alone.
std::string explain(std::uint64_t seed, const GraphCase& failing, const Checks& checks) {
  GraphCase small = shrunk(failing, checks);
  std::string what = find_failure(small, checks);
  const Checks plain{.compile = checks.compile, .quick = checks.quick};
  if (checks.gradient && find_failure(small, plain).empty()) {
    try {
      const auto gradient = gradient_of(small);
      if (gradient && !find_failure(*gradient, plain).empty()) {
        small = shrunk(*gradient, plain);
        what = find_failure(small, plain);
      }
    } catch (const std::exception&) {
      // Differentiation itself fails: the graph to show is the one differentiated.
    }
  }
  return "seed " + std::to_string(seed) + ": " + what + "\n" + describe(small) + "\n";
}

}  // namespace

std::string FuzzReport::summary() const {
  return std::to_string(graphs) + " graphs (" + std::to_string(gradients) +
         " with their gradients, " + std::to_string(nodes) + " nodes), " +
         std::to_string(compiled) + " compiled, " + std::to_string(failures) + " failed";
}

FuzzReport fuzz(const FuzzOptions& options,
                const std::function<void(const FuzzReport&)>& progress) {
  FuzzReport report;
  for (std::int64_t k = 0; k < options.count && report.failures < options.most_failures; ++k) {
    const std::uint64_t seed = options.first_seed + static_cast<std::uint64_t>(k);
    const Checks checks{.compile = k % options.compile_every == 0,
                        .gradient = seed % gradient_every == 0,
                        .quick = seed % quick_every == 0};
    const GraphCase c = random_case(seed);
    ++report.graphs;
    report.nodes += static_cast<std::int64_t>(c.graph.size() - c.graph.param_count());
    report.gradients += checks.gradient ? 1 : 0;
    report.compiled += checks.compile ? 1 : 0;
    if (!find_failure(c, checks).empty()) {
      ++report.failures;
      report.failed += explain(seed, c, checks);
    }
    if (progress) progress(report);
  }
  return report;
}

}  // namespace weft::test
