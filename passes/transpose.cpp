// Reverse mode's second half: one walk backwards over the linear nodes, adding up cotangents.
#include "passes/transpose.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace weft::passes {
namespace {

using namespace ir;

/// Which nodes depend on the parameters from `first_linear` on.
std::vector<bool> linear_nodes(const Graph& jvp, std::size_t first_linear) {
  std::vector<bool> linear(jvp.size(), false);
  for (std::uint32_t id = 0; id < jvp.size(); ++id) {
    const Node& node = jvp.node(id);
    if (node.op == Op::parameter)
      linear[id] = id >= first_linear;
    else
      linear[id] = std::any_of(node.operands.begin(), node.operands.end(),
                               [&](const Value& v) { return linear[v.node]; });
  }
  return linear;
}

class Transposer {
 public:
  Transposer(const Graph& jvp, std::size_t first_linear, std::string name)
      : jvp_(jvp),
        linear_(linear_nodes(jvp, first_linear)),
        cotangent_(jvp.size()),
        out_{Builder(std::move(name)), std::vector<Value>(jvp.size()), {}} {}

  Transposition run(std::size_t first_linear, const std::vector<CotangentSpec>& cotangents) {
    for (std::uint32_t id = 0; id < first_linear; ++id)
      out_.map[id] =
          out_.b.parameter(jvp_.node(id).types[0], jvp_.param_name(id), jvp_.node(id).where);
    for (const CotangentSpec& spec : cotangents) {
      const Value seed = out_.b.parameter(spec.type, spec.name);
      seeds_.emplace_back(spec.tangent, seed);
    }
    copy_known_nodes();
    for (const auto& [tangent, seed] : seeds_)
      if (tangent.valid() && linear_[tangent.node]) accumulate(tangent, seed);
    for (std::uint32_t id = static_cast<std::uint32_t>(jvp_.size()); id-- > 0;)
      if (linear_[id] && cotangent_[id].valid() && jvp_.node(id).op != Op::parameter)
        transpose_node(jvp_.node(id), cotangent_[id]);
    for (std::size_t k = first_linear; k < jvp_.param_count(); ++k)
      out_.gradients.push_back(cotangent_[k].valid() ? cotangent_[k]
                                                     : out_.b.full(jvp_.type(jvp_.param(k)), 0));
    return std::move(out_);
  }

 private:
  void copy_known_nodes() {
    const std::vector<bool> live = jvp_.live();
    for (std::uint32_t id = 0; id < jvp_.size(); ++id) {
      const Node& node = jvp_.node(id);
      if (!live[id] || linear_[id] || node.op == Op::parameter) continue;
      out_.b.set_location(node.where);
      copy_node(out_.b, jvp_, id, out_.map);
    }
  }

  void accumulate(Value of, Value cotangent) {
    Value& sum = cotangent_[of.node];
    sum = sum.valid() ? out_.b.binary(Op::add, sum, cotangent) : cotangent;
  }

  void transpose_node(const Node& node, Value cotangent) {
    const OpDef& definition = def(node.op);
    if (!definition.transpose)
      throw Unsupported(std::string(definition.name) + ": no reverse-mode derivative", node.where);
    const std::size_t count = node.operands.size();
    std::vector<Type> types;
    std::vector<Value> operands(count);
    const auto linear = std::make_unique<bool[]>(count);
    for (std::size_t k = 0; k < count; ++k) {
      const Value v = node.operands[k];
      types.push_back(jvp_.type(v));
      linear[k] = linear_[v.node];
      if (!linear[k]) operands[k] = out_.map[v.node];
    }
    out_.b.set_location(node.where);
    const std::vector<Value> flow = definition.transpose(
        {out_.b, node, types, operands, std::span<const bool>(linear.get(), count), cotangent});
    for (std::size_t k = 0; k < count; ++k)
      if (flow[k].valid()) accumulate(node.operands[k], flow[k]);
  }

  const Graph& jvp_;
  std::vector<bool> linear_;
  std::vector<Value> cotangent_;  // of each linear node
  std::vector<std::pair<Value, Value>> seeds_;
  Transposition out_;
};

}  // namespace

Transposition transpose_linear(const Graph& jvp, std::size_t first_linear,
                               const std::vector<CotangentSpec>& cotangents, std::string name) {
  return Transposer(jvp, first_linear, std::move(name)).run(first_linear, cotangents);
}

}  // namespace weft::passes
