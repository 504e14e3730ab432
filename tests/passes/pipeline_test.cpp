// The runner of passes, and the small passes beside simplify.
#include "passes/pipeline.h"

#include <doctest/doctest.h>

#include <array>

#include "ir/builder.h"

namespace weft::test {
namespace {

using namespace ir;

Graph with_dead_nodes() {
  return parse(R"(
func @f(%x: f32[3], %unused: f32[2]) -> f32[3] {
  %0 = neg %x : f32[3]
  %1 = exp %x : f32[3]
  return %1
}
)");
}

}  // namespace

TEST_CASE("dce drops nodes that no result needs and keeps every parameter") {
  const Graph after = passes::dce(with_dead_nodes());
  CHECK(after.param_count() == 2);
  CHECK(after.size() == 3);
  CHECK(after.param_name(1) == "unused");
}

TEST_CASE("passes_by_name knows every pass and names them all when it doesn't know one") {
  std::string names;
  for (const passes::Pass& pass : passes::all_passes())
    names += (names.empty() ? "" : ",") + std::string(pass.name);
  CHECK(passes::passes_by_name(names).size() == passes::all_passes().size());
  CHECK(passes::passes_by_name("").empty());
  CHECK_THROWS_WITH_AS(passes::passes_by_name("dce,nonsense"),
                       doctest::Contains("dce, cse, fold, simplify, expand"), Error);
  CHECK_THROWS_WITH_AS(passes::passes_by_name("dce,nonsense"), doctest::Contains("got 'nonsense'"),
                       Error);
}

TEST_CASE("run_passes reports each pass and calls on_change for those that changed something") {
  std::vector<passes::PassReport> reports;
  std::vector<std::string> changed;
  passes::PipelineOptions options;
  options.on_change = [&](const passes::Pass& pass, const Graph& before, const Graph& after) {
    changed.emplace_back(pass.name);
    CHECK(before.size() > after.size());
  };
  passes::run_passes(with_dead_nodes(), passes::passes_by_name("cse,dce,simplify"), options,
                     &reports);
  REQUIRE(reports.size() == 3);
  CHECK(reports[0].name == "cse");
  CHECK(reports[0].nodes_before == 4);
  CHECK(reports[0].nodes_after == 3);
  CHECK(reports[1].nodes_before == 3);
  CHECK(changed == std::vector<std::string>{"cse"});
}

TEST_CASE("the default pipeline ends with fuse, or leaves it out") {
  CHECK(passes::default_pipeline(true).back().name == "fuse");
  CHECK(passes::default_pipeline(false).back().name != "fuse");
}

TEST_CASE("passes keep the places where nodes were recorded") {
  Builder b("f");
  const Value x = b.parameter({DType::f32, {3}}, "x");
  b.set_location({"model.cpp", 41});
  const Graph f = b.finish({b.unary(Op::exp, b.unary(Op::neg, b.unary(Op::neg, x)))});
  const Graph after = passes::run_passes(f, passes::default_pipeline(false));
  CHECK(after.node(after.results()[0]).where.line == 41);
}

#ifndef NDEBUG
TEST_CASE("a pass that breaks the graph is named") {
  const passes::Pass broken{
      "broken",
      [](const Graph&) {
        Builder b("f");
        const Value x = b.parameter({DType::f32, {3}}, "x");
        const Type wrong{DType::f32, {4}};
        return b.finish({b.add_verbatim({Op::exp, {x}, {}, {wrong}, {}, {}})});
      },
      "makes an exp of another shape"};
  CHECK_THROWS_WITH_AS(passes::run_passes(with_dead_nodes(), std::array{broken}),
                       doctest::Contains("pass broken broke the graph: exp"), InternalError);
}
#endif

}  // namespace weft::test
