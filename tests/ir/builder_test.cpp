// The builder: reuse, folding, broadcasting, and what it says about mistakes.
#include <doctest/doctest.h>

#include "ir/builder.h"

namespace weft::ir {
namespace {

const Type matrix{DType::f32, {2, 4}};

struct Fixture {
  Builder b{"f"};
  Value x = b.parameter(matrix, "x");
  Value row = b.parameter({DType::f32, {4}}, "row");
  Value column = b.parameter({DType::f32, {2, 1}}, "column");

  double constant_at(Value v, std::int64_t i) const {
    REQUIRE(b.node(v).op == Op::constant);
    return b.node(v).attrs.literal("value").at(i);
  }
  template <class F>
  std::string message(F f) {
    b.set_location({"src/model.cpp", 41});
    try {
      f();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_CASE_FIXTURE(Fixture, "equal nodes are one node") {
  const Value sum = b.binary(Op::add, x, x);
  CHECK(b.binary(Op::add, x, x) == sum);
  CHECK(b.binary(Op::mul, x, x) != sum);
  CHECK(b.reduce(x, "add", {0}) == b.reduce(x, "add", {0}));
  CHECK(b.reduce(x, "add", {0}) != b.reduce(x, "add", {1}));
  CHECK(b.scalar(DType::f32, 0.0) != b.scalar(DType::f32, -0.0));
  CHECK(b.scalar(DType::f32, 1.0) == b.scalar(DType::f32, 1.0));
  CHECK(b.scalar(DType::f32, 1.0) != b.scalar(DType::f64, 1.0));
}

TEST_CASE_FIXTURE(Fixture, "a reused node keeps its first place") {
  b.set_location({"a.cpp", 1});
  const Value first = b.unary(Op::exp, x);
  b.set_location({"b.cpp", 2});
  CHECK(b.unary(Op::exp, x) == first);
  CHECK(b.node(first).where.str() == "a.cpp:1");
}

TEST_CASE_FIXTURE(Fixture, "attributes may come in any order") {
  const Value a = b.add_node(Op::reduce, {x}, {{"axes", Ints{0}}, {"kind", std::string("add")}});
  CHECK(a == b.reduce(x, "add", {0}));
}

TEST_CASE_FIXTURE(Fixture, "views that change nothing are no nodes") {
  CHECK(b.convert(x, DType::f32) == x);
  CHECK(b.reshape(x, {2, 4}) == x);
  CHECK(b.broadcast_to(x, {2, 4}) == x);
  CHECK(b.transpose(x, {0, 1}) == x);
  CHECK(b.slice(x, {0, 0}, {2, 4}, {1, 1}) == x);
  CHECK(b.add_node(Op::reverse, {x}, {{"axes", Ints{}}}) == x);
  CHECK(b.add_node(Op::reverse, {column}, {{"axes", Ints{1}}}) == column);
  CHECK(b.size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "views of views are one view") {
  const Value reshaped = b.reshape(b.reshape(x, {8}), {4, 2});
  CHECK(b.node(reshaped).operands[0] == x);
  CHECK(b.reshape(reshaped, {2, 4}) == x);
  CHECK(b.transpose(b.transpose(x, {1, 0}), {1, 0}) == x);
}

TEST_CASE_FIXTURE(Fixture, "small constants compute at once") {
  const Value six = b.binary(Op::mul, b.scalar(DType::f32, 2), b.scalar(DType::f32, 3));
  CHECK(constant_at(six, 0) == 6);
  const Value list = b.constant(Literal::from<std::int64_t>({3}, {3, 1, 2}));
  CHECK(constant_at(b.reduce(list, "max", {0}), 0) == 3);
  CHECK(constant_at(b.slice(list, {2}, {3}, {1}), 0) == 2);
}

TEST_CASE_FIXTURE(Fixture, "large, opaque and uncomputable constants stay nodes") {
  const Value large = b.constant(Literal::zeros({DType::f32, {65}}));
  CHECK(b.node(b.unary(Op::neg, large)).op == Op::neg);
  const Value two = b.scalar(DType::f32, 2);
  CHECK(b.node(b.unary(Op::optimization_barrier, two)).op == Op::optimization_barrier);
  const Value half = b.scalar(DType::f16, 2);
  CHECK(b.node(b.unary(Op::neg, half)).op == Op::neg);
  const Value key = b.constant(Literal::from<std::uint64_t>({2}, {1, 2}));
  const Value bits =
      b.add_node(Op::random_bits, {key}, {{"dtype", DType::u32}, {"shape", Ints{4}}});
  CHECK(b.node(bits).op == Op::random_bits);
}

TEST_CASE_FIXTURE(Fixture, "a splat is the broadcast of a scalar, whatever its size") {
  CHECK(b.node(b.full({DType::f32, {2}}, 1)).op == Op::broadcast_in_dim);
  CHECK(b.node(b.full({DType::f32, {}}, 1)).op == Op::constant);
}

TEST_CASE_FIXTURE(Fixture, "elementwise operations broadcast as NumPy does") {
  CHECK(b.type(b.binary(Op::add, x, row)) == matrix);
  CHECK(b.type(b.binary(Op::add, row, column)) == matrix);
  CHECK(b.type(b.select(b.compare("lt", x, row), column, row)) == matrix);
  const Value empty = b.constant(Literal::zeros({DType::f32, {0, 1}}));
  CHECK(b.type(b.binary(Op::add, empty, row)) == Type{DType::f32, {0, 4}});
}

TEST_CASE_FIXTURE(Fixture, "an error names both shapes and the place") {
  const Value three = b.constant(Literal::zeros({DType::f32, {3}}));
  CHECK(message([&] { b.binary(Op::add, x, three); }) ==
        "add: operand 1 is f32[3], which does not broadcast with f32[2,4], at model.cpp:41");
  const Value wide = b.constant(Literal::zeros({DType::f64, {4}}));
  CHECK(message([&] { b.binary(Op::add, x, wide); }) ==
        "add E2: operand 1's dtype differs from operand 0's, expected f32, got f64, at "
        "model.cpp:41");
  CHECK(message([&] { b.broadcast_to(x, {4}); }) ==
        "broadcast_in_dim: operand 0 is f32[2,4], which does not broadcast to [4], at "
        "model.cpp:41");
  CHECK(message([&] {
          b.broadcast_to(row, {2, 5});
        }) ==
        "broadcast_in_dim B3: size of operand 0's axis 0, expected 1 or 5, got 4, at "
        "model.cpp:41");
}

TEST_CASE("parameters get names of their own") {
  Builder b("f");
  b.parameter(matrix, "x");
  b.parameter(matrix, "x");
  b.parameter(matrix, "x");
  b.parameter(matrix, "");
  const Graph graph = b.finish({});
  CHECK(graph.param_name(1) == "x_1");
  CHECK(graph.param_name(2) == "x_2");
  CHECK(graph.param_name(3) == "arg");
}

TEST_CASE("parameters come first and have legal types") {
  Builder b("f");
  CHECK_THROWS_AS(b.parameter({DType::f32, {-1}}, "x"), Error);
  b.scalar(DType::f32, 1);
  CHECK_THROWS_AS(b.parameter(matrix, "y"), InternalError);
}

TEST_CASE("add_verbatim neither folds nor reuses") {
  Builder b("f");
  const Value x = b.parameter(matrix, "x");
  const Node node{Op::add, {x, x}, {}, {}, {}, {}};
  CHECK(b.add_verbatim(node) != b.add_verbatim(node));
  const Node same{Op::reshape, {x}, {{"shape", Ints{2, 4}}}, {}, {}, {}};
  CHECK(b.add_verbatim(same) != x);
}

TEST_CASE("copy_node and inline_graph keep places and results") {
  Builder inner("inner");
  const Value a = inner.parameter(matrix, "a");
  inner.set_location({"a.cpp", 7});
  const Value dead = inner.unary(Op::exp, a);
  const Value sum = inner.binary(Op::add, a, a);
  CHECK(dead.valid());
  const Graph body = inner.finish({sum, a});

  Builder outer("outer");
  const Value x = outer.parameter(matrix, "x");
  outer.set_location({"b.cpp", 8});
  const std::vector<Value> results = inline_graph(outer, body, std::array{x});
  REQUIRE(results.size() == 2);
  CHECK(outer.node(results[0]).op == Op::add);
  CHECK(outer.node(results[0]).where.str() == "a.cpp:7");
  CHECK(outer.location().str() == "b.cpp:8");
  CHECK(results[1] == x);
  CHECK(outer.size() == 2);
  CHECK_THROWS_AS(inline_graph(outer, body, {}), InternalError);
}

TEST_CASE("copying keeps the results of one node together") {
  const Graph graph = parse(R"(
func @f(%x: f32[2]) -> f32[2] {
  %0:2 = fused %x func @g(%y: f32[2]) -> (f32[2], f32[2]) { return %y, %y } : (f32[2], f32[2])
  %1 = add %0#0, %0#1 : f32[2]
  return %1
})");
  Builder b("f");
  std::vector<Value> map;
  for (std::uint32_t id = 0; id < graph.size(); ++id) copy_node(b, graph, id, map);
  CHECK(print(b.finish({map[2]})) == print(graph));
}

}  // namespace
}  // namespace weft::ir
