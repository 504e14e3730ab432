// Forward mode: each operation's own rule, on tangents of which many are symbolic zeros.
#include "passes/linearize.h"

#include <algorithm>
#include <string>
#include <utility>

#include "ir/expansion.h"
#include "passes/inline_fused.h"
#include "passes/splat.h"

namespace weft::passes {
namespace {

using namespace ir;

void check_parameter(const Graph& f, std::size_t k, std::string_view caller) {
  if (k >= f.param_count())
    throw Error(std::string(caller) + ": expected a parameter of @" + f.name() + ", which has " +
                std::to_string(f.param_count()) + ", got number " + std::to_string(k));
  const Type& type = f.type(f.param(k));
  if (!is_float(type.dtype))
    throw Error(std::string(caller) + ": parameter %" + f.param_name(k) +
                    " has no derivative, expected a float dtype, got " + type.str(),
                f.node(f.param(k)).where);
}

Value add_tangents(Builder& b, Value a, Value c) {
  if (!a.valid()) return c;
  if (!c.valid()) return a;
  return b.binary(Op::add, a, c);
}

/// partial * tangent, where a partial of 1 or -1 needs no product.
Value scaled(Builder& b, Value tangent, Value partial) {
  if (is_splat_of(b.graph(), partial, 1)) return tangent;
  if (is_splat_of(b.graph(), partial, -1)) return b.unary(Op::neg, tangent);
  return b.binary(Op::mul, tangent, partial);
}

/// Sum over the operands of partial derivative times tangent.
Value elementwise_tangent(const JvpContext& c, PartialFn partial) {
  const PartialContext at{c.b, c.node, c.operands, c.results[0]};
  Value sum;
  for (std::size_t k = 0; k < c.operands.size(); ++k) {
    if (!c.tangents[k].valid()) continue;
    const Value p = partial(at, static_cast<int>(k));
    if (p.valid()) sum = add_tangents(c.b, sum, scaled(c.b, c.tangents[k], p));
  }
  return sum;
}

/// Forward mode over the nodes of one graph, into a builder.
class Forward {
 public:
  /// The graph's parameters have values and tangents already. A tangent is invalid where it is
  /// zero.
  Forward(Builder& b, const Graph& graph, std::vector<Value>& primal, std::vector<Value>& tangents)
      : b_(b), graph_(graph), primal_(primal), tangents_(tangents) {}

  void run() {
    const std::vector<bool> live = graph_.live();
    for (std::uint32_t id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_.node(id);
      if (!live[id] || node.op == Op::parameter) continue;
      b_.set_location(node.where);
      const Value result = copy_node(b_, graph_, id, primal_);
      tangents_[id] = tangent(node, result);
    }
  }

 private:
  Value tangent(const Node& node, Value result) {
    const OpDef& definition = def(node.op);
    if (!is_float(node.types[0].dtype)) return {};
    std::vector<Value> operands, tangents;
    for (const Value& v : node.operands) {
      operands.push_back(primal_[v.node]);
      tangents.push_back(tangents_[v.node]);
    }
    const auto valid = [](const Value& v) { return v.valid(); };
    if (std::none_of(tangents.begin(), tangents.end(), valid)) return {};
    const Value results[] = {result};
    const JvpContext context{b_, node, operands, results, tangents};
    if (definition.jvp) return definition.jvp(context);
    if (definition.partial) return elementwise_tangent(context, definition.partial);
    return definition.expand ? expanded(context) : Value{};
  }

  static Value expanded(const JvpContext& c) {
    std::vector<Type> types;
    for (const Value& v : c.operands) types.push_back(c.b.type(v));
    const Graph graph = expansion(c.node, types);
    std::vector<Value> primal(graph.size()), tangents(graph.size());
    std::copy(c.operands.begin(), c.operands.end(), primal.begin());
    std::copy(c.tangents.begin(), c.tangents.end(), tangents.begin());
    Forward(c.b, graph, primal, tangents).run();
    return tangents[graph.results()[0].node];
  }

  Builder& b_;
  const Graph& graph_;
  std::vector<Value>&primal_, &tangents_;  // of each node's first result
};

/// Adds f's parameters and the tangents to the builder.
void add_parameters(Linearization& lin, const Graph& f, std::span<const std::size_t> wrt,
                    std::vector<Value>& tangent_of) {
  for (std::size_t k = 0; k < f.param_count(); ++k)
    lin.primal[k] = lin.b.parameter(f.type(f.param(k)), f.param_name(k), f.node(f.param(k)).where);
  std::vector<std::pair<std::size_t, Value>> tangents;
  for (std::size_t k : wrt) {
    tangents.emplace_back(k, lin.b.parameter(f.type(f.param(k)), "d" + f.param_name(k)));
  }
  for (const auto& [k, tangent] : tangents)
    tangent_of[k] = add_tangents(lin.b, tangent_of[k], tangent);
}

Linearization linearize_flat(const Graph& f, std::span<const std::size_t> wrt) {
  Linearization lin{Builder(f.name() + "_jvp"), std::vector<Value>(f.size()), {}, {}};
  std::vector<Value> tangent_of(f.size());
  add_parameters(lin, f, wrt, tangent_of);
  Forward(lin.b, f, lin.primal, tangent_of).run();
  for (const Value& v : f.results()) {
    lin.results.push_back(lin.primal[v.node]);
    lin.tangents.push_back(tangent_of[v.node]);
  }
  return lin;
}

}  // namespace

Linearization linearize(const Graph& f, std::span<const std::size_t> wrt, std::string_view caller) {
  for (std::size_t k : wrt) check_parameter(f, k, caller);
  if (!has_fused(f)) return linearize_flat(f, wrt);
  const Inlined flat = inline_fused(f);
  Linearization lin = linearize_flat(flat.graph, wrt);
  std::vector<Value> primal(f.size());
  for (std::size_t id = 0; id < f.size(); ++id)
    if (const Value v = flat.map[id]; v.valid()) primal[id] = lin.primal[v.node];
  lin.primal = std::move(primal);
  return lin;
}

}  // namespace weft::passes
