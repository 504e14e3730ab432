#include "tests/ops/sample_cases.h"

#include <array>
#include <string>

#include <weft/error.h>

namespace weft::test {

using namespace weft::ir;

namespace {

using Shapes = std::vector<Shape>;

/// One case of an operation whose operands all have one dtype.
struct Case {
  Shapes shapes;
  Attributes attrs;
};

std::vector<Sample> for_each_dtype(Op op, const std::vector<Case>& cases) {
  std::vector<Sample> list;
  for (const Case& c : cases)
    for (DType dtype : computable) {
      Sample sample{op, {}, c.attrs, {}};
      for (const Shape& shape : c.shapes) sample.operands.push_back({dtype, shape});
      list.push_back(std::move(sample));
    }
  return list;
}

std::vector<Case> broadcast_cases() {
  const auto to = [](Shape x, Ints shape, Ints dims) {
    return Case{{std::move(x)}, {{"shape", std::move(shape)}, {"dims", std::move(dims)}}};
  };
  return {to({3}, {2, 3}, {1}), to({}, {2, 2}, {}),        to({1, 3}, {2, 3}, {0, 1}),
          to({2}, {2, 3}, {0}), to({3}, {0, 3}, {1}),      to({2, 1, 3}, {2, 4, 5, 3}, {0, 1, 3}),
          to({1}, {70}, {0}),   to({2, 3}, {2, 3}, {0, 1})};
}

std::vector<Case> reshape_cases() {
  const auto to = [](Shape x, Ints shape) {
    return Case{{std::move(x)}, {{"shape", std::move(shape)}}};
  };
  return {to({2, 3}, {6}), to({1}, {}), to({4, 3}, {2, 6}), to({0, 3}, {5, 0}), to({}, {1, 1})};
}

std::vector<Case> transpose_cases() {
  const auto by = [](Shape x, Ints permutation) {
    return Case{{std::move(x)}, {{"permutation", std::move(permutation)}}};
  };
  return {by({2, 3}, {1, 0}), by({2, 3, 4}, {2, 0, 1}), by({}, {}), by({0, 3}, {1, 0}),
          by({17, 33}, {1, 0})};
}

std::vector<Case> slice_cases() {
  const auto of = [](Shape x, Ints start, Ints limit, Ints stride) {
    return Case{
        {std::move(x)},
        {{"start", std::move(start)}, {"limit", std::move(limit)}, {"stride", std::move(stride)}}};
  };
  return {of({5}, {1}, {5}, {2}), of({4, 6}, {1, 0}, {3, 6}, {1, 4}), of({5}, {2}, {2}, {1}),
          of({}, {}, {}, {}), of({5}, {3}, {4}, {1000000})};
}

std::vector<Case> reverse_cases() {
  const auto along = [](Shape x, Ints axes) {
    return Case{{std::move(x)}, {{"axes", std::move(axes)}}};
  };
  return {along({3}, {0}), along({2, 3}, {0, 1}), along({2, 3, 4}, {1}), along({}, {}),
          along({2, 0}, {0, 1})};
}

std::vector<Case> pad_cases() {
  const auto by = [](Shape x, Ints low, Ints high, Ints interior) {
    return Case{
        {std::move(x), {}},
        {{"low", std::move(low)}, {"high", std::move(high)}, {"interior", std::move(interior)}}};
  };
  return {by({3}, {1}, {2}, {1}), by({2, 3}, {-1, 1}, {1, -1}, {0, 0}), by({4}, {-2}, {-1}, {2}),
          by({}, {}, {}, {}),     by({0, 2}, {1, 0}, {1, 0}, {3, 0}),   by({3}, {-4}, {2}, {0}),
          by({3}, {5}, {-4}, {0})};
}

std::vector<Case> concatenate_cases() {
  const auto along = [](std::int64_t axis, Shapes x) {
    return Case{std::move(x), {{"axis", axis}}};
  };
  return {along(0, {{2, 3}, {1, 3}, {0, 3}}), along(1, {{2, 1}, {2, 4}}), along(0, {{3}}),
          along(1, {{2, 2, 2}, {2, 3, 2}, {2, 1, 2}})};
}

std::vector<Case> reduce_cases() {
  const std::pair<Shape, Ints> shapes[] = {
      {{2, 3}, {1}},   {{2, 3}, {0}},        {{2, 3, 4}, {0, 2}},    {{}, {}},
      {{0, 3}, {0}},   {{3, 0}, {0}},        {{1, 3}, {0}},          {{300, 5}, {0}},
      {{5, 100}, {1}}, {{2, 65, 3}, {0, 1}}, {{2, 3, 4}, {0, 1, 2}}, {{3, 4}, {}}};
  std::vector<Case> cases;
  for (const char* kind : {"add", "mul", "max", "min", "and", "or"})
    for (const auto& [shape, axes] : shapes)
      cases.push_back({{shape}, {{"kind", std::string(kind)}, {"axes", axes}}});
  return cases;
}

std::vector<Case> arg_cases() {
  const auto along = [](Shape x, std::int64_t axis) {
    return Case{{std::move(x)}, {{"axis", axis}}};
  };
  return {along({5}, 0),    along({2, 3}, 1),  along({3, 2, 4}, 1),
          along({0, 3}, 1), along({40, 3}, 0), along({4, 1}, 1)};
}

std::vector<Case> cumulative_cases() {
  const std::pair<Shape, std::int64_t> shapes[] = {
      {{5}, 0},    {{2, 3}, 0},  {{2, 3}, 1},  {{3, 2, 4}, 1}, {{0, 3}, 0},
      {{3, 0}, 1}, {{2, 40}, 1}, {{40, 3}, 0}, {{2, 1}, 1},    {{2, 17, 1}, 1}};
  std::vector<Case> cases;
  for (const char* kind : {"add", "mul", "max", "min"})
    for (const bool reverse : {false, true})
      for (const auto& [shape, axis] : shapes)
        cases.push_back(
            {{shape}, {{"kind", std::string(kind)}, {"axis", axis}, {"reverse", reverse}}});
  return cases;
}

std::vector<Case> dot_cases() {
  const auto of = [](Shape a, Shape b, IntLists contract, IntLists batch) {
    return Case{{std::move(a), std::move(b)},
                {{"contract", std::move(contract)}, {"batch", std::move(batch)}}};
  };
  const IntLists none = {{}, {}};
  return {of({2, 3}, {3, 4}, {{1}, {0}}, none),
          of({2, 3, 4}, {2, 4, 5}, {{2}, {1}}, {{0}, {0}}),
          of({3}, {4}, none, none),
          of({7}, {7}, {{0}, {0}}, none),
          of({2, 3, 4}, {4, 3, 5}, {{1, 2}, {1, 0}}, none),
          of({3, 0}, {0, 2}, {{1}, {0}}, none),
          of({0, 3}, {3, 2}, {{1}, {0}}, none),
          of({}, {}, none, none),
          of({}, {3}, none, none),
          of({5, 300}, {300, 7}, {{1}, {0}}, none),
          of({3, 2, 4}, {4, 2, 3}, {{0}, {2}}, {{1, 2}, {1, 0}}),
          of({19, 33}, {35, 33}, {{1}, {1}}, none)};
}

std::vector<Case> attention_cases() {
  std::vector<Case> cases;
  const auto of = [&](Shape q, Shape k, Shape v, double scale) {
    for (const bool causal : {false, true})
      cases.push_back({{q, k, v}, {{"scale", scale}, {"causal", causal}}});
  };
  of({2, 3}, {4, 3}, {4, 5}, 0.5);         // fewer queries than keys
  of({2, 5, 4}, {2, 3, 4}, {2, 3, 1}, 1);  // fewer keys
  of({2, 1, 2, 3}, {2, 1, 2, 3}, {2, 1, 2, 3}, -0.25);
  of({70, 9}, {131, 9}, {131, 17}, 0.3);  // several groups and blocks, tails everywhere
  of({3, 2}, {0, 2}, {0, 4}, 1);          // no keys
  of({0, 2}, {3, 2}, {3, 4}, 1);
  of({3, 0}, {2, 0}, {2, 4}, 1);  // scores are 0
  of({3, 2}, {2, 2}, {2, 0}, 1);
  of({0, 3, 2}, {0, 2, 2}, {0, 2, 2}, 1);
  return cases;
}

/// Derivatives take one operand more: the cotangent of attention's result, or a tangent.
std::vector<Case> attention_derivative_cases(Op op) {
  std::vector<Case> cases;
  for (const Case& forward : attention_cases()) {
    Shape result = forward.shapes[0];
    result.back() = forward.shapes[2].back();
    for (std::size_t k = 0; k < 3; ++k) {
      Case c = forward;
      c.shapes.push_back(op == Op::attention_gradient ? result : forward.shapes[k]);
      c.attrs.set("wrt", std::string(std::array{"query", "key", "value"}[k]));
      cases.push_back(std::move(c));
    }
  }
  return cases;
}

/// Indices of either dtype with data of every dtype.
std::vector<Sample> gather_cases() {
  struct Shaped {
    Shape x, indices;
    std::int64_t axis;
  };
  const Shaped cases[] = {{{5, 3}, {2, 2}, 0}, {{5}, {}, 0},      {{2, 4, 3}, {3}, 1},
                          {{0, 3}, {0}, 0},    {{2, 3}, {40}, 1}, {{4, 0}, {2}, 0}};
  std::vector<Sample> list;
  for (const Shaped& c : cases)
    for (DType index : {DType::i32, DType::i64})
      for (DType dtype : computable)
        list.push_back({Op::gather, {{dtype, c.x}, {index, c.indices}}, {{"axis", c.axis}}, {}});
  return list;
}

/// The updates have the shape that gather's result would have.
std::vector<Sample> scatter_cases() {
  std::vector<Sample> list;
  for (const Sample& taken : gather_cases())
    for (const char* kind : {"add", "set"}) {
      const Graph graph = taken.graph();
      Sample sample{Op::scatter, taken.operands, taken.attrs, {}};
      sample.operands.push_back(graph.type(graph.results()[0]));
      sample.attrs.set("kind", std::string(kind));
      list.push_back(std::move(sample));
    }
  return list;
}

std::vector<Sample> source_cases(Op op) {
  std::vector<Sample> list;
  for (DType dtype : computable) {
    if (op == Op::constant)
      for (const Shape& shape : {Shape{2, 3}, Shape{}, Shape{0, 2}})
        list.push_back({op, {}, {{"value", draw_uniform({dtype, shape}, -9, 9, 5)}}, {}});
    if (op == Op::iota)
      for (const auto& [shape, axis] : {std::pair{Ints{5}, 0},
                                        {Ints{2, 3}, 1},
                                        {Ints{2, 3, 2}, 1},
                                        {Ints{0, 3}, 0},
                                        {Ints{70}, 0}})
        list.push_back(
            {op, {}, {{"axis", std::int64_t{axis}}, {"dtype", dtype}, {"shape", shape}}, {}});
  }
  if (op == Op::random_bits)
    for (const Ints& shape : {Ints{5}, Ints{}, Ints{2, 3}, Ints{0}, Ints{300}})
      list.push_back({op, {{DType::u64, {2}}}, {{"dtype", DType::u32}, {"shape", shape}}, {}});
  return list;
}

/// x + y and (x + y) * x, as one group.
std::vector<Sample> fused_cases() {
  std::vector<Sample> list;
  for (DType dtype : {DType::i32, DType::i64, DType::f32, DType::f64}) {
    Builder body("body");
    const Type type{dtype, {2, 3}};
    const Value x = body.parameter(type, "x"), y = body.parameter(type, "y");
    const Value sum = body.binary(Op::add, x, y);
    const auto graph =
        std::make_shared<const Graph>(body.finish({sum, body.binary(Op::mul, sum, x)}));
    list.push_back({Op::fused, {type, type}, {{"label", std::string("group")}}, {graph}});
  }
  return list;
}

}  // namespace

std::vector<Sample> structure_cases(Op op) {
  switch (op) {
    case Op::parameter:
      return {};
    case Op::constant:
    case Op::iota:
    case Op::random_bits:
      return source_cases(op);
    case Op::broadcast_in_dim:
      return for_each_dtype(op, broadcast_cases());
    case Op::reshape:
      return for_each_dtype(op, reshape_cases());
    case Op::transpose:
      return for_each_dtype(op, transpose_cases());
    case Op::slice:
      return for_each_dtype(op, slice_cases());
    case Op::reverse:
      return for_each_dtype(op, reverse_cases());
    case Op::pad:
      return for_each_dtype(op, pad_cases());
    case Op::concatenate:
      return for_each_dtype(op, concatenate_cases());
    case Op::reduce:
      return for_each_dtype(op, reduce_cases());
    case Op::argmax:
    case Op::argmin:
      return for_each_dtype(op, arg_cases());
    case Op::cumulative:
      return for_each_dtype(op, cumulative_cases());
    case Op::dot_general:
      return for_each_dtype(op, dot_cases());
    case Op::attention:
      return for_each_dtype(op, attention_cases());
    case Op::attention_gradient:
    case Op::attention_tangent:
      return for_each_dtype(op, attention_derivative_cases(op));
    case Op::gather:
      return gather_cases();
    case Op::scatter:
      return scatter_cases();
    case Op::optimization_barrier:
      return for_each_dtype(op, {{{{2, 3}}, {}}, {{{}}, {}}});
    case Op::fused:
      return fused_cases();
    default:
      break;
  }
  throw InternalError("samples: " + std::string(def(op).name) + " has no cases");
}

}  // namespace weft::test
