// The reference interpreter: walks the nodes in order and frees each value after its last reader.
#include <string>

#include <weft/error.h>
#include "ir/interpret_parts.h"

namespace weft::ir {

namespace {

/// For each node, the nodes whose values nobody reads after it.
std::vector<std::vector<std::uint32_t>> dying_after(const Graph& graph) {
  std::vector<std::uint32_t> last(graph.size(), 0);
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    last[id] = id;
    for (const Value& v : graph.node(id).operands) last[v.node] = id;
  }
  for (const Value& v : graph.results()) last[v.node] = static_cast<std::uint32_t>(graph.size());
  std::vector<std::vector<std::uint32_t>> dying(graph.size() + 1);
  for (std::uint32_t id = 0; id < graph.size(); ++id) dying[last[id]].push_back(id);
  return dying;
}

/// Which nodes some result depends on. The others are not computed, whatever they would do.
std::vector<bool> needed_nodes(const Graph& graph) {
  std::vector<bool> needed(graph.size(), false);
  for (const Value& v : graph.results()) needed[v.node] = true;
  for (std::uint32_t id = static_cast<std::uint32_t>(graph.size()); id-- > 0;) {
    if (!needed[id]) continue;
    for (const Value& v : graph.node(id).operands) needed[v.node] = true;
  }
  return needed;
}

void check_inputs(const Graph& graph, std::span<const Literal> inputs) {
  if (inputs.size() != graph.param_count())
    throw Error("interpret @" + graph.name() + ": expected " + std::to_string(graph.param_count()) +
                " inputs, got " + std::to_string(inputs.size()));
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Type& want = graph.type(graph.param(k));
    if (inputs[k].type() != want)
      throw Error("interpret @" + graph.name() + ": input " + std::to_string(k) + " (%" +
                      graph.param_name(k) + ") expected " + want.str() + ", got " +
                      inputs[k].type().str(),
                  graph.node(graph.param(k)).where);
  }
}

Literal interpret_source(const Node& node, std::span<const Literal> operands) {
  switch (node.op) {
    case Op::constant:
      return node.attrs.literal("value");
    case Op::iota:
      return interpret_iota(node);
    case Op::random_bits:
      return interpret_random_bits(node, operands[0]);
    default:
      break;
  }
  throw InternalError("interpret: " + std::string(def(node.op).name) + " has no value of its own");
}

Literal interpret_one(const Node& node, std::span<const Literal> operands) {
  switch (def(node.op).kind) {
    case Kind::source:
      return interpret_source(node, operands);
    case Kind::elementwise:
      return interpret_elementwise(node, operands);
    case Kind::view:
      return interpret_view(node, operands[0]);
    case Kind::assemble:
      return node.op == Op::pad ? interpret_pad(node, operands[0], operands[1])
                                : interpret_concatenate(node, operands);
    case Kind::reduce:
      return node.op == Op::reduce ? interpret_reduce(node, operands[0])
                                   : interpret_arg_extreme(node, operands[0]);
    case Kind::scan:
      return interpret_cumulative(node, operands[0]);
    case Kind::contract:
      return interpret_dot(node, operands[0], operands[1]);
    case Kind::attention:
      return interpret_attention(node, operands);
    case Kind::gather:
      return interpret_gather(node, operands[0], operands[1]);
    case Kind::scatter:
      return interpret_scatter(node, operands[0], operands[1], operands[2]);
    case Kind::control:
      return operands[0];  // optimization_barrier
  }
  throw InternalError("interpret: unknown kind of " + std::string(def(node.op).name));
}

}  // namespace

void no_arithmetic(const Node& node, DType dtype) {
  throw Unsupported(
      std::string(def(node.op).name) + ": no arithmetic on " + std::string(name(dtype)) + " yet",
      node.where);
}

std::vector<Literal> interpret_node(const Node& node, std::span<const Literal> operands) {
  if (node.op == Op::fused) return interpret(*node.bodies.at(0), operands);
  std::vector<Literal> results{interpret_one(node, operands)};
  if (results[0].type() != node.types[0])
    throw InternalError("interpret: " + std::string(def(node.op).name) + " gives " +
                        results[0].type().str() + ", its node says " + node.types[0].str());
  return results;
}

std::vector<Literal> interpret(const Graph& graph, std::span<const Literal> inputs) {
  check_inputs(graph, inputs);
  const auto needed = needed_nodes(graph);
  const auto dying = dying_after(graph);
  std::vector<std::vector<Literal>> values(graph.size());
  for (std::uint32_t id = 0; id < graph.size(); ++id) {
    if (!needed[id]) continue;
    const Node& node = graph.node(id);
    if (node.op == Op::parameter) {
      values[id] = {inputs[id]};
    } else {
      std::vector<Literal> operands;
      operands.reserve(node.operands.size());
      for (const Value& v : node.operands) operands.push_back(values[v.node][v.result]);
      values[id] = interpret_node(node, operands);
    }
    for (std::uint32_t dead : dying[id]) values[dead].clear();
  }
  std::vector<Literal> results;
  for (const Value& v : graph.results()) results.push_back(values[v.node][v.result]);
  return results;
}

}  // namespace weft::ir
