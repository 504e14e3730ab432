// Zeros, infinities, NaN, ends of domains, denormals and exact results, as C's Annex F has them: in
// the interpreter and in compiled code, of the processor's own vectors and of older ones.
#include "tests/support/special_values.h"

#include <doctest/doctest.h>

#include <set>

#include "runtime/engine.h"
#include "tests/ops/samples.h"

using namespace weft;
using namespace weft::ir;
using namespace weft::test;

TEST_CASE("every elementwise operation from floats to floats has special values") {
  std::set<Op> known;
  for (const SpecialValue& value : special_values(DType::f32)) known.insert(value.op);
  for (const OpDef& def : all_ops()) {
    if (def.kind != Kind::elementwise || def.op == Op::convert || def.op == Op::bitcast) continue;
    for (const Sample& sample : samples(def)) {
      const auto is_f32 = [](const Type& type) { return type.dtype == DType::f32; };
      const Graph graph = sample.graph();
      if (!std::all_of(sample.operands.begin(), sample.operands.end(), is_f32)) continue;
      if (!is_f32(graph.type(graph.results()[0]))) continue;
      CHECK_MESSAGE(known.count(def.op) == 1, def.name);
    }
  }
}

TEST_CASE("the interpreter gives C's special values") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const SpecialCase& c : special_cases(dtype)) {
      CAPTURE(name(dtype));
      CHECK(special_difference(c, interpret(c.graph, c.inputs)[0]) == "");
    }
}

TEST_CASE("compiled code gives C's special values") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const SpecialCase& c : special_cases(dtype)) {
      CAPTURE(name(dtype));
      const auto executable = runtime::compile(c.graph);
      CHECK(special_difference(c, run_executable(*executable, c.graph, c.inputs)[0]) == "");
    }
}
