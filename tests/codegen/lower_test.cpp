// Lowering refuses what no kernel can be made of, in words for users.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "codegen/program.h"
#include "ir/builder.h"

using namespace weft;

TEST_CASE("a sum that is not needed at once runs where its operand is read anyway") {
  const ir::Graph graph = ir::parse(R"(func @f(%x: f32[4,8], %g: f32[4,8]) -> f32[4,8] {
  %0 = fused %x, %g func @group(%x: f32[4,8], %g: f32[4,8]) -> f32[4,8] {
    %0 = reduce %x {kind = "add", axes = [1]} : f32[4]
    %1 = broadcast_in_dim %0 {shape = [4,8], dims = [0]} : f32[4,8]
    %2 = sub %x, %1 : f32[4,8]
    %3 = mul %2, %g : f32[4,8]
    %4 = reduce %3 {kind = "add", axes = [1]} : f32[4]
    %5 = reduce %g {kind = "add", axes = [1]} : f32[4]
    %6 = mul %4, %5 : f32[4]
    %7 = broadcast_in_dim %6 {shape = [4,8], dims = [0]} : f32[4,8]
    %8 = add %2, %7 : f32[4,8]
    return %8
  } : f32[4,8]
  return %0
})");
  const codegen::Program program = codegen::lower(graph);
  REQUIRE(program.launches.size() == 1);
  const std::vector<codegen::Section>& sections = program.launches[0].kernel->sections;
  std::vector<int> sums;  // of each section over the rows
  for (const codegen::Section& section : sections)
    if (section.kind == codegen::Section::Kind::over)
      sums.push_back(static_cast<int>(std::count_if(
          section.body.begin(), section.body.end(),
          [](const codegen::Inst& inst) { return inst.kind == codegen::Inst::Kind::reduce; })));
  CHECK(sums == std::vector<int>{1, 2, 0});
}

TEST_CASE("what a launch stores streams where it moves more than caches hold") {
  const auto streams = [](std::int64_t rows, ir::Shape stored) {
    ir::Builder b("f");
    const ir::Value x = b.parameter({DType::f32, {rows, 1024}}, "x");
    const ir::Value y = b.unary(ir::Op::neg, x);
    const ir::Graph graph = b.finish({stored.size() == 2 ? y : b.reduce(x, "add", {1})});
    return codegen::lower(graph).launches[0].kernel->streaming;
  };
  CHECK(streams(4096, {4096, 1024}));
  CHECK_FALSE(streams(4000, {4000, 1024}));
  CHECK_FALSE(streams(16384, {16384}));  // a small part of what is moved
}

TEST_CASE("a sum reads from afar where its operand is more than caches hold") {
  const auto distant = [](std::int64_t rows, std::int64_t axis) {
    ir::Builder b("f");
    const ir::Value x = b.parameter({DType::f32, {rows, 1024}}, "x");
    const ir::Graph graph = b.finish({b.reduce(x, "add", {axis})});
    return codegen::lower(graph).launches[0].kernel->distant;
  };
  CHECK(distant(8192, 0));
  CHECK(distant(8192, 1));
  CHECK_FALSE(distant(8191, 1));
}

namespace {

/// op of x and a scalar in one kernel. The scalar is a parameter of the program where no number is
/// given.
codegen::Kernel kernel_with(const std::string& op, const std::string& number,
                            codegen::Scalars scalars = codegen::Scalars::by_pointer) {
  const bool given = number.empty();
  const std::string params = std::string("(%x: f32[5]") + (given ? ", %c: f32[])" : ")");
  const std::string constant = "    %c = constant {value = " + number + "} : f32[]\n";
  const codegen::Program program = codegen::lower(
      ir::parse("func @f" + params + " -> f32[5] {\n  %0 = fused %x" + (given ? ", %c" : "") +
                " func @group" + params + " -> f32[5] {\n" + (given ? "" : constant) +
                "    %2 = broadcast_in_dim %c {shape = [5], dims = []} : f32[5]\n    %3 = " + op +
                " %x, %2 : f32[5]\n    return %3\n  } : f32[5]\n  return %0\n}"),
      scalars);
  REQUIRE(program.launches.size() == 1);
  return *program.launches[0].kernel;
}

}  // namespace

TEST_CASE("programs that differ in numbers alone, known or given, have one kernel") {
  using codegen::Scalars;
  const auto text = [](const std::string& number, Scalars scalars) {
    return codegen::print(kernel_with("mul", number, scalars));
  };
  const std::string expected = text("0.3", Scalars::by_value);
  CHECK(expected.find("number p1 : f32") != std::string::npos);
  CHECK(text("7", Scalars::by_value) == expected);
  CHECK(text("-1e30", Scalars::by_pointer) == expected);
  CHECK(text("", Scalars::by_value) == expected);
  CHECK(text("", Scalars::by_pointer) != expected);
}

TEST_CASE("numbers that make code simpler, and exponents, stay in the text") {
  for (const char* number : {"0", "-0", "0.5", "1", "2", "-2", "inf"})
    CHECK(kernel_with("mul", number).number_count == 0);
  CHECK(kernel_with("mul", "3").number_count == 1);
  CHECK(kernel_with("pow", "3").number_count == 0);
}

TEST_CASE("arithmetic on a dtype that is only stored is unsupported, with operation and place") {
  ir::Builder b("half");
  const ir::Value x = b.parameter({DType::f32, {3}}, "x");
  b.set_location({"model.weft", 2, 3});
  const ir::Graph graph = b.finish({b.convert(x, DType::f16)});
  CHECK_THROWS_WITH_AS(codegen::lower(graph),
                       doctest::Contains("convert: no arithmetic on f16 yet, at model.weft:2:3"),
                       Unsupported);
}
