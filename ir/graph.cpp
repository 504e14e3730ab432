// Graphs: hash, equality, users and liveness.
#include "ir/graph.h"

#include <algorithm>

#include "ir/hash.h"

namespace weft::ir {
namespace {

std::uint64_t hash_value(std::uint64_t h, Value v) {
  return hash_mix(h, (std::uint64_t{v.node} << 32) | v.result);
}

std::uint64_t hash_type(std::uint64_t h, const Type& type) {
  h = hash_mix(h, (static_cast<std::uint64_t>(type.dtype) << 32) | type.shape.size());
  for (const Dim d : type.shape) h = hash_mix(h, static_cast<std::uint64_t>(std::int64_t{d}));
  return h;
}

bool same_bodies(const Node& a, const Node& b) {
  return std::equal(
      a.bodies.begin(), a.bodies.end(), b.bodies.begin(), b.bodies.end(),
      [](const auto& x, const auto& y) { return x == y || x->structurally_equal(*y); });
}

}  // namespace

std::uint64_t structural_hash(const Node& node) {
  std::uint64_t h = hash_mix(static_cast<std::uint64_t>(node.op), node.operands.size());
  for (const Value v : node.operands) h = hash_value(h, v);
  if (!node.attrs.empty()) h = hash_mix(h, node.attrs.hash());
  for (const auto& body : node.bodies) h = hash_mix(h, body->structural_hash());
  // Other operations' types follow from what is hashed already.
  if (node.op == Op::parameter)
    for (const Type& type : node.types) h = hash_type(h, type);
  return h;
}

bool structurally_equal(const Node& a, const Node& b) {
  return a.op == b.op && a.operands == b.operands && a.types == b.types && a.attrs == b.attrs &&
         same_bodies(a, b);
}

std::uint64_t Graph::structural_hash() const {
  std::uint64_t h = hash_mix(param_count(), nodes_.size());
  for (const Node& node : nodes_) h = hash_mix(h, ir::structural_hash(node));
  for (const Value v : results_) h = hash_value(h, v);
  return h;
}

bool Graph::structurally_equal(const Graph& other) const {
  return results_ == other.results_ &&
         std::equal(nodes_.begin(), nodes_.end(), other.nodes_.begin(), other.nodes_.end(),
                    [](const Node& a, const Node& b) { return ir::structurally_equal(a, b); });
}

std::vector<std::vector<std::uint32_t>> Graph::users() const {
  std::vector<std::vector<std::uint32_t>> users(nodes_.size());
  for (std::uint32_t id = 0; id < nodes_.size(); ++id)
    for (const Value v : nodes_[id].operands)
      if (users[v.node].empty() || users[v.node].back() != id) users[v.node].push_back(id);
  return users;
}

std::vector<bool> Graph::live() const {
  std::vector<bool> live(nodes_.size());
  for (const Value v : results_) live[v.node] = true;
  for (std::size_t id = nodes_.size(); id-- > 0;)
    if (live[id])
      for (const Value v : nodes_[id].operands) live[v.node] = true;
  return live;
}

}  // namespace weft::ir
