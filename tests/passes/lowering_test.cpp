// expand, canonicalize_dots and split_reductions: what they promise about the graph, and the bits.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "ir/builder.h"
#include "ir/reduce_order.h"
#include "passes/autodiff.h"
#include "passes/pipeline.h"
#include "tests/passes/helpers.h"
#include "tests/passes/models.h"

namespace weft::test {
namespace {

using namespace ir;

class Sizes {
 public:
  explicit Sizes(std::uint64_t seed) : random_(seed) {}
  std::int64_t upto(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  /// Of few elements altogether, with axes around the limits of chunks and of merging.
  Shape shape() {
    const std::int64_t sizes[] = {1, 1, 2, 3, 5, 31, 64, 65, 255, 256, 257, 300, 700, 0};
    Shape shape;
    for (std::int64_t rank = upto(5); rank > 0; --rank) {
      shape.push_back(sizes[upto(upto(10) == 0 ? 14 : 13)]);
      if (elements(shape) > 200000) shape.back() = 1;
    }
    return shape;
  }
  Ints some_axes(std::size_t rank) {
    Ints axes;
    for (std::size_t axis = 0; axis < rank; ++axis)
      if (upto(3) > 0) axes.push_back(static_cast<std::int64_t>(axis));
    return axes;
  }

 private:
  std::mt19937_64 random_;
};

std::string same_bits(const Graph& a, const Graph& b) {
  const auto inputs = random_inputs(a, 7);
  return interpret(a, inputs) == interpret(b, inputs) ? "" : print(a) + "\n" + print(b);
}

/// Every reduce has one axis, no longer than a chunk.
bool all_reductions_are_stages(const Graph& graph) {
  return std::all_of(graph.nodes().begin(), graph.nodes().end(), [&](const Node& node) {
    if (node.op != Op::reduce) return true;
    const Shape& shape = graph.type(node.operands[0]).shape;
    const Ints& axes = node.attrs.ints("axes");
    if (axes.size() != 1) return false;
    const bool along = elements({shape.begin() + axes[0] + 1, shape.end()}) == 1;
    return shape[axes[0]] <= (along ? along_chunk : across_chunk);
  });
}

bool all_dots_are_canonical(const Graph& graph) {
  return std::all_of(graph.nodes().begin(), graph.nodes().end(), [&](const Node& node) {
    return node.op != Op::dot_general ||
           (node.types[0].rank() == 3 && node.attrs.int_lists("contract") == IntLists{{2}, {1}} &&
            node.attrs.int_lists("batch") == IntLists{{0}, {0}});
  });
}

Graph reduction(const Type& type, const std::string& kind, const Ints& axes) {
  Builder b("reduction");
  return b.finish({b.reduce(b.parameter(type, "x"), kind, axes)});
}

}  // namespace

TEST_CASE("split_reductions leaves one axis of at most a chunk to each reduce, and every bit") {
  const char* kinds[] = {"add", "mul", "max", "min"};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Sizes sizes(seed);
    const Shape shape = sizes.shape();
    const DType dtype = seed % 3 == 0 ? DType::i32 : DType::f32;
    const Graph graph =
        reduction({dtype, shape}, kinds[sizes.upto(4)], sizes.some_axes(shape.size()));
    const Graph split = passes::split_reductions(graph);
    REQUIRE_NOTHROW(verify(split));
    REQUIRE(all_reductions_are_stages(split));
    REQUIRE(same_bits(graph, split) == "");
    const Graph simple = passes::simplify(split);
    REQUIRE(all_reductions_are_stages(simple));
    REQUIRE(same_bits(graph, simple) == "");
  }
}

TEST_CASE("split_reductions cuts long rows into chunks") {
  for (const std::int64_t n : {65535, 65536, 65537, 200000}) {
    CAPTURE(n);
    const Graph graph = reduction({DType::f32, {2, n}}, "add", {0, 1});
    const Graph split = passes::split_reductions(graph);
    CHECK(all_reductions_are_stages(split));
    CHECK(same_bits(graph, split) == "");
  }
}

TEST_CASE("split_concatenations leaves few operands to each concatenate, and every bit") {
  for (int parts : {2, 16, 17, 256, 257, 1000}) {
    CAPTURE(parts);
    Builder b("many");
    const Value x = b.parameter({DType::f32, {2, 3}}, "x");
    std::vector<Value> pieces;
    for (int k = 0; k < parts; ++k)
      pieces.push_back(k % 3 == 0 ? x : b.binary(Op::mul, x, b.full(b.type(x), k)));
    const Graph graph =
        b.finish({b.add_node(Op::concatenate, pieces, {{"axis", std::int64_t{1}}})});
    const Graph split = passes::split_concatenations(graph);
    verify(split);
    for (const Node& node : split.nodes()) CHECK(node.operands.size() <= 16);
    if (parts <= 16) CHECK(print(split) == print(graph));
    CHECK(same_bits(graph, split) == "");
  }
}

TEST_CASE("split_reductions leaves a reduction of one short axis as it stands") {
  const Graph row = reduction({DType::f32, {4, 1024}}, "add", {1});
  const Graph column = reduction({DType::f32, {2, 200, 30}}, "max", {1});
  CHECK(print(passes::split_reductions(row)) == print(row));
  CHECK(print(passes::split_reductions(column)) == print(column));
}

TEST_CASE("expand writes argmax and argmin by reductions that give the same positions") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Sizes sizes(seed);
    Shape shape{1 + sizes.upto(5), 1 + sizes.upto(5), 1 + sizes.upto(40)};
    const DType dtypes[] = {DType::f32, DType::f64, DType::i32, DType::u64};
    Builder b("f");
    const Value x = b.parameter({dtypes[sizes.upto(4)], shape}, "x");
    const Attributes axis{{"axis", sizes.upto(3)}};
    const Graph graph =
        b.finish({b.add_node(Op::argmax, {x}, axis), b.add_node(Op::argmin, {x}, axis)});
    const Graph expanded = passes::expand(graph);
    REQUIRE_NOTHROW(verify(expanded));
    CHECK(print(expanded).find("argm") == std::string::npos);
    REQUIRE(difference(graph, expanded) == "");  // with NaN and ties among the inputs
  }
}

TEST_CASE("canonicalize_dots brings every product into one form with the same bits") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Sizes sizes(seed);
    // Axes in random roles and order: batch, contracted, free.
    IntLists contract{{}, {}}, batch{{}, {}};
    Shape shapes[2];
    for (std::int64_t count = 1 + sizes.upto(5); count > 0; --count) {
      const std::int64_t role = sizes.upto(4), size = sizes.upto(12) == 0 ? 300 : 1 + sizes.upto(4);
      for (std::size_t side = 0; side < 2; ++side) {
        if (role >= 2 && static_cast<std::size_t>(role - 2) != side) continue;
        const std::int64_t at = sizes.upto(std::ssize(shapes[side]) + 1);
        for (Ints* list : {&contract[side], &batch[side]})
          for (std::int64_t& axis : *list) axis += axis >= at;
        shapes[side].insert(shapes[side].begin() + at, size);
        if (role < 2) (role == 0 ? contract : batch)[side].push_back(at);
      }
    }
    Builder b("product");
    const Value x = b.parameter({DType::f32, shapes[0]}, "x");
    const Value y = b.parameter({DType::f32, shapes[1]}, "y");
    const Graph graph = b.finish({b.dot_general(x, y, contract, batch)});
    if (graph.type(graph.results()[0]).elements() > 200000) continue;
    const Graph canonical = passes::canonicalize_dots(graph);
    REQUIRE_NOTHROW(verify(canonical));
    REQUIRE(all_dots_are_canonical(canonical));
    REQUIRE(same_bits(graph, canonical) == "");
    const Graph simple = passes::simplify(canonical);
    REQUIRE(all_dots_are_canonical(simple));
    REQUIRE(same_bits(graph, simple) == "");
  }
}

TEST_CASE("the pipeline lowers gradients of models with every bit") {
  const Graph models[] = {passes::run_passes(mlp_loss(), {}), attention()};
  for (const Graph& model : models) {
    const Graph reverse = passes::vjp(model, float_parameters(model)).graph;
    const Graph lowered = passes::run_passes(reverse, passes::default_pipeline(false));
    CHECK(all_dots_are_canonical(lowered));
    CHECK(all_reductions_are_stages(lowered));
    CHECK(difference(reverse, lowered) == "");
  }
}

}  // namespace weft::test
