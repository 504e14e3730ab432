// Fusion and lowering together: how many kernels a program becomes, and that they mean the same.
#include <doctest/doctest.h>

#include <array>
#include <random>

#include "interpreted_program.h"
#include "ir/builder.h"
#include "passes/autodiff.h"
#include "passes/pipeline.h"

using namespace weft;
using ir::Builder;
using ir::Op;
using ir::Value;

namespace {

ir::Literal random_literal(const ir::Type& type, std::mt19937& random) {
  ir::Literal literal = ir::Literal::zeros(type);
  std::uniform_real_distribution<float> real(-2, 2);
  for (std::int64_t i = 0; i < type.elements(); ++i) {
    if (type.dtype == DType::f32)
      literal.mutable_as<float>()[i] = real(random);
    else if (type.dtype == DType::f64)
      literal.mutable_as<double>()[i] = real(random);
    else if (type.dtype == DType::i64)
      literal.mutable_as<std::int64_t>()[i] = static_cast<std::int64_t>(random() % 3);
  }
  return literal;
}

codegen::Program compile(const ir::Graph& graph, bool fuse) {
  return codegen::lower(passes::run_passes(graph, passes::default_pipeline(fuse)));
}

/// Runs fused, unfused and reference and compares bits; any number of kernels.
std::size_t check_bits(const ir::Graph& graph) {
  std::mt19937 random(7);
  std::vector<ir::Literal> inputs;
  for (std::size_t k = 0; k < graph.param_count(); ++k)
    inputs.push_back(random_literal(graph.type(graph.param(k)), random));
  const auto expected = ir::interpret(graph, inputs);
  const codegen::Program fused = compile(graph, true), apart = compile(graph, false);
  for (const codegen::Program* program : {&fused, &apart}) {
    const auto got = test::run_program(*program, inputs);
    REQUIRE(got.size() == expected.size());
    for (std::size_t k = 0; k < got.size(); ++k) {
      const auto bytes = expected[k].type().bytes();
      CHECK_MESSAGE(std::memcmp(got[k].data(), expected[k].data(), bytes) == 0, "result ", k,
                    " of\n", ir::print(graph));
    }
  }
  return fused.launches.size();
}

/// As check_bits, and fused the program is one kernel.
void check_one_kernel(const ir::Graph& graph) {
  const std::size_t kernels = check_bits(graph);
  CHECK_MESSAGE(kernels == 1, ir::print(passes::run_passes(graph, passes::default_pipeline(true))));
}

Value mean_row(Builder& b, Value x) {
  const auto n = static_cast<double>(b.type(x).shape.back());
  const auto axis = static_cast<std::int64_t>(b.type(x).rank() - 1);
  const Value sum = b.reduce(x, "add", {axis});
  return b.binary(Op::div, sum, b.full(b.type(sum), n));
}

Value along_rows(Builder& b, Value per_row, Value like) {
  return b.broadcast_in_dim(per_row, b.type(like).shape, {0});
}

Value softmax(Builder& b, Value x) {
  const Value high = b.reduce(x, "max", {1});
  const Value e = b.unary(Op::exp, b.binary(Op::sub, x, along_rows(b, high, x)));
  return b.binary(Op::div, e, along_rows(b, b.reduce(e, "add", {1}), x));
}

Value log_softmax(Builder& b, Value x) {
  const Value shifted = b.binary(Op::sub, x, along_rows(b, b.reduce(x, "max", {1}), x));
  const Value sum = b.reduce(b.unary(Op::exp, shifted), "add", {1});
  return b.binary(Op::sub, shifted, along_rows(b, b.unary(Op::log, sum), x));
}

Value layer_norm(Builder& b, Value x) {
  const Value d = b.binary(Op::sub, x, along_rows(b, mean_row(b, x), x));
  const Value variance = mean_row(b, b.binary(Op::mul, d, d));
  const Value eps = b.full(b.type(variance), 1e-5);
  return b.binary(Op::mul, d,
                  along_rows(b, b.unary(Op::rsqrt, b.binary(Op::add, variance, eps)), x));
}

Value cross_entropy_rows(Builder& b, Value x, Value labels) {
  const Value classes = b.iota({DType::i64, b.type(x).shape}, 1);
  const Value hit = b.compare("eq", classes, along_rows(b, labels, classes));
  const Value picked = b.select(hit, log_softmax(b, x), b.full(b.type(x), 0));
  return b.unary(Op::neg, b.reduce(picked, "add", {1}));
}

const ir::Type matrix{DType::f32, {37, 100}};

template <class F>
ir::Graph program(F body, const ir::Type& type = matrix) {
  Builder b("f");
  const Value x = b.parameter(type, "x");
  return b.finish(body(b, x));
}

/// d sum(f(x) * w) / dx: the gradient with a general cotangent.
template <class F>
ir::Graph gradient(F f) {
  Builder b("f");
  const Value x = b.parameter(matrix, "x");
  const ir::Graph graph = b.finish({f(b, x)});
  const ir::Graph vjp = passes::vjp(graph, std::array<std::size_t, 1>{0}).graph;
  Builder c("gradient");
  std::vector<Value> args;
  for (std::size_t k = 0; k < vjp.param_count(); ++k)
    args.push_back(c.parameter(vjp.type(vjp.param(k)), vjp.param_name(k)));
  return c.finish({ir::inline_graph(c, vjp, args).back()});
}

}  // namespace

/// The gradients along g of attention over [heads, length, 8].
ir::Graph attention_gradients(std::int64_t heads, std::int64_t length) {
  Builder b("attention");
  const ir::Type type{DType::f32, {heads, length, 8}};
  const Value q = b.parameter(type, "q"), k = b.parameter(type, "k"), v = b.parameter(type, "v");
  const Value o = b.add_node(Op::attention, {q, k, v}, {{"scale", 0.5}, {"causal", true}});
  return passes::vjp(b.finish({o}), std::array<std::size_t, 3>{0, 1, 2}).graph;
}

TEST_CASE("attention's three gradients are one kernel, with sums of parts where heads are few") {
  CHECK(check_bits(attention_gradients(8, 40)) == 2);   // and attention
  CHECK(check_bits(attention_gradients(2, 40)) == 2);   // one chunk
  CHECK(check_bits(attention_gradients(2, 600)) == 4);  // and the parts of keys and values
  const codegen::Program program = compile(attention_gradients(8, 600), true);
  for (const codegen::ProgramBuffer& buffer : program.buffers)
    CHECK(buffer.type.elements() == 8 * 600 * 8);  // no scores
}

TEST_CASE("a chain of elementwise operations with broadcasts and views is one kernel") {
  check_one_kernel(program([](Builder& b, Value x) {
    const Value row = b.slice(x, {3, 0}, {4, 100}, {1, 1});
    const Value y = b.binary(Op::mul, x, row);
    const Value t = b.transpose(b.unary(Op::tanh, y), {1, 0});
    return std::vector{b.binary(Op::add, t, b.full(b.type(t), 1.5))};
  }));
}

TEST_CASE("softmax over the last axis is one kernel, and so is its gradient") {
  check_one_kernel(program([](Builder& b, Value x) { return std::vector{softmax(b, x)}; }));
  check_one_kernel(gradient(softmax));
}

TEST_CASE("softmax over the first axis is one kernel") {
  check_one_kernel(program([](Builder& b, Value x) {
    const Value t = b.transpose(x, {1, 0});
    return std::vector{b.transpose(softmax(b, t), {1, 0})};
  }));
}

TEST_CASE("layer_norm is one kernel, and so is its gradient") {
  check_one_kernel(program([](Builder& b, Value x) { return std::vector{layer_norm(b, x)}; }));
  check_one_kernel(gradient(layer_norm));
}

TEST_CASE("log_softmax with cross entropy is one kernel, and so is its gradient") {
  Builder b("loss");
  const Value x = b.parameter(matrix, "x"), labels = b.parameter({DType::i64, {37}}, "labels");
  const ir::Graph graph = b.finish({cross_entropy_rows(b, x, labels)});
  check_one_kernel(graph);
  const ir::Graph vjp = passes::vjp(graph, std::array<std::size_t, 1>{0}).graph;
  Builder c("gradient");
  std::vector<Value> args;
  for (std::size_t k = 0; k < vjp.param_count(); ++k)
    args.push_back(c.parameter(vjp.type(vjp.param(k)), vjp.param_name(k)));
  check_one_kernel(c.finish({ir::inline_graph(c, vjp, args).back()}));
}

TEST_CASE("several outputs share a kernel") {
  check_one_kernel(program([](Builder& b, Value x) {
    const Value y = b.unary(Op::exp, x);
    return std::vector{y, b.binary(Op::mul, y, x), b.reduce(y, "add", {1}),
                       b.reduce(x, "max", {1})};
  }));
}

TEST_CASE("argmax with the maximum is one kernel") {
  check_one_kernel(program([](Builder& b, Value x) {
    return std::vector{b.add_node(Op::argmax, {x}, {{"axis", std::int64_t{1}}}),
                       b.reduce(x, "max", {1})};
  }));
}

TEST_CASE("a matrix product takes prologue and epilogue") {
  Builder b("layer");
  const Value x = b.parameter({DType::f32, {33, 300}}, "x"),
              w = b.parameter({DType::f32, {20, 300}}, "w");
  const Value bias = b.parameter({DType::f32, {20}}, "bias");
  const Value scaled = b.binary(Op::mul, x, b.full(b.type(x), 0.5));
  const Value y = b.dot_general(scaled, b.transpose(w, {1, 0}), {{1}, {0}});
  const Value z = b.binary(Op::add, y, b.broadcast_to(bias, b.type(y).shape));
  check_one_kernel(b.finish({b.binary(Op::max, z, b.full(b.type(z), 0))}));
}

TEST_CASE("what is stored for a sum and others ends the product that it is made of") {
  Builder b("layer_gradient");
  const Value g = b.parameter({DType::f32, {33, 20}}, "g"),
              w = b.parameter({DType::f32, {20, 100}}, "w"),
              z = b.parameter({DType::f32, {33, 100}}, "z");
  const Value d = b.dot_general(g, w, {{1}, {0}});
  const Value masked = b.select(b.compare("gt", z, b.full(b.type(z), 0)), d, b.full(b.type(z), 0));
  const ir::Graph graph = b.finish({masked, b.reduce(masked, "add", {0})});
  CHECK(check_bits(graph) == 2);
  const codegen::Program program = compile(graph, true);
  CHECK(program.launches[0].label == "dot_general compare select");
  CHECK(program.launches[1].label == "reduce");
}

TEST_CASE("pads, concatenations and slices fuse with their neighbours") {
  check_one_kernel(program([](Builder& b, Value x) {
    const Value low = b.slice(x, {0, 0}, {37, 99}, {1, 1}),
                high = b.slice(x, {0, 1}, {37, 100}, {1, 1});
    const Value d = b.binary(Op::sub, high, low);
    const Value joined =
        b.add_node(Op::concatenate, {d, b.unary(Op::neg, d)}, {{"axis", std::int64_t{1}}});
    const Value padded = b.add_node(
        Op::pad, {joined, b.scalar(DType::f32, 7)},
        {{"low", ir::Ints{1, 2}}, {"high", ir::Ints{0, 3}}, {"interior", ir::Ints{0, 0}}});
    return std::vector{b.binary(Op::mul, padded, padded)};
  }));
}

TEST_CASE("dilating pads, reversals, gathers and scatters mean what the interpreter says") {
  check_bits(program([](Builder& b, Value x) {
    return std::vector{b.add_node(
        Op::pad, {x, b.scalar(DType::f32, -1)},
        {{"low", ir::Ints{2, -3}}, {"high", ir::Ints{-1, 4}}, {"interior", ir::Ints{1, 2}}})};
  }));
  check_bits(program([](Builder& b, Value x) {
    return std::vector{b.unary(Op::exp, b.add_node(Op::reverse, {x}, {{"axes", ir::Ints{0, 1}}}))};
  }));
  for (const std::int64_t axis : {0, 1}) {
    check_bits(program([&](Builder& b, Value x) {
      const Value indices =
          b.constant(ir::Literal::from<std::int64_t>({2, 3}, {5, 1, 5, 36, -4, 99}));
      const Value taken = b.add_node(Op::gather, {x, indices}, {{"axis", axis}});
      const Value doubled = b.binary(Op::add, taken, taken);
      return std::vector{doubled,
                         b.add_node(Op::scatter, {x, indices, doubled},
                                    {{"axis", axis}, {"kind", std::string("add")}}),
                         b.add_node(Op::scatter, {x, indices, taken},
                                    {{"axis", axis}, {"kind", std::string("set")}})};
    }));
  }
}

TEST_CASE("reductions over any axes, of any length, keep their order") {
  for (const ir::Shape& shape :
       {ir::Shape{5, 6, 7}, ir::Shape{1000, 3}, ir::Shape{70000}, ir::Shape{3, 1, 400}}) {
    for (unsigned axes = 1; axes < 1u << shape.size(); ++axes) {
      ir::Ints list;
      for (std::size_t d = 0; d < shape.size(); ++d)
        if (axes >> d & 1) list.push_back(static_cast<std::int64_t>(d));
      check_bits(program(
          [&](Builder& b, Value x) {
            return std::vector{b.reduce(b.binary(Op::mul, x, x), "add", list),
                               b.reduce(x, "max", list)};
          },
          {DType::f32, shape}));
    }
  }
}

TEST_CASE("cumulative operations fuse with what makes and reads them") {
  check_one_kernel(program([](Builder& b, Value x) {
    const Value s = b.cumulative(b.unary(Op::exp, x), "add", 1);
    return std::vector{b.binary(Op::mul, s, x), b.reduce(s, "max", {1})};
  }));
  check_one_kernel(program(
      [](Builder& b, Value x) { return std::vector{b.cumulative(softmax(b, x), "add", 1)}; }));
  check_one_kernel(program([](Builder& b, Value x) {
    const Value s = b.cumulative(b.binary(Op::mul, x, x), "add", 1, /*reverse=*/true);
    return std::vector{b.binary(Op::sub, s, x), b.reduce(s, "min", {1})};
  }));
  check_one_kernel(program([](Builder& b, Value x) {
    return std::vector{b.cumulative(b.unary(Op::neg, x), "max", 0, /*reverse=*/true),
                       b.cumulative(x, "add", 0, /*reverse=*/true)};
  }));
  check_one_kernel(program([](Builder& b, Value x) {
    const Value s = b.cumulative(x, "add", 1);
    return std::vector{b.cumulative(softmax(b, s), "mul", 1)};
  }));
}

TEST_CASE("cumulative operations in two directions, at other indices, or beside sums stay apart") {
  CHECK(check_bits(program([](Builder& b, Value x) {
          return std::vector{b.cumulative(x, "add", 1), b.cumulative(x, "add", 1, true)};
        })) == 2);
  CHECK(check_bits(program([](Builder& b, Value x) {
          return std::vector{b.reduce(x, "add", {1}), b.cumulative(x, "add", 1, true)};
        })) == 2);
  CHECK(check_bits(program([](Builder& b, Value x) {
          return std::vector{b.transpose(b.cumulative(x, "add", 1), {1, 0}),
                             b.slice(b.cumulative(x, "add", 0), {1, 2}, {30, 90}, {2, 3})};
        })) == 3);
  check_bits(program(
      [](Builder& b, Value x) {
        const Value s = b.cumulative(b.unary(Op::abs, x), "add", 0);
        return std::vector{b.binary(Op::add, s, x), b.cumulative(s, "add", 0, true)};
      },
      {DType::f32, {70000}}));
}

TEST_CASE("axes of one to eight elements mean the same as long ones") {
  for (std::int64_t n = 1; n <= 9; ++n) {
    for (const ir::Shape& shape :
         {ir::Shape{40, n}, ir::Shape{n, 40}, ir::Shape{21, n, 2}, ir::Shape{5, n, 30}}) {
      const auto rank = static_cast<std::int64_t>(shape.size());
      for (std::int64_t axis = 0; axis < rank; ++axis) {
        check_bits(program(
            [&](Builder& b, Value x) {
              ir::Ints kept;
              for (std::int64_t d = 0; d < rank; ++d)
                if (d != axis) kept.push_back(d);
              const Value sum = b.reduce(b.unary(Op::exp, x), "add", {axis});
              const Value share = b.binary(Op::div, x, b.broadcast_in_dim(sum, shape, kept));
              return std::vector{share, b.reduce(share, "mul", {axis}), b.reduce(x, "min", {axis}),
                                 b.cumulative(x, "add", axis), b.cumulative(x, "mul", axis, true)};
            },
            {DType::f32, shape}));
        check_bits(program(
            [&](Builder& b, Value x) {
              const Value row = b.iota({DType::f32, {shape[static_cast<std::size_t>(axis)]}}, 0);
              const Value factor = b.broadcast_in_dim(row, shape, {axis});
              ir::Ints turned;
              for (std::int64_t d = rank; d-- > 0;) turned.push_back(d);
              return std::vector{b.binary(Op::mul, x, factor),
                                 b.transpose(b.binary(Op::sub, x, factor), turned)};
            },
            {DType::f32, shape}));
      }
    }
  }
}

TEST_CASE("random bits are the same numbers fused and not") {
  Builder b("noise");
  const Value key = b.parameter({DType::u64, {2}}, "key");
  const Value bits =
      b.add_node(Op::random_bits, {key}, {{"dtype", DType::u32}, {"shape", ir::Ints{5, 7}}});
  check_one_kernel(b.finish({b.unary(Op::not_, bits)}));
}

TEST_CASE("a second batch size gives the same kernels") {
  auto texts = [](std::int64_t rows) {
    std::vector<std::string> result;
    const auto graph =
        program([](Builder& b, Value x) { return std::vector{softmax(b, layer_norm(b, x))}; },
                {DType::f32, {rows, 100}});
    for (const auto& launch : compile(graph, true).launches)
      result.push_back(codegen::print(*launch.kernel));
    return result;
  };
  CHECK(texts(37) == texts(64));
}

TEST_CASE("a dear scalar is computed once, not once for each element that reads it") {
  Builder b("scaled");
  const Value x = b.parameter(matrix, "x"), t = b.parameter({DType::f32, {}}, "t");
  const Value scale = b.binary(Op::pow, b.scalar(DType::f32, 0.9), t);
  const ir::Graph graph = b.finish({b.binary(Op::mul, x, b.broadcast_to(scale, matrix.shape))});
  CHECK(check_bits(graph) == 2);
}

TEST_CASE("products whose attributes look canonical but whose operands are no matrices") {
  Builder b("product");
  const Value v = b.parameter({DType::f32, {2, 3, 9, 5}}, "v");
  const Value p = b.parameter({DType::f32, {2, 9}}, "p");
  check_bits(b.finish({b.dot_general(v, p, {{2}, {1}}, {{0}, {0}})}));
}

TEST_CASE("a concatenation of more operands than a group may read") {
  Builder b("wide");
  std::vector<Value> parts;
  for (int k = 0; k < 50; ++k)
    parts.push_back(b.parameter({DType::f32, {3}}, "x" + std::to_string(k)));
  check_bits(b.finish({b.add_node(Op::concatenate, parts, {{"axis", std::int64_t{0}}})}));
}

TEST_CASE("many results of one input share few kernels") {
  CHECK(check_bits(program([](Builder& b, Value x) {
          std::vector<Value> results;
          for (int k = 0; k < 20; ++k)
            results.push_back(b.binary(Op::mul, x, b.full(b.type(x), k + 2)));
          return results;
        })) == 1);
}
