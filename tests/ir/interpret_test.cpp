// The reference interpreter: the order of float arithmetic, edges of shapes, and its errors. That
// every operation is right is tested against references in tests/ops/reference_test.cpp.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <weft/error.h>
#include "ir/builder.h"
#include "ir/reduce_order.h"

using namespace weft;
using namespace weft::ir;

namespace {

/// The one result of a graph of text.
Literal run(std::string_view text, const std::vector<Literal>& inputs) {
  return interpret(parse(text), inputs)[0];
}

/// Values of many magnitudes, so that another order of sums gives another result.
std::vector<float> uneven(std::size_t n) {
  std::vector<float> values(n);
  for (std::size_t k = 0; k < n; ++k)
    values[k] = std::ldexp(1.0f + 0.37f * static_cast<float>(k % 13), static_cast<int>(k * 7 % 23));
  return values;
}

float pairwise(std::vector<float> lanes) {
  while (lanes.size() > 1) {
    const std::size_t half = lanes.size() / 2;
    for (std::size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
    lanes.resize(half);
  }
  return lanes[0];
}

}  // namespace

TEST_CASE("interpret sums along the last axis in 32 lanes, combined in halves") {
  const std::vector<float> x = uneven(1000);
  std::vector<float> lanes(32, 0.0f);
  for (std::size_t k = 0; k < x.size(); ++k) lanes[k % 32] += x[k];
  const Literal sum =
      run("func @f(%x: f32[1000]) -> f32[] {\n"
          "  %0 = reduce %x {kind = \"add\", axes = [0]} : f32[]\n"
          "  return %0\n"
          "}\n",
          {Literal::from<float>({1000}, x)});
  CHECK(sum == Literal::from<float>({}, {pairwise(lanes)}));
}

TEST_CASE("interpret sums over an outer axis row by row, within chunks of 256 rows") {
  const std::vector<float> x = uneven(600 * 2);
  std::vector<float> expected;
  for (std::size_t column = 0; column < 2; ++column) {
    float total = 0;
    for (std::size_t chunk = 0; chunk < 600; chunk += 256) {
      float partial = 0;
      for (std::size_t row = chunk; row < std::min<std::size_t>(chunk + 256, 600); ++row)
        partial += x[row * 2 + column];
      total += partial;
    }
    expected.push_back(total);
  }
  const Literal sum =
      run("func @f(%x: f32[600,2]) -> f32[2] {\n"
          "  %0 = reduce %x {kind = \"add\", axes = [0]} : f32[2]\n"
          "  return %0\n"
          "}\n",
          {Literal::from<float>({600, 2}, x)});
  CHECK(sum == Literal::from<float>({2}, expected));
}

TEST_CASE("interpret multiplies with fma in blocks of 256, whose sums it adds in order") {
  const std::vector<float> a = uneven(600), b = uneven(601);
  float total = 0;
  for (std::size_t block = 0; block < 600; block += dot_block) {
    float partial = 0;
    for (std::size_t k = block; k < std::min<std::size_t>(block + dot_block, 600); ++k)
      partial = std::fma(a[k], b[k + 1], partial);
    total = block == 0 ? partial : total + partial;
  }
  const Literal product =
      run("func @f(%a: f32[600], %b: f32[600]) -> f32[] {\n"
          "  %0 = dot_general %a, %b {contract = [[0],[0]], batch = [[],[]]} : f32[]\n"
          "  return %0\n"
          "}\n",
          {Literal::from<float>({600}, a),
           Literal::from<float>({600}, std::vector<float>(b.begin() + 1, b.end()))});
  CHECK(product == Literal::from<float>({}, {total}));
}

TEST_CASE("interpret gives the identity for an empty reduction and zero for an empty product") {
  const auto reduced = [](std::string_view kind) {
    return run("func @f(%x: f32[0]) -> f32[] {\n  %0 = reduce %x {kind = \"" + std::string(kind) +
                   "\", axes = [0]} : f32[]\n  return %0\n}\n",
               {Literal::zeros({DType::f32, {0}})})
        .at(0);
  };
  CHECK(reduced("add") == 0);
  CHECK(reduced("mul") == 1);
  CHECK(reduced("max") == -std::numeric_limits<double>::infinity());
  CHECK(reduced("min") == std::numeric_limits<double>::infinity());
  const Literal product =
      run("func @f(%a: i32[2,0], %b: i32[0,1]) -> i32[2,1] {\n"
          "  %0 = dot_general %a, %b {contract = [[1],[0]], batch = [[],[]]} : i32[2,1]\n"
          "  return %0\n"
          "}\n",
          {Literal::zeros({DType::i32, {2, 0}}), Literal::zeros({DType::i32, {0, 1}})});
  CHECK(product == Literal::zeros({DType::i32, {2, 1}}));
}

TEST_CASE("interpret scatters in the order of the indices, clamped into the axis") {
  const std::string_view text =
      "func @f(%x: f32[3], %i: i64[4], %u: f32[4]) -> f32[3] {\n"
      "  %0 = scatter %x, %i, %u {axis = 0, kind = \"set\"} : f32[3]\n"
      "  return %0\n"
      "}\n";
  const Literal result = run(
      text, {Literal::from<float>({3}, {1, 2, 3}), Literal::from<std::int64_t>({4}, {-5, 0, 99, 0}),
             Literal::from<float>({4}, {10, 20, 30, 40})});
  CHECK(result == Literal::from<float>({3}, {40, 2, 30}));
}

TEST_CASE("interpret runs the body of a group and returns all its results") {
  Builder body("body");
  const Value a = body.parameter({DType::f32, {2}}, "a");
  const Value sum = body.binary(Op::add, a, a);
  const auto group =
      std::make_shared<const Graph>(body.finish({body.binary(Op::mul, sum, a), sum}));
  Builder b("f");
  const Value x = b.parameter({DType::f32, {2}}, "x");
  const Value fused = b.add_node(Op::fused, std::array{x}, {}, {group});
  const Graph graph = b.finish({fused, {fused.node, 1}});
  const std::vector<Literal> input{Literal::from<float>({2}, {3, -1})};
  const std::vector<Literal> results = interpret(graph, input);
  CHECK(results[0] == Literal::from<float>({2}, {18, 2}));
  CHECK(results[1] == Literal::from<float>({2}, {6, -2}));
}

TEST_CASE("interpret takes attributes as large as their type without overflow") {
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  Builder b("f");
  const Value x = b.parameter({DType::i32, {3}}, "x");
  const Value zero = b.parameter({DType::i32, {}}, "zero");
  const Value strided = b.slice(x, {1}, {3}, {huge});
  const auto pad = [&](std::int64_t low, std::int64_t high, std::int64_t interior) {
    return b.add_node(Op::pad, {x, zero},
                      {{"low", Ints{low}}, {"high", Ints{high}}, {"interior", Ints{interior}}});
  };
  const Graph graph = b.finish({strided, pad(-huge, huge, 0), pad(huge - 3, -huge + 3, 0),
                                pad(-2, -(huge / 4) + 2, huge / 8)});
  const std::vector<Literal> inputs{Literal::from<std::int32_t>({3}, {7, 8, 9}),
                                    Literal::from<std::int32_t>({}, {0})};
  const std::vector<Literal> results = interpret(graph, inputs);
  CHECK(results[0] == Literal::from<std::int32_t>({1}, {8}));
  CHECK(results[1] == Literal::from<std::int32_t>({3}, {0, 0, 0}));
  CHECK(results[2] == Literal::from<std::int32_t>({3}, {0, 0, 0}));
  CHECK(results[3] == Literal::from<std::int32_t>({2}, {0, 0}));
}

TEST_CASE("interpret moves elements of dtypes that it does not compute in") {
  const Literal x({DType::i16, {2}}, {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}});
  const Literal reversed =
      run("func @f(%x: i16[2]) -> i16[2] {\n"
          "  %0 = reverse %x {axes = [0]} : i16[2]\n"
          "  return %0\n"
          "}\n",
          {x});
  CHECK(reversed ==
        Literal({DType::i16, {2}}, {std::byte{3}, std::byte{4}, std::byte{1}, std::byte{2}}));
  CHECK_THROWS_WITH_AS(run("func @f(%x: i16[2]) -> i16[2] {\n"
                           "  %0 = add %x, %x : i16[2]\n"
                           "  return %0\n"
                           "}\n",
                           {x}),
                       "add: no arithmetic on i16 yet, at <text>:2:3", Unsupported);
}

TEST_CASE("interpret names the input that is missing or of another type") {
  const std::string_view text =
      "func @f(%x: f32[2], %y: f32[2]) -> f32[2] {\n"
      "  %0 = add %x, %y : f32[2]\n"
      "  return %0\n"
      "}\n";
  const Literal x = Literal::zeros({DType::f32, {2}});
  CHECK_THROWS_WITH_AS(run(text, {x}), "interpret @f: expected 2 inputs, got 1", Error);
  CHECK_THROWS_WITH_AS(run(text, {x, Literal::zeros({DType::f64, {2}})}),
                       "interpret @f: input 1 (%y) expected f32[2], got f64[2], at <text>:1:21",
                       Error);
}
