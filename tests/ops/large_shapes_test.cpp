// Shapes beyond one block, tile, chunk or lane group of the interpreter and of kernels: the order
// of arithmetic must be the same there too, whatever the number of threads.
#include <doctest/doctest.h>

#include "tests/ops/samples.h"

using namespace weft;
using namespace weft::ir;
using namespace weft::test;

namespace {

Attributes reduce_attrs(const char* kind, Ints axes) {
  return {{"kind", std::string(kind)}, {"axes", std::move(axes)}};
}
Attributes dot_attrs(IntLists contract, IntLists batch = {{}, {}}) {
  return {{"contract", std::move(contract)}, {"batch", std::move(batch)}};
}

std::vector<Sample> large_samples() {
  std::vector<Sample> list;
  for (const DType t : {DType::f32, DType::f64}) {
    const auto add = [&](Op op, std::initializer_list<Shape> shapes, Attributes attrs) {
      Sample sample{op, {}, std::move(attrs), {}};
      for (const Shape& shape : shapes) sample.operands.push_back({t, shape});
      list.push_back(std::move(sample));
    };
    add(Op::reduce, {{2, 70000}}, reduce_attrs("add", {1}));     // a chunk along, and a rest
    add(Op::reduce, {{131072}}, reduce_attrs("add", {0}));       // exactly two chunks
    add(Op::reduce, {{70000, 3}}, reduce_attrs("add", {0}));     // three stages across
    add(Op::reduce, {{600, 130}}, reduce_attrs("mul", {0}));     // chunks across, more than a tile
    add(Op::reduce, {{300, 300}}, reduce_attrs("add", {0, 1}));  // stages of both ways
    add(Op::reduce, {{7, 90, 11}}, reduce_attrs("max", {0, 2}));
    add(Op::reduce, {{50, 2, 40}}, reduce_attrs("min", {1, 2}));
    const auto cumulative = [&](const char* kind, const Shape& shape, std::int64_t axis) {
      for (const bool reverse : {false, true})
        add(Op::cumulative, {shape},
            {{"kind", std::string(kind)}, {"axis", axis}, {"reverse", reverse}});
    };
    cumulative("add", {131072}, 0);     // exactly two chunks
    cumulative("add", {2, 140000}, 1);  // chunks and a rest
    cumulative("max", {70000, 3}, 0);   // chunks across
    cumulative("mul", {300, 4200}, 0);  // more than a tile of columns
    cumulative("add", {3, 500, 70}, 1);
    add(Op::dot_general, {{150, 600}, {600, 70}}, dot_attrs({{1}, {0}}));  // blocks of k, of rows
    add(Op::dot_general, {{290, 513}, {33, 513}}, dot_attrs({{1}, {1}}));
    add(Op::dot_general, {{257, 20}, {257, 31}}, dot_attrs({{0}, {0}}));
    add(Op::dot_general, {{3, 40, 50}, {3, 50, 60}}, dot_attrs({{2}, {1}}, {{0}, {0}}));
    add(Op::dot_general, {{1000}, {1000}}, dot_attrs({{0}, {0}}));
    add(Op::dot_general, {{400, 300}, {300}}, dot_attrs({{1}, {0}}));
    add(Op::add, {{100003}, {100003}}, {});
    add(Op::fma, {{301, 333}, {301, 333}, {301, 333}}, {});
    add(Op::transpose, {{257, 513}}, {{"permutation", Ints{1, 0}}});
    add(Op::transpose, {{33, 65, 17}}, {{"permutation", Ints{2, 0, 1}}});
  }
  return list;
}

}  // namespace

TEST_CASE("compiled code of large shapes gives the interpreter's bits on any number of threads") {
  for (const Sample& sample : large_samples()) {
    const Graph graph = sample.graph();
    const std::vector<Literal> inputs = draw(sample, 4), expected = interpret(graph, inputs);
    const auto executable = runtime::compile(graph);
    for (const int threads : {1, 2, 3}) {
      runtime::set_thread_count(threads);
      const Literal got = run_executable(*executable, graph, inputs)[0];
      CAPTURE(print(graph));
      CAPTURE(threads);
      CAPTURE(difference(got, expected[0]));
      CHECK(equal_but_nans(got, expected[0]));
    }
  }
}
