// Operations that can be written in core ones mean the same there, but for rounding.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "passes/pipeline.h"
#include "tests/ops/samples.h"

namespace weft::test {

using namespace ir;

namespace {

void check_close(const Literal& got, const Literal& want) {
  REQUIRE(got.type() == want.type());
  const double tolerance = want.type().dtype == DType::f32 ? 1e-5 : 1e-13;
  for (std::int64_t e = 0; e < want.type().elements(); ++e) {
    const double a = got.at(e), b = want.at(e);
    CHECK_MESSAGE((std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b)) ||
                   (std::isnan(a) && std::isnan(b))),
                  "element ", e, ": ", a, ", expected ", b);
  }
}

}  // namespace

TEST_CASE("expand_all leaves core operations that compute the same") {
  int expanded = 0;
  for (const OpDef& definition : all_ops()) {
    if (definition.expand == nullptr) continue;
    for (const Sample& sample : samples(definition)) {
      const Graph graph = sample.graph(), core = passes::expand_all(graph);
      CAPTURE(print(graph));
      for (const Node& node : core.nodes()) CHECK(def(node.op).expand == nullptr);
      const std::vector<Literal> inputs = draw(sample, 2);
      check_close(interpret(core, inputs)[0], interpret(graph, inputs)[0]);
      ++expanded;
    }
  }
  CHECK(expanded > 10);
}

}  // namespace weft::test
