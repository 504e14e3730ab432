#include "tests/random_graphs/check_graph.h"

#include <weft/error.h>
#include "passes/autodiff.h"
#include "passes/pipeline.h"
#include "runtime/engine.h"
#include "tests/support/literals.h"

namespace weft::test {

using namespace weft::ir;

namespace {

std::string compare(const std::string& stage, std::span<const Literal> got,
                    std::span<const Literal> expected) {
  if (got.size() != expected.size()) return stage + ": another number of results";
  for (std::size_t k = 0; k < got.size(); ++k)
    if (!equal_but_nans(got[k], expected[k]))
      return stage + ": result " + std::to_string(k) + ", " + difference(got[k], expected[k]) +
             " from the interpreter";
  return "";
}

std::string check_text(const Graph& graph) {
  const std::string text = print(graph);
  const Graph parsed = parse(text);
  verify(parsed);
  if (print(parsed) != text) return "text: print, parse, print gives another text";
  if (!parsed.structurally_equal(graph)) return "text: print, parse gives another graph";
  return "";
}

std::string check_passes(const GraphCase& c, bool fuse, std::span<const Literal> expected) {
  Graph graph = c.graph;
  std::string stage = fuse ? "passes with fusion" : "passes without fusion";
  for (const passes::Pass& pass : passes::default_pipeline(fuse)) {
    graph = pass.run(graph);
    stage += " " + std::string(pass.name);
    verify(graph);
    const std::string failure = compare(stage, interpret(graph, c.inputs), expected);
    if (!failure.empty()) return failure;
  }
  return check_text(graph);
}

std::string check_compiled(const GraphCase& c, bool fuse, int threads,
                           std::span<const Literal> expected) {
  runtime::set_thread_count(threads);
  const auto executable = runtime::compile(c.graph, {.fuse = fuse});
  const std::string stage = std::string("compiled ") + (fuse ? "with" : "without") +
                            " fusion, on " + std::to_string(threads) +
                            (threads == 1 ? " thread" : " threads");
  if (auto failure = compare(stage, run_executable(*executable, c.graph, c.inputs), expected);
      !failure.empty())
    return failure;
  const std::vector<Literal> donated = run_executable(*executable, c.graph, c.inputs, true);
  return compare(stage + ", inputs donated", donated, expected);
}

/// Quick code on one thread, then optimised code in the same programs on two.
struct QuickTier {
  explicit QuickTier(bool on) { runtime::set_quick_tier(on); }
  ~QuickTier() { runtime::set_quick_tier(std::nullopt); }
};

std::string check_all(const GraphCase& c, const Checks& checks) {
  verify(c.graph);
  if (auto failure = check_text(c.graph); !failure.empty()) return failure;
  const std::vector<Literal> expected = interpret(c.graph, c.inputs);
  for (const bool fuse : {true, false}) {
    if (auto failure = check_passes(c, fuse, expected); !failure.empty()) return failure;
    if (!checks.compile) continue;
    const QuickTier tier(checks.quick);
    for (const int threads : {1, 2}) {
      if (auto failure = check_compiled(c, fuse, threads, expected); !failure.empty())
        return failure;
      if (checks.quick) runtime::finish_optimising();
    }
  }
  if (!checks.gradient) return "";
  const auto gradient = gradient_of(c);
  if (!gradient) return "";
  const std::string failure =
      check_all(*gradient, {.compile = checks.compile, .quick = checks.quick});
  return failure.empty() ? "" : "gradient: " + failure;
}

}  // namespace

std::string find_failure(const GraphCase& c, const Checks& checks) {
  try {
    return check_all(c, checks);
  } catch (const std::exception& error) {
    return std::string("threw: ") + error.what();
  }
}

std::optional<GraphCase> gradient_of(const GraphCase& c) {
  std::vector<std::size_t> wrt;
  for (std::size_t k = 0; k < c.graph.param_count(); ++k)
    if (is_float(c.graph.type(c.graph.param(k)).dtype)) wrt.push_back(k);
  if (wrt.empty()) return {};
  try {
    GraphCase gradient{passes::vjp(c.graph, wrt).graph, c.inputs};
    for (std::size_t k = c.graph.param_count(); k < gradient.graph.param_count(); ++k)
      gradient.inputs.push_back(
          draw_uniform(gradient.graph.type(gradient.graph.param(k)), -2, 2, k));
    return gradient;
  } catch (const Unsupported&) {
    return {};
  }
}

}  // namespace weft::test
