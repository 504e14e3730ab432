// jvp, vjp and grad, put together from linearization and transposition.
#include "passes/autodiff.h"

#include <string>
#include <string_view>
#include <utility>

#include "ir/builder.h"
#include "passes/copy_live.h"
#include "passes/linearize.h"
#include "passes/pipeline.h"
#include "passes/transpose.h"

namespace weft::passes {
namespace {

using namespace ir;

/// The tangents that flow, as results of a graph that computes them beside f's results.
Graph finish_with_tangents(Linearization& lin) {
  std::vector<Value> results = lin.results;
  for (const Value& tangent : lin.tangents)
    if (tangent.valid()) results.push_back(tangent);
  return lin.b.finish(std::move(results));
}

std::vector<CotangentSpec> cotangent_specs(const Graph& f, const std::vector<Value>& tangents) {
  std::vector<CotangentSpec> specs;
  std::size_t count = 0;
  for (const Value& v : f.results()) count += is_float(f.type(v).dtype);
  for (std::size_t k = 0; k < f.results().size(); ++k) {
    const Type& type = f.type(f.results()[k]);
    if (!is_float(type.dtype)) continue;
    const std::string name = count == 1 ? "ct" : "ct" + std::to_string(specs.size());
    specs.push_back({tangents[k], type, name});
  }
  return specs;
}

void check_scalar_result(const Graph& f) {
  if (f.results().size() != 1)
    throw Error("grad: expected @" + f.name() + " to have one scalar float result, got " +
                std::to_string(f.results().size()) + " results");
  const Value result = f.results()[0];
  const Type& type = f.type(result);
  if (!is_float(type.dtype) || type.rank() != 0)
    throw Error(
        "grad: expected the result of @" + f.name() + " to be a scalar float, got " + type.str(),
        f.node(result).where);
}

/// vjp on behalf of `caller`, which messages name.
Vjp reverse_mode(const Graph& f, std::span<const std::size_t> wrt, std::string_view caller) {
  Linearization lin = linearize(f, wrt, caller);
  const Graph forward = finish_with_tangents(lin);
  Transposition reverse = transpose_linear(forward, f.param_count(),
                                           cotangent_specs(f, lin.tangents), f.name() + "_vjp");
  std::vector<Value> results;
  for (const Value& v : lin.results) {
    const Value first = reverse.map[v.node];
    results.push_back({first.node, first.result + v.result});
  }
  results.insert(results.end(), reverse.gradients.begin(), reverse.gradients.end());

  Copied live = copy_live(reverse.b.finish(std::move(results)));
  Vjp out{std::move(live.graph), std::vector<Value>(f.size())};
  for (std::size_t id = 0; id < f.size(); ++id) {
    const Value in_forward = lin.primal[id];
    if (!in_forward.valid()) continue;
    const Value in_reverse = reverse.map[in_forward.node];
    if (in_reverse.valid()) out.primal[id] = live.map[in_reverse.node];
  }
  return out;
}

}  // namespace

Graph jvp(const Graph& f, std::span<const std::size_t> wrt) {
  Linearization lin = linearize(f, wrt, "jvp");
  std::vector<Value> results = lin.results;
  for (std::size_t k = 0; k < lin.tangents.size(); ++k) {
    const Value tangent = lin.tangents[k];
    results.push_back(tangent.valid() ? tangent : lin.b.full(f.type(f.results()[k]), 0));
  }
  return dce(lin.b.finish(std::move(results)));
}

Vjp vjp(const Graph& f, std::span<const std::size_t> wrt) { return reverse_mode(f, wrt, "vjp"); }

Graph grad(const Graph& f, std::span<const std::size_t> wrt, bool with_value) {
  check_scalar_result(f);
  const Graph reverse = reverse_mode(f, wrt, "grad").graph;
  Builder b(f.name() + "_grad");
  std::vector<Value> args;
  for (std::size_t k = 0; k < f.param_count(); ++k)
    args.push_back(b.parameter(f.type(f.param(k)), f.param_name(k), f.node(f.param(k)).where));
  args.push_back(b.scalar(f.type(f.results()[0]).dtype, 1));
  std::vector<Value> results = inline_graph(b, reverse, args);
  if (!with_value) results.erase(results.begin());
  return simplify(b.finish(std::move(results)));
}

}  // namespace weft::passes
