// Random graphs with fixed seeds; build/bin/weft-fuzz --seed N --count M runs any others.
#include <doctest/doctest.h>

#include "tests/random_graphs/fuzz.h"
#include "tests/random_graphs/shrink_graph.h"

using namespace weft;
using namespace weft::ir;
using namespace weft::test;

TEST_CASE("random graphs keep every bit through text, passes and compiled code") {
  const FuzzReport report = fuzz({.first_seed = 1, .count = 2000, .compile_every = 2});
  MESSAGE(report.summary());
  INFO(report.failed);
  CHECK(report.failures == 0);
  CHECK(report.graphs == 2000);
  CHECK(report.compiled == 1000);
  CHECK(report.gradients == 666);
}

TEST_CASE("equal seeds give equal random graphs and inputs") {
  for (const std::uint64_t seed : {1, 2, 999}) {
    const GraphCase a = random_case(seed), b = random_case(seed);
    CHECK(print(a.graph) == print(b.graph));
    CHECK(a.inputs == b.inputs);
  }
}

TEST_CASE("a failing graph shrinks to the node that fails, on the values that it saw") {
  Builder b("big");
  const Value x = b.parameter({DType::f32, {2}}, "x"), y = b.parameter({DType::f32, {2}}, "y");
  const Value inner = b.unary(Op::exp, b.binary(Op::add, x, y));
  const Value culprit = b.unary(Op::sqrt, b.reduce(inner, "add", {0}));
  const Value last = b.binary(Op::mul, b.unary(Op::neg, culprit), culprit);
  GraphCase big{b.finish({inner, last, x}),
                {Literal::from<float>({2}, {1, 2}), Literal::from<float>({2}, {-1, -2})}};
  const auto fails = [](const GraphCase& c) {
    for (const Node& node : c.graph.nodes())
      if (node.op == Op::sqrt) return true;
    return false;
  };
  CHECK(describe(shrink(std::move(big), fails)) ==
        "// %v = 2\n"
        "func @big(%v: f32[]) -> f32[] {\n"
        "  %0 = sqrt %v : f32[]\n"
        "  return %0\n"
        "}\n");
}
