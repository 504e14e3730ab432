// Lowering refuses what no kernel can be made of, in words for users.
#include <doctest/doctest.h>

#include "codegen/program.h"
#include "ir/builder.h"

using namespace weft;

TEST_CASE("arithmetic on a dtype that is only stored is unsupported, with operation and place") {
  ir::Builder b("half");
  const ir::Value x = b.parameter({DType::f32, {3}}, "x");
  b.set_location({"model.weft", 2, 3});
  const ir::Graph graph = b.finish({b.convert(x, DType::f16)});
  CHECK_THROWS_WITH_AS(codegen::lower(graph),
                       doctest::Contains("convert: no arithmetic on f16 yet, at model.weft:2:3"),
                       Unsupported);
}
