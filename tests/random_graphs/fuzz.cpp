#include "tests/random_graphs/fuzz.h"

#include "tests/random_graphs/check_graph.h"
#include "tests/random_graphs/shrink_graph.h"

namespace weft::test {

namespace {

constexpr std::uint64_t gradient_every = 4;

std::string explain(std::uint64_t seed, const GraphCase& failing, const Checks& checks) {
  const GraphCase small =
      shrink(failing, [&](const GraphCase& c) { return !find_failure(c, checks).empty(); });
  return "seed " + std::to_string(seed) + ": " + find_failure(small, checks) + "\n" +
         describe(small) + "\n";
}

}  // namespace

std::string FuzzReport::summary() const {
  return std::to_string(graphs) + " graphs (" + std::to_string(gradients) + " of them gradients, " +
         std::to_string(nodes) + " nodes), " + std::to_string(compiled) + " compiled, " +
         std::to_string(failures) + " failed";
}

FuzzReport fuzz(const FuzzOptions& options,
                const std::function<void(const FuzzReport&)>& progress) {
  FuzzReport report;
  for (std::int64_t k = 0; k < options.count && report.failures < options.most_failures; ++k) {
    const std::uint64_t seed = options.first_seed + static_cast<std::uint64_t>(k);
    const Checks checks{.compile = k % options.compile_every == 0};
    GraphCase c = random_case(seed);
    const std::size_t parameters = c.graph.param_count();
    if (seed % gradient_every == 0) c = with_gradient(std::move(c), seed);
    ++report.graphs;
    report.gradients += c.graph.param_count() != parameters ? 1 : 0;
    report.nodes += static_cast<std::int64_t>(c.graph.size() - c.graph.param_count());
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
