// Every operation of the table, by what its entry says: text, types, batches, derivatives and code.
#include <doctest/doctest.h>

#include <cmath>

#include <weft/error.h>
#include "passes/autodiff.h"
#include "runtime/engine.h"
#include "tests/ops/batched.h"
#include "tests/ops/samples.h"

using namespace weft;
using namespace weft::ir;
using namespace weft::test;

namespace {

template <class F>
void for_each_sample(F f) {
  for (const OpDef& def : all_ops())
    for (const Sample& sample : samples(def)) f(def, sample);
}

double dot(std::span<const Literal> a, std::span<const Literal> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k)
    for (std::int64_t i = 0; i < a[k].type().elements(); ++i) sum += a[k].at(i) * b[k].at(i);
  return sum;
}

/// x + step * direction for the operands in wrt.
std::vector<Literal> moved(std::vector<Literal> x, std::span<const std::size_t> wrt,
                           std::span<const Literal> direction, double step) {
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    double* values = x[wrt[k]].mutable_as<double>();
    for (std::int64_t i = 0; i < direction[k].type().elements(); ++i)
      values[i] += step * direction[k].at(i);
  }
  return x;
}

/// A sample in f64 with what its derivatives need.
struct Differentiable {
  Graph graph;
  std::vector<Literal> inputs;
  std::vector<std::size_t> wrt;      // its f64 operands
  std::vector<Literal> directions;   // one for each of wrt
  std::vector<std::size_t> results;  // the f64 ones
};

Differentiable differentiable(const Sample& sample) {
  Differentiable d{sample.graph(), draw(sample, 7), {}, {}, {}};
  for (std::size_t k = 0; k < sample.operands.size(); ++k)
    if (sample.operands[k].dtype == DType::f64) {
      d.wrt.push_back(k);
      d.directions.push_back(draw_uniform(sample.operands[k], -1, 1, 100 + k));
    }
  for (std::size_t k = 0; k < d.graph.results().size(); ++k)
    if (d.graph.type(d.graph.results()[k]).dtype == DType::f64) d.results.push_back(k);
  return d;
}

/// Walks the samples that have a derivative; those whose derivative does not exist yet are counted.
template <class F>
void for_each_differentiable(F f) {
  std::string unsupported;
  for_each_sample([&](const OpDef& def, const Sample& sample) {
    // `fused` comes after differentiation, and bits have no derivative, even if nothing changes.
    if (sample.dtype() != DType::f64 || def.op == Op::fused || def.op == Op::bitcast) return;
    const Differentiable d = differentiable(sample);
    if (d.wrt.empty() || d.results.empty()) return;
    try {
      f(sample, d);
    } catch (const Unsupported&) {
      unsupported += std::string(def.name) + ' ';
    }
  });
  CHECK(unsupported == "");
}

std::vector<Literal> tangents(const Differentiable& d) {
  std::vector<Literal> inputs = d.inputs;
  inputs.insert(inputs.end(), d.directions.begin(), d.directions.end());
  const std::vector<Literal> all = interpret(passes::jvp(d.graph, d.wrt), inputs);
  std::vector<Literal> tangents;
  for (std::size_t k : d.results) tangents.push_back(all[d.graph.results().size() + k]);
  return tangents;
}

std::vector<Literal> float_results(const Differentiable& d, std::span<const Literal> inputs) {
  const std::vector<Literal> all = interpret(d.graph, inputs);
  std::vector<Literal> kept;
  for (std::size_t k : d.results) kept.push_back(all[k]);
  return kept;
}

}  // namespace

TEST_CASE("every operation has samples, but for parameter, which every sample has") {
  for (const OpDef& def : all_ops()) {
    CAPTURE(def.name);
    CHECK(samples(def).empty() == (def.op == Op::parameter));
  }
}

TEST_CASE("every operation keeps its graph through the text") {
  for_each_sample([](const OpDef&, const Sample& sample) {
    const Graph graph = sample.graph();
    const std::string text = print(graph);
    const Graph parsed = parse(text);
    CHECK(print(parsed) == text);
    CAPTURE(text);
    CHECK(parsed.structurally_equal(graph));
    CHECK(parsed.structural_hash() == graph.structural_hash());
    verify(parsed);
  });
}

TEST_CASE("every operation computes a value of the type that inference says") {
  for_each_sample([](const OpDef&, const Sample& sample) {
    const Graph graph = sample.graph();
    const std::vector<Literal> results = interpret(graph, draw(sample, 1));
    CAPTURE(print(graph));
    for (std::size_t k = 0; k < results.size(); ++k)
      CHECK(results[k].type() == graph.type(graph.results()[k]));
  });
}

TEST_CASE("every operation on a stack of inputs is a stack of its results, compiled too") {
  for_each_sample([](const OpDef& def, const Sample& sample) {
    if (def.kind == Kind::source) return;  // of these random_bits alone has an operand, its key
    const Graph one = sample.graph(), all = batched(one, 3);
    std::vector<std::vector<Literal>> inputs(sample.operands.size()), results(one.results().size());
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      const std::vector<Literal> drawn = draw(sample, seed), got = interpret(one, drawn);
      for (std::size_t k = 0; k < drawn.size(); ++k) inputs[k].push_back(drawn[k]);
      for (std::size_t k = 0; k < got.size(); ++k) results[k].push_back(got[k]);
    }
    std::vector<Literal> stacks;
    for (const std::vector<Literal>& parts : inputs) stacks.push_back(stacked(parts));
    CAPTURE(print(all));
    const auto check = [&](const std::vector<Literal>& got) {
      for (std::size_t k = 0; k < got.size(); ++k) {
        const Literal expected = stacked(results[k]);
        CAPTURE(difference(got[k], expected));
        CHECK(equal_but_nans(got[k], expected));
      }
    };
    check(interpret(all, stacks));
    check(run_executable(*runtime::compile(all), all, stacks));
  });
}

TEST_CASE("forward derivatives of every operation agree with central differences") {
  for_each_differentiable([](const Sample&, const Differentiable& d) {
    constexpr double step = 1e-5;
    const std::vector<Literal> got = tangents(d);
    const auto above = float_results(d, moved(d.inputs, d.wrt, d.directions, step));
    const auto below = float_results(d, moved(d.inputs, d.wrt, d.directions, -step));
    double worst = 0;
    for (std::size_t k = 0; k < got.size(); ++k)
      for (std::int64_t i = 0; i < got[k].type().elements(); ++i) {
        const bool moves = above[k].at(i) != below[k].at(i);  // else both may be infinite
        const double slope = moves ? (above[k].at(i) - below[k].at(i)) / (2 * step) : 0;
        const double error = std::fabs(got[k].at(i) - slope) / (1 + std::fabs(slope));
        if (!(error <= worst)) worst = error;  // NaN too
      }
    CAPTURE(print(d.graph));
    CHECK(worst < 1e-6);
  });
}

TEST_CASE("reverse derivatives of every operation are the transposition of forward ones") {
  for_each_differentiable([](const Sample&, const Differentiable& d) {
    const std::vector<Literal> forward = tangents(d);
    std::vector<Literal> inputs = d.inputs, cotangents;
    for (std::size_t k = 0; k < forward.size(); ++k)
      cotangents.push_back(draw_uniform(forward[k].type(), -1, 1, 200 + k));
    inputs.insert(inputs.end(), cotangents.begin(), cotangents.end());
    const std::vector<Literal> all = interpret(passes::vjp(d.graph, d.wrt).graph, inputs);
    const std::vector<Literal> gradients(
        all.begin() + static_cast<std::ptrdiff_t>(d.graph.results().size()), all.end());
    CAPTURE(print(d.graph));
    REQUIRE(gradients.size() == d.wrt.size());
    const double left = dot(cotangents, forward), right = dot(gradients, d.directions);
    CHECK(std::fabs(left - right) <= 1e-10 * (1 + std::fabs(left)));
  });
}

TEST_CASE("compiled code of every operation gives the interpreter's bits") {
  runtime::clear_caches();
  const std::size_t before = runtime::engine_stats().kernels_compiled;
  for_each_sample([](const OpDef&, const Sample& sample) {
    const Graph graph = sample.graph();
    const std::vector<Literal> inputs = draw(sample, 2);
    const std::vector<Literal> expected = interpret(graph, inputs);
    for (const bool fuse : {true, false})
      for (const int threads : {1, 2}) {
        runtime::set_thread_count(threads);
        const std::vector<Literal> got =
            run_executable(*runtime::compile(graph, {.fuse = fuse}), graph, inputs);
        CAPTURE(print(graph));
        CAPTURE(fuse);
        CAPTURE(threads);
        for (std::size_t k = 0; k < got.size(); ++k) {
          CAPTURE(difference(got[k], expected[k]));
          CHECK(equal_but_nans(got[k], expected[k]));
        }
      }
  });
  CHECK(runtime::engine_stats().kernels_compiled - before > all_ops().size());
}
