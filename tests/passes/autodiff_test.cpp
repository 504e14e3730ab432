// Derivatives of whole functions: against central differences, of higher order, at ties and zeros.
#include "passes/autodiff.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "ir/builder.h"
#include "passes/pipeline.h"
#include "tests/passes/helpers.h"
#include "tests/passes/models.h"

namespace weft::test {
namespace {

using namespace ir;

constexpr std::array<std::size_t, 1> first{0};

Literal row(std::vector<double> values) {
  const Dim n = static_cast<std::int64_t>(values.size());
  return Literal::from<double>({n}, values);
}

std::vector<double> values_of(const Literal& literal) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < literal.type().elements(); ++i) values.push_back(literal.at(i));
  return values;
}

/// The gradient of sum(f(x)) at x.
std::vector<double> gradient_at(Value (*f)(Builder&, Value), std::vector<double> at) {
  Builder b("f");
  const Value x = b.parameter({f64_, {Dim(std::ssize(at))}}, "x");
  const Graph graph = b.finish({sum(b, f(b, x))});
  return values_of(interpret(passes::grad(graph, first), std::array{row(at)})[0]);
}

/// x -> sin(x^3 + 2x + 1)
Graph sine_of_cubic() {
  return unary_function({}, [](Builder& b, Value x) {
    const Value cube = b.binary(Op::mul, square(b, x), x);
    const Value line =
        b.binary(Op::add, b.binary(Op::mul, x, b.scalar(f64_, 2)), b.scalar(f64_, 1));
    return b.unary(Op::sin, b.binary(Op::add, cube, line));
  });
}

Value product(Builder& b, Value x) { return b.reduce(x, "mul", {0}); }
Value greatest(Builder& b, Value x) { return b.reduce(x, "max", {0}); }
Value least(Builder& b, Value x) { return b.reduce(x, "min", {0}); }

}  // namespace

TEST_CASE("derivatives of an MLP with cross entropy fit central differences") {
  CHECK(check_derivatives(mlp_loss()) == "");
}

TEST_CASE("derivatives of softmax, layer_norm and attention fit central differences") {
  CHECK(check_derivatives(unary_function({3, 5}, softmax)) == "");
  CHECK(check_derivatives(unary_function({3, 5}, layer_norm)) == "");
  CHECK(check_derivatives(attention()) == "");
}

TEST_CASE("derivatives of derivatives fit central differences") {
  const std::vector<std::size_t> wrt = float_parameters(mlp_loss());
  CHECK(check_derivatives(passes::grad(mlp_loss(), wrt)) == "");
  CHECK(check_derivatives(passes::jvp(mlp_loss(), wrt)) == "");
  CHECK(check_derivatives(passes::vjp(attention(), std::array<std::size_t, 2>{0, 2}).graph) == "");
  CHECK(check_derivatives(passes::vjp(unary_function({3, 5}, layer_norm), first).graph) == "");
}

TEST_CASE("sin(x**3 + 2x + 1) has the right first, second and third derivative") {
  const double x = 0.3, p = x * x * x + 2 * x + 1, d1 = 3 * x * x + 2, d2 = 6 * x, d3 = 6;
  const double expected[] = {
      std::cos(p) * d1, -std::sin(p) * d1 * d1 + std::cos(p) * d2,
      -std::cos(p) * d1 * d1 * d1 - 3 * std::sin(p) * d1 * d2 + std::cos(p) * d3};
  Graph graph = sine_of_cubic();
  for (const double value : expected) {
    graph = passes::grad(graph, first);
    const Literal at = Literal::scalar(f64_, x);
    CHECK(interpret(graph, std::array{at})[0].at(0) == doctest::Approx(value).epsilon(1e-12));
  }
}

TEST_CASE("forward over reverse and reverse over reverse give one symmetric Hessian") {
  const Graph gradient = passes::grad(
      unary_function({6},
                     [](Builder& b, Value x) {
                       return b.unary(Op::log,
                                      b.binary(Op::add, sum(b, square(b, b.unary(Op::exp, x))),
                                               b.reduce(b.unary(Op::sin, x), "mul", {0})));
                     }),
      first);
  const Graph forward = passes::jvp(gradient, first);
  const Graph reverse = passes::vjp(gradient, first).graph;
  const Type type{f64_, {6}};
  const Literal x = random_literal(type, 1), u = random_literal(type, 2),
                v = random_literal(type, 3);
  const std::vector<double> hu = values_of(interpret(forward, std::array{x, u})[1]);
  const std::vector<double> hv = values_of(interpret(forward, std::array{x, v})[1]);
  const std::vector<double> vh = values_of(interpret(reverse, std::array{x, v})[1]);
  double uhv = 0, vhu = 0;
  for (std::size_t k = 0; k < 6; ++k) {
    uhv += u.at(static_cast<std::int64_t>(k)) * hv[k];
    vhu += v.at(static_cast<std::int64_t>(k)) * hu[k];
    CHECK(hv[k] == doctest::Approx(vh[k]).epsilon(1e-12));
  }
  CHECK(uhv == doctest::Approx(vhu).epsilon(1e-12));
}

TEST_CASE("the gradient of a product is exact at zeros, also the second one") {
  CHECK(gradient_at(product, {2, 3, 5}) == std::vector<double>{15, 10, 6});
  CHECK(gradient_at(product, {2, 0, 5}) == std::vector<double>{0, 10, 0});
  CHECK(gradient_at(product, {0, 3, 0}) == std::vector<double>{0, 0, 0});
  CHECK(gradient_at(product, {4}) == std::vector<double>{1});

  const Graph gradient = passes::grad(unary_function({3}, product), first);
  const Graph hessian = passes::jvp(gradient, first);
  const auto column = interpret(hessian, std::array{row({0, 3, 0}), row({1, 0, 0})});
  CHECK(values_of(column[1]) == std::vector<double>{0, 0, 3});
}

TEST_CASE("elements that tie for the extreme share its gradient equally") {
  CHECK(gradient_at(greatest, {1, 3, 3, 2}) == std::vector<double>{0, 0.5, 0.5, 0});
  CHECK(gradient_at(least, {1, 1, 1, 1}) == std::vector<double>(4, 0.25));
  const auto maximum = [](Builder& b, Value x) {
    return b.binary(Op::max, x, b.full(b.type(x), 1));
  };
  CHECK(gradient_at(maximum, {0, 1, 2}) == std::vector<double>{0, 0.5, 1});
}

TEST_CASE("results that are no floats have no tangent, and unused parameters zero gradients") {
  Builder b("f");
  const Value x = b.parameter({f64_, {3}}, "x"), y = b.parameter({f64_, {2}}, "y");
  const Value position = b.add_node(Op::argmax, {x}, {{"axis", std::int64_t{0}}});
  const Graph f = b.finish({b.binary(Op::mul, x, x), position, x});
  const std::array<std::size_t, 2> both{0, 1};

  const Graph forward = passes::jvp(f, both);
  verify(forward);
  CHECK(forward.type(forward.results()[4]) == Type{DType::i64, {}});
  const Graph reverse = passes::vjp(f, both).graph;
  verify(reverse);
  CHECK(reverse.param_count() == 4);  // one cotangent for each float result
  const auto out =
      interpret(reverse, std::array{row({1, 2, 4}), row({7, 7}), row({1, 1, 1}), row({5, 0, 0})});
  CHECK(out[1].int_at(0) == 2);
  CHECK(values_of(out[3]) == std::vector<double>{7, 4, 8});
  CHECK(values_of(out[4]) == std::vector<double>{0, 0});
  static_cast<void>(y);
}

TEST_CASE("a parameter named twice gets its gradient twice") {
  const std::array<std::size_t, 2> twice{0, 0};
  const auto out =
      interpret(passes::grad(sine_of_cubic(), twice), std::array{Literal::scalar(f64_, 1)});
  CHECK(out[0] == out[1]);
}

TEST_CASE("grad gives the value too where it is wanted, with the bits of the function") {
  const Graph f = mlp_loss();
  const auto inputs = random_inputs(f, 5);
  const auto with_value = interpret(passes::grad(f, float_parameters(f), true), inputs);
  CHECK(with_value.size() == 6);
  CHECK(with_value[0] == interpret(f, inputs)[0]);
}

TEST_CASE("Vjp::primal says where the function's nodes stand") {
  const Graph f = mlp_loss();
  const passes::Vjp out = passes::vjp(f, float_parameters(f));
  REQUIRE(out.primal.size() == f.size());
  const std::vector<bool> live = f.live();
  for (std::uint32_t id = 0; id < f.size(); ++id) {
    CHECK(out.primal[id].valid() == (live[id] || f.node(id).op == Op::parameter));
    if (!out.primal[id].valid()) continue;
    CHECK(out.graph.node(out.primal[id]).op == f.node(id).op);
    CHECK(out.graph.type(out.primal[id]) == f.node(id).types[0]);
  }
}

TEST_CASE("a fused graph differentiates as the graph that it was") {
  const Graph f = mlp_loss();
  const std::vector<std::size_t> wrt = float_parameters(f);
  const Graph fused = passes::run_passes(f, passes::default_pipeline(true));
  const Graph plain = passes::run_passes(f, passes::default_pipeline(false));
  const auto inputs = random_inputs(f, 5);
  CHECK(interpret(passes::grad(fused, wrt), inputs) == interpret(passes::grad(plain, wrt), inputs));
}

TEST_CASE("errors of derivatives name what was expected and what came") {
  const Graph f = mlp_loss();
  CHECK_THROWS_WITH_AS(passes::grad(attention(), first),
                       doctest::Contains("expected the result of @attention to be a scalar float, "
                                         "got f64[2,4,3,5]"),
                       Error);
  CHECK_THROWS_WITH_AS(passes::grad(f, std::array<std::size_t, 1>{5}),
                       doctest::Contains("parameter %labels has no derivative, expected a float "
                                         "dtype, got i64[5]"),
                       Error);
  CHECK_THROWS_WITH_AS(passes::jvp(f, std::array<std::size_t, 1>{9}),
                       doctest::Contains("jvp: expected a parameter of @mlp, which has 6, got "
                                         "number 9"),
                       Error);
  const Graph many = passes::jvp(f, first);
  CHECK_THROWS_WITH_AS(passes::grad(many, first), doctest::Contains("got 2 results"), Error);
}

}  // namespace weft::test
