// The interpreter against independent references: every operation, every dtype, special values.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>

#include "ir/scalar_math.h"
#include "tests/ops/reference.h"

using namespace weft;
using namespace weft::ir;
using namespace weft::test;

namespace {

/// What an operation's first result must be for one row of arguments, each in its own dtype.
Literal run(const Sample& sample, std::span<const Literal> inputs) {
  const Graph graph = sample.graph();
  return interpret(graph, inputs)[0];
}

std::vector<std::uint64_t> float_specials(DType dtype) {
  std::vector<std::uint64_t> bits;
  const double low = dtype == DType::f32 ? 0x1p-149 : 0x1p-1074;
  const double normal = dtype == DType::f32 ? 0x1p-126 : 0x1p-1022;
  const double high = dtype == DType::f32 ? 3.4028234663852886e38 : 1.7976931348623157e308;
  for (const double x : {0.0,
                         low,
                         3 * low,
                         normal,
                         normal * 0.5,
                         1e-30,
                         1e-8,
                         0.1,
                         0.25,
                         0.5,
                         0.75,
                         0.99,
                         1.0,
                         1.5,
                         2.0,
                         2.5,
                         3.0,
                         10.0,
                         31.0,
                         33.3,
                         88.7,
                         103.0,
                         709.7,
                         1e4,
                         8388607.5,
                         4294967295.0,
                         1e10,
                         1e18,
                         9223372036854775807.0,
                         1e30,
                         high,
                         3.141592653589793,
                         1.5707963267948966,
                         std::numeric_limits<double>::infinity(),
                         std::numeric_limits<double>::quiet_NaN()})
    for (const double sign : {1.0, -1.0})
      bits.push_back(element_bits(Literal::scalar(dtype, std::copysign(x, sign)), 0));
  return bits;
}

std::vector<std::uint64_t> specials(DType dtype) {
  if (is_float(dtype)) return float_specials(dtype);
  if (is_bool(dtype)) return {0, 1};
  std::vector<std::uint64_t> bits;
  const int width = static_cast<int>(size_of(dtype)) * 8;
  const std::uint64_t top = std::uint64_t{1} << (width - 1);
  const std::uint64_t mask = top | (top - 1);
  for (const std::int64_t x : {0, 1, 2, 3, 7, 30, 31, 32, 33, 63, 64, 65, 1000, -1, -2, -7, -33})
    bits.push_back(static_cast<std::uint64_t>(x) & mask);
  bits.insert(bits.end(), {top, top - 1, top + 1, mask / 3});
  return bits;
}

/// Any bit pattern, and every other time a value of everyday size.
std::uint64_t random_bits_of(DType dtype, std::mt19937_64& random) {
  const std::uint64_t any = random();
  if (is_bool(dtype)) return any & 1;
  if (any & 1) return element_bits(draw_uniform({dtype, {}}, -20, 20, random()), 0);
  return size_of(dtype) == 8 ? random() : random() & 0xffffffffu;
}

/// Rows of arguments: all combinations of special values (of a part of them where there are three
/// operands), then random ones.
std::vector<Literal> arguments(const Sample& sample, std::uint64_t seed) {
  const std::size_t arity = sample.operands.size();
  std::vector<std::vector<std::uint64_t>> columns(arity), choices;
  for (const Type& type : sample.operands) {
    choices.push_back(specials(type.dtype));
    if (arity == 3 && choices.back().size() > 15) {
      std::mt19937_64 random(seed + 1);
      std::shuffle(choices.back().begin(), choices.back().end(), random);
      choices.back().resize(15);
    }
  }
  std::size_t rows = 1;
  for (const auto& choice : choices) rows *= choice.size();
  for (std::size_t row = 0; row < rows; ++row) {
    std::size_t left = row;
    for (std::size_t k = 0; k < arity; ++k) {
      columns[k].push_back(choices[k][left % choices[k].size()]);
      left /= choices[k].size();
    }
  }
  std::mt19937_64 random(seed);
  for (int row = 0; row < 3000; ++row)
    for (std::size_t k = 0; k < arity; ++k)
      columns[k].push_back(random_bits_of(sample.operands[k].dtype, random));

  std::vector<Literal> inputs;
  for (std::size_t k = 0; k < arity; ++k) {
    const Dim n(static_cast<std::int64_t>(columns[k].size()));
    inputs.push_back(Literal::zeros({sample.operands[k].dtype, {n}}));
    for (std::int64_t i = 0; i < n; ++i)
      set_element_bits(inputs[k], i, columns[k][static_cast<std::size_t>(i)]);
  }
  return inputs;
}

/// The samples of an elementwise operation, one for each dtype and choice of attributes, each on
/// all its arguments.
template <class F>
void for_each_elementwise(F f) {
  for (const OpDef& def : all_ops()) {
    if (def.kind != Kind::elementwise) continue;
    for (Sample sample : samples(def)) {
      if (sample.operands[0].rank() != 0) continue;
      const auto inputs = arguments(sample, 17);
      for (std::size_t k = 0; k < inputs.size(); ++k) sample.operands[k] = inputs[k].type();
      f(sample, inputs);
    }
  }
}

std::string row_text(std::span<const Literal> inputs, std::int64_t i) {
  std::string text;
  for (const Literal& x : inputs) {
    char number[40];
    std::snprintf(number, sizeof number, "%s%.17g", text.empty() ? "" : ", ", x.at(i));
    text += number;
  }
  return '(' + text + ')';
}

bool is_nan_bits(DType dtype, std::uint64_t bits) {
  Literal one = Literal::zeros({dtype, {}});
  set_element_bits(one, 0, bits);
  return is_float(dtype) && std::isnan(one.at(0));
}

/// The distance from a result to the exact value, in units of the last place of that value.
double ulps_off(DType dtype, double got, long double want, double near_zero) {
  constexpr double wrong = std::numeric_limits<double>::infinity();
  const bool single = dtype == DType::f32;
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) == std::isnan(got) ? 0 : wrong;
  if (std::isinf(want))
    return std::isinf(got) && std::signbit(got) == std::signbit(want) ? 0 : wrong;
  if (want == 0 && near_zero == 0)
    return got == 0 && std::signbit(got) == std::signbit(want) ? 0 : wrong;
  const long double beyond = std::ldexp(1.0L, single ? 128 : 1024);
  const long double size = std::max<long double>(std::min(std::fabs(want), beyond / 2), near_zero);
  const int exponent = std::max(std::ilogb(size), single ? -126 : -1022);
  const long double ulp = std::ldexp(1.0L, exponent - (single ? 23 : 52));
  if (!std::isinf(got)) return static_cast<double>(std::fabs(got - want) / ulp);
  if (std::signbit(got) != std::signbit(want)) return wrong;
  return std::fabs(want) >= beyond ? 0 : static_cast<double>((beyond - std::fabs(want)) / ulp);
}

std::string expected_dtypes(const OpDef& def) {
  switch (def.op) {
    case Op::parameter:
      return "";
    case Op::random_bits:
      return "u64";
    case Op::attention:
    case Op::attention_gradient:
    case Op::attention_tangent:
      return "f32 f64";
    case Op::fused:
      return "i32 i64 f32 f64";
    case Op::iota:
    case Op::argmax:
    case Op::argmin:
    case Op::cumulative:
    case Op::dot_general:
      return "i32 i64 u32 u64 f32 f64";
    default:
      return "bool i32 i64 u32 u64 f32 f64";
  }
}

}  // namespace

TEST_CASE("an elementwise operation takes exactly the dtypes for which a reference knows it") {
  for (const OpDef& def : all_ops()) {
    if (def.kind != Kind::elementwise) continue;
    for (DType dtype : computable) {
      Node node{def.op, {}, {}, {}, {}, {}};
      if (def.op == Op::convert || def.op == Op::bitcast) node.attrs.set("dtype", dtype);
      if (def.op == Op::compare) node.attrs.set("direction", std::string("eq"));
      if (def.op == Op::polygamma) node.attrs.set("order", std::int64_t{1});
      const std::uint64_t zeros[3] = {};
      const std::span args(zeros, static_cast<std::size_t>(def.min_operands));
      const bool known = exact_element(node, dtype, args).has_value() ||
                         (precise_function(def.op, node.attrs) && is_float(dtype));
      CAPTURE(def.name);
      CAPTURE(name(dtype));
      CHECK(accepts(def, dtype) == known);
    }
  }
}

TEST_CASE("an operation of any other kind takes exactly the documented dtypes") {
  for (const OpDef& def : all_ops()) {
    if (def.kind == Kind::elementwise) continue;
    std::string taken;
    for (DType dtype : computable)
      if (accepts(def, dtype)) taken += (taken.empty() ? "" : " ") + std::string(name(dtype));
    CAPTURE(def.name);
    CHECK(taken == expected_dtypes(def));
  }
}

TEST_CASE("elementwise operations that are exact give the reference's bits") {
  std::size_t checked = 0;
  for_each_elementwise([&](const Sample& sample, std::span<const Literal> inputs) {
    const DType dtype = sample.dtype();
    const Graph graph = sample.graph();
    const Node& node = graph.node(graph.results()[0]);
    const Literal got = interpret(graph, inputs)[0];
    const DType result = got.type().dtype;
    std::string first_wrong;
    for (std::int64_t i = 0; i < got.type().elements() && first_wrong.empty(); ++i) {
      std::uint64_t args[3];
      for (std::size_t k = 0; k < inputs.size(); ++k) args[k] = element_bits(inputs[k], i);
      const auto want = exact_element(node, dtype, std::span(args, inputs.size()));
      if (!want) return;
      const std::uint64_t bits = element_bits(got, i);
      if (bits != *want && !(is_nan_bits(result, bits) && is_nan_bits(result, *want)))
        first_wrong = row_text(inputs, i);
    }
    ++checked;
    CAPTURE(print(graph));
    CHECK(first_wrong == "");
  });
  CHECK(checked > 100);
}

TEST_CASE("transcendental functions are within their documented error of long double") {
  for_each_elementwise([&](const Sample& sample, std::span<const Literal> inputs) {
    const PreciseFunction* function = precise_function(sample.op, sample.attrs);
    const DType dtype = sample.dtype();
    if (!function || !is_float(dtype)) return;
    const Literal got = run(sample, inputs);
    double worst = 0;
    std::int64_t where = 0;
    for (std::int64_t i = 0; i < got.type().elements(); ++i) {
      const long double want = function->unary ? function->unary(inputs[0].at(i))
                                               : function->binary(inputs[0].at(i), inputs[1].at(i));
      const double floor = inputs[0].at(i) < 0 ? function->near_zero_left : function->near_zero;
      const double off = ulps_off(dtype, got.at(i), want, floor);
      if (off > worst) worst = off, where = i;
    }
    CAPTURE(sample.str());
    CAPTURE(row_text(inputs, where));
    CAPTURE(got.at(where));
    CHECK(worst <= (dtype == DType::f32 ? function->f32_ulps : function->f64_ulps));
  });
}

TEST_CASE("operations that are not elementwise agree with naive loops") {
  for (const OpDef& def : all_ops()) {
    if (def.kind == Kind::elementwise || def.op == Op::fused) continue;
    for (const Sample& sample : samples(def)) {
      const auto inputs = draw(sample, 3);
      const Literal got = run(sample, inputs), want = structure_reference(sample, inputs);
      CAPTURE(print(sample.graph()));
      REQUIRE(got.type() == want.type());
      CAPTURE(difference(got, want));
      const bool sums = def.kind == Kind::reduce || def.kind == Kind::scan ||
                        def.kind == Kind::contract || def.kind == Kind::attention ||
                        def.kind == Kind::scatter;
      if (!sums || !is_float(got.type().dtype)) {
        CHECK(got == want);
        continue;
      }
      const double tolerance = got.type().dtype == DType::f32 ? 2e-5 : 1e-13;
      for (std::int64_t i = 0; i < got.type().elements(); ++i) {
        if (std::isinf(want.at(i)))
          CHECK(got.at(i) == want.at(i));
        else
          CHECK(std::fabs(got.at(i) - want.at(i)) <= tolerance * (10 + std::fabs(want.at(i))));
      }
    }
  }
}

TEST_CASE("reductions and arg extremes see NaN, infinities and signed zeros") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> rows = {{1, nan, 3},    {nan, nan, -inf},
                                                 {inf, -inf, 0}, {-inf, -inf, -inf},
                                                 {2, 2, 1},      {-0.0, 0.0, -0.0}};
  for (const std::vector<double>& row : rows) {
    const Literal x = Literal::from<double>({3}, row);
    const std::vector<Literal> inputs{x};
    for (const char* kind : {"add", "mul", "max", "min"}) {
      const Sample sample{
          Op::reduce, {x.type()}, {{"kind", std::string(kind)}, {"axes", Ints{0}}}, {}};
      const double got = run(sample, inputs).at(0),
                   want = structure_reference(sample, inputs).at(0);
      CAPTURE(kind);
      CAPTURE(row_text(inputs, 0));
      CHECK(((std::isnan(got) && std::isnan(want)) || got == want));
    }
    for (const Op op : {Op::argmax, Op::argmin}) {
      const Sample sample{op, {x.type()}, {{"axis", std::int64_t{0}}}, {}};
      CHECK(run(sample, inputs) == structure_reference(sample, inputs));
    }
  }
}

TEST_CASE("the reference's Philox gives the vectors of the Random123 distribution") {
  using Words = std::array<std::uint32_t, 4>;
  constexpr std::uint32_t ones = 0xffffffffu;
  CHECK(philox_block({0, 0, 0, 0}, {0, 0}) ==
        Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox_block({ones, ones, ones, ones}, {ones, ones}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox_block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random_bits begins with Philox's first known block for a zero key") {
  const Sample sample{
      Op::random_bits, {{DType::u64, {2}}}, {{"dtype", DType::u32}, {"shape", Ints{4}}}, {}};
  const std::vector<Literal> key{Literal::zeros({DType::u64, {2}})};
  CHECK(run(sample, key) ==
        Literal::from<std::uint32_t>({4}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
}

TEST_CASE("philox_u32 is Philox at any key and any 64-bit index") {
  ScalarBuilder b;
  const ScalarProgram program = b.take(
      math::philox_u32(b, b.param(0, DType::u64), b.param(1, DType::u64), b.param(2, DType::u64)));
  std::mt19937_64 random(11);
  for (int k = 0; k < 200; ++k) {
    const std::uint64_t key0 = random(), key1 = random(),
                        index = k < 8 ? ~std::uint64_t{0} - k : random();
    const void* const params[] = {&key0, &key1, &index};
    const bool splat[3] = {};
    std::uint32_t word = 0;
    eval_scalar_program(program, params, splat, &word, 1);
    const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
    const auto block = philox_block({low(index / 4), high(index / 4), low(key1), high(key1)},
                                    {low(key0), high(key0)});
    CHECK(word == block[index % 4]);
  }
}
