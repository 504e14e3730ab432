// Rules that only a graph made by hand can break; the others are in tests/files/ir/rules_*.weft.
#include <doctest/doctest.h>

#include "ir/builder.h"

namespace weft::ir {
namespace {

const Type vec2{DType::f32, {2}};

/// What verify says about a function of one parameter and these nodes.
std::string complaint(std::vector<Node> nodes) {
  Builder b("f");
  b.parameter(vec2, "x");
  for (Node& node : nodes) b.add_verbatim(std::move(node));
  try {
    verify(b.finish({}));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("verify G1: parameters come first") {
  CHECK(complaint({{Op::parameter, {}, {}, {vec2}, {}, {"model.cpp", 41}}}) ==
        "parameter G1: node 1, expected an operation after the parameters, got parameter, at "
        "model.cpp:41");
}

TEST_CASE("verify G2: operands are results of earlier nodes") {
  CHECK(complaint({{Op::neg, {Value{1, 0}}, {}, {vec2}, {}, {}}}) ==
        "neg G2: operand 0, expected an earlier node than 1, got node 1");
  CHECK(complaint({{Op::neg, {Value{}}, {}, {vec2}, {}, {}}}) ==
        "neg G2: operand 0, expected an earlier node than 1, got none");
  CHECK(complaint({{Op::neg, {Value{0, 3}}, {}, {vec2}, {}, {}}}) ==
        "neg G2: operand 0, expected one of 1 results of node 0, got result 3");
}

TEST_CASE("verify G4: attributes have the declared type") {
  CHECK(complaint({{Op::reshape, {Value{0, 0}}, {{"shape", true}}, {vec2}, {}, {}}}) ==
        "reshape G4: attribute 'shape', expected [int], got bool");
}

TEST_CASE("verify G6: types are those that the operation infers") {
  CHECK(complaint({{Op::neg, {Value{0, 0}}, {}, {{DType::f32, {3}}}, {}, {}}}) ==
        "neg G6: type of result 0, expected f32[2], got f32[3]");
  CHECK(complaint({{Op::neg, {Value{0, 0}}, {}, {vec2, vec2}, {}, {}}}) ==
        "neg G6: number of results, expected 1, got 2");
}

TEST_CASE("verify looks into nested functions") {
  Builder inner("body");
  const Value x = inner.parameter(vec2, "x");
  inner.add_verbatim({Op::neg, {x}, {}, {{DType::f64, {2}}}, {}, {}});
  const auto body = std::make_shared<const Graph>(inner.finish({x}));
  CHECK(complaint({{Op::fused, {Value{0, 0}}, {}, {vec2}, {body}, {}}}) ==
        "neg G6: type of result 0, expected f32[2], got f64[2]");
}

TEST_CASE("finish refuses results that are no values") {
  Builder b("f");
  b.parameter(vec2, "x");
  CHECK_THROWS_AS(b.finish({Value{1, 0}}), InternalError);
  CHECK_THROWS_AS(b.finish({Value{0, 1}}), InternalError);
}

}  // namespace
}  // namespace weft::ir
