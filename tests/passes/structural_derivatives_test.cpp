// Derivatives of the operations that are no scalar formula: jvp against central differences, vjp by
// the transposition identity, on the shapes and attributes that need care.
#include <doctest/doctest.h>

#include "ir/builder.h"
#include "passes/autodiff.h"
#include "tests/passes/helpers.h"
#include "tests/passes/models.h"

namespace weft::test {
namespace {

using namespace ir;

/// One node on float parameters of the given shapes; the result is squared, so that second
/// derivatives are not zero. Checks first and second order.
std::string check_node(Op op, const std::vector<Type>& types, Attributes attrs) {
  Builder b("f");
  std::vector<Value> operands;
  for (const Type& type : types) operands.push_back(b.parameter(type, "x"));
  const Value y = b.add_node(op, operands, std::move(attrs));
  const Graph f = b.finish({square(b, y)});
  if (const std::string wrong = check_derivatives(f); !wrong.empty()) return wrong;
  const Graph reverse = passes::vjp(f, float_parameters(f)).graph;
  if (const std::string wrong = check_derivatives(reverse, 2); !wrong.empty())
    return "second order: " + wrong;
  return "";
}

Type floats(Shape shape) { return {f64_, std::move(shape)}; }
Type indices(Shape shape) { return {DType::i64, std::move(shape)}; }

}  // namespace

TEST_CASE("derivatives of views") {
  CHECK(check_node(Op::broadcast_in_dim, {floats({3, 1})},
                   {{"shape", Ints{2, 3, 4}}, {"dims", Ints{1, 2}}}) == "");
  CHECK(check_node(Op::broadcast_in_dim, {floats({})}, {{"shape", Ints{2, 3}}, {"dims", Ints{}}}) ==
        "");
  CHECK(check_node(Op::reshape, {floats({2, 6})}, {{"shape", Ints{3, 4}}}) == "");
  CHECK(check_node(Op::transpose, {floats({2, 3, 4})}, {{"permutation", Ints{2, 0, 1}}}) == "");
  CHECK(check_node(Op::reverse, {floats({2, 3})}, {{"axes", Ints{1}}}) == "");
  CHECK(check_node(Op::slice, {floats({7, 3})},
                   {{"start", Ints{1, 0}}, {"limit", Ints{7, 2}}, {"stride", Ints{3, 1}}}) == "");
  CHECK(check_node(Op::slice, {floats({7})},
                   {{"start", Ints{2}}, {"limit", Ints{2}}, {"stride", Ints{1}}}) == "");
}

TEST_CASE("derivatives of pad: cropping, interior, and its value") {
  const auto pad = [](Ints low, Ints high, Ints interior) {
    return Attributes{{"low", low}, {"high", high}, {"interior", interior}};
  };
  CHECK(check_node(Op::pad, {floats({3, 4}), floats({})}, pad({1, 0}, {2, 3}, {0, 0})) == "");
  CHECK(check_node(Op::pad, {floats({3, 4}), floats({})}, pad({1, -2}, {-1, 3}, {2, 1})) == "");
  CHECK(check_node(Op::pad, {floats({5}), floats({})}, pad({-1}, {-3}, {0})) == "");
  CHECK(check_node(Op::pad, {floats({0}), floats({})}, pad({2}, {1}, {3})) == "");
  CHECK(check_node(Op::pad, {floats({3}), floats({})}, pad({-2}, {-4}, {2})) == "");
}

TEST_CASE("derivatives of concatenate, select and convert") {
  CHECK(check_node(Op::concatenate, {floats({2, 3}), floats({2, 0}), floats({2, 2})},
                   {{"axis", std::int64_t{1}}}) == "");
  CHECK(check_node(Op::select, {{DType::boolean, {4}}, floats({4}), floats({4})}, {}) == "");
  CHECK(check_node(Op::optimization_barrier, {floats({4})}, {}) == "");
}

TEST_CASE("derivatives of reduce of every kind") {
  for (const char* kind : {"add", "mul", "max", "min"})
    for (const Ints& axes : {Ints{0}, Ints{1}, Ints{0, 2}, Ints{0, 1, 2}, Ints{}}) {
      CAPTURE(kind);
      CAPTURE(axes.size());
      CHECK(check_node(Op::reduce, {floats({2, 3, 5})},
                       {{"kind", std::string(kind)}, {"axes", axes}}) == "");
    }
  CHECK(check_node(Op::reduce, {floats({2, 0})},
                   {{"kind", std::string("mul")}, {"axes", Ints{1}}}) == "");
}

TEST_CASE("derivatives of dot_general with axes in any order") {
  const auto dot = [](IntLists contract, IntLists batch) {
    return Attributes{{"contract", contract}, {"batch", batch}};
  };
  CHECK(check_node(Op::dot_general, {floats({2, 3}), floats({3, 4})}, dot({{1}, {0}}, {{}, {}})) ==
        "");
  CHECK(check_node(Op::dot_general, {floats({3, 2}), floats({4, 3})}, dot({{0}, {1}}, {{}, {}})) ==
        "");
  CHECK(check_node(Op::dot_general, {floats({2}), floats({3})}, dot({{}, {}}, {{}, {}})) == "");
  CHECK(check_node(Op::dot_general, {floats({3}), floats({3})}, dot({{0}, {0}}, {{}, {}})) == "");
  CHECK(check_node(Op::dot_general, {floats({3, 2, 4, 5}), floats({4, 3, 6, 2})},
                   dot({{2, 0}, {0, 1}}, {{1}, {3}})) == "");
  CHECK(check_node(Op::dot_general, {floats({2, 3, 4}), floats({4, 2, 5})},
                   dot({{}, {}}, {{2, 0}, {0, 1}})) == "");
  CHECK(check_node(Op::dot_general, {floats({2, 0}), floats({0, 3})}, dot({{1}, {0}}, {{}, {}})) ==
        "");
}

TEST_CASE("derivatives of gather and scatter with repeated and clamped indices") {
  for (const std::int64_t axis : {0, 1}) {
    CAPTURE(axis);
    CHECK(check_node(Op::gather, {floats({4, 5}), indices({2, 3})}, {{"axis", axis}}) == "");
    for (const char* kind : {"add", "set"}) {
      CAPTURE(kind);
      const Type updates = axis == 0 ? floats({6, 5}) : floats({4, 6});
      CHECK(check_node(Op::scatter, {floats({4, 5}), indices({6}), updates},
                       {{"axis", axis}, {"kind", std::string(kind)}}) == "");
    }
  }
  CHECK(check_node(Op::gather, {floats({4}), indices({})}, {{"axis", std::int64_t{0}}}) == "");
  CHECK(check_node(Op::scatter, {floats({4, 2}), indices({}), floats({2})},
                   {{"axis", std::int64_t{0}}, {"kind", std::string("set")}}) == "");
}

TEST_CASE("conversions between float dtypes carry tangents, others do not") {
  Builder b("f");
  const Value x = b.parameter({DType::f32, {3}}, "x");
  const Value wide = b.convert(x, f64_);
  const Value whole = b.convert(b.convert(wide, DType::i32), f64_);
  const Graph f = b.finish({sum(b, b.binary(Op::mul, square(b, wide), whole))});
  const std::array<std::size_t, 1> first{0};
  const Graph gradient = passes::grad(f, first);
  const auto out = interpret(gradient, std::array{Literal::from<float>({3}, {1.5f, -2.5f, 0.5f})});
  CHECK(out[0] == Literal::from<float>({3}, {3, 10, 0}));
}

}  // namespace weft::test
