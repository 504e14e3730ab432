#include "passes/clusters.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace weft::passes {

using ir::Value;

namespace {

// Between the ranks of clusters that were added one after another, so that a reader can move behind
// another without moving all that come after it.
constexpr std::int64_t rank_step = 1 << 20;

}  // namespace

Clusters::Clusters(const ir::Graph& graph)
    : graph_(graph),
      users_(graph.users()),
      is_result_(graph.size(), false),
      home_(graph.size(), -1),
      holders_(graph.size()) {
  for (const Value& v : graph.results()) is_result_[v.node] = true;
}

bool Clusters::contains(int cluster, std::uint32_t id) const {
  const auto& nodes = clusters_[cluster].nodes;
  return std::binary_search(nodes.begin(), nodes.end(), id);
}

std::vector<int> Clusters::readers(std::uint32_t id) const {
  std::vector<int> result;
  for (std::uint32_t user : users_[id]) {
    for (int c : holders_[user]) {
      const bool known = std::find(result.begin(), result.end(), c) != result.end();
      if (!known && !contains(c, id)) result.push_back(c);
    }
  }
  return result;
}

std::vector<Value> Clusters::reads(int cluster) const {
  std::vector<Value> result;
  for (std::uint32_t id : clusters_[cluster].nodes) {
    for (const Value& v : graph_.node(id).operands) {
      if (!contains(cluster, v.node) && std::find(result.begin(), result.end(), v) == result.end())
        result.push_back(v);
    }
  }
  return result;
}

std::vector<std::uint32_t> Clusters::outputs(int cluster) const {
  std::vector<std::uint32_t> result;
  for (std::uint32_t id : clusters_[cluster].nodes) {
    if (home_[id] == cluster) result.push_back(id);
  }
  return result;
}

int Clusters::add(std::uint32_t id, bool fusible) {
  const int cluster = static_cast<int>(clusters_.size());
  clusters_.push_back({.nodes = {id}, .fusible = fusible});
  holders_[id].push_back(cluster);
  home_[id] = cluster;
  rank_.push_back(-rank_step * cluster);  // first: nothing that it reads is in a cluster yet
  return cluster;
}

std::optional<Clusters::Union> Clusters::unite(std::span<const int> parts, const std::uint32_t* id,
                                               bool store, std::string* why) const {
  Union result;
  for (int c : parts) {
    const Cluster& cluster = clusters_[c];
    if (!cluster.fusible) {
      if (why) *why = std::string(ir::def(graph_.node(cluster.nodes[0]).op).name) + " runs alone";
      return std::nullopt;
    }
    result.nodes.insert(result.nodes.end(), cluster.nodes.begin(), cluster.nodes.end());
    const auto outs = outputs(c);
    result.stored.insert(result.stored.end(), outs.begin(), outs.end());
  }
  if (id) {
    result.nodes.push_back(*id);
    if (store) result.stored.push_back(*id);
  }
  std::sort(result.nodes.begin(), result.nodes.end());
  result.nodes.erase(std::unique(result.nodes.begin(), result.nodes.end()), result.nodes.end());
  std::sort(result.stored.begin(), result.stored.end());
  return result;
}

bool Clusters::can_merge(std::span<const int> parts, const std::uint32_t* id, bool store,
                         std::string* why) const {
  const auto all = unite(parts, id, store, why);
  return all && ir::GroupAnalysis::of(graph_, all->nodes, all->stored, why);
}

bool Clusters::join(std::uint32_t id, int cluster, bool store, std::string* why) {
  return merge(std::array{cluster}, &id, store, why);
}

// Most nodes come before all others of the cluster, so that its loop nest only grows.
std::optional<bool> Clusters::grow(std::uint32_t id, int cluster, bool store, std::string* why) {
  ir::GroupAnalysis* nest = clusters_[cluster].nest.get();
  const std::optional<bool> grown = nest ? nest->add(id, store, why) : std::nullopt;
  if (grown == true) joined(id, cluster, store);
  return grown;
}

void Clusters::joined(std::uint32_t id, int cluster, bool store) {
  std::vector<std::uint32_t>& nodes = clusters_[cluster].nodes;
  nodes.insert(std::lower_bound(nodes.begin(), nodes.end(), id), id);
  holders_[id].push_back(cluster);
  if (!store) return;
  home_[id] = cluster;
  keep_order(cluster);
}

bool Clusters::merge(std::span<const int> parts, const std::uint32_t* id, bool store,
                     std::string* why) {
  if (parts.size() == 1 && id)
    if (const auto grown = grow(*id, parts[0], store, why)) return *grown;
  auto all = unite(parts, id, store, why);
  if (!all) return false;
  std::unique_ptr<ir::GroupAnalysis> nest =
      ir::GroupAnalysis::of(graph_, all->nodes, all->stored, why);
  if (!nest) return false;
  const int target = parts[0];
  for (std::uint32_t n : all->nodes) {
    std::erase_if(holders_[n],
                  [&](int c) { return std::find(parts.begin(), parts.end(), c) != parts.end(); });
    holders_[n].push_back(target);
  }
  for (std::uint32_t n : all->stored) home_[n] = target;
  for (int c : parts.subspan(1)) {
    clusters_[c] = Cluster();
    clusters_[c].fusible = false;
    clusters_[c].gone = true;
  }
  clusters_[target].nodes = std::move(all->nodes);
  clusters_[target].nest = std::move(nest);
  for (int c : parts) rank_[target] = std::max(rank_[target], rank_[c]);
  if (parts.size() > 1 || store) keep_order(target);
  return true;
}

std::vector<int> Clusters::successors(int cluster) const {
  std::vector<int> result;
  for (std::uint32_t id : outputs(cluster)) {
    for (int c : readers(id)) result.push_back(c);
  }
  return result;
}

std::vector<int> Clusters::predecessors(int cluster) const {
  std::vector<int> result;
  for (std::uint32_t id : clusters_[cluster].nodes) {
    for (const Value& v : graph_.node(id).operands) {
      const int c = home_[v.node];
      if (c >= 0 && c != cluster && !contains(cluster, v.node)) result.push_back(c);
    }
  }
  return result;
}

// Only clusters between the two in the order can lie on a path, so a query looks at no others. It
// searches from both ends in turn, nearest first: a layer reaches its own gradient in few steps, or
// through all layers above it.
bool Clusters::reaches(int from, int to) const {
  if (rank_[from] >= rank_[to]) return false;
  for (auto& seen : seen_) seen.resize(clusters_.size(), 0);
  ++query_;
  std::array<std::vector<int>, 2> waiting{std::vector{from}, std::vector{to}};
  std::array<std::size_t, 2> next{0, 0};
  seen_[0][from] = seen_[1][to] = query_;
  for (std::size_t side = 0;; side = 1 - side) {
    if (next[side] == waiting[side].size()) return false;
    const int c = waiting[side][next[side]++];
    for (int found : side == 0 ? successors(c) : predecessors(c)) {
      if (seen_[1 - side][found] == query_) return true;
      const bool between = rank_[from] < rank_[found] && rank_[found] < rank_[to];
      if (!between || seen_[side][found] == query_) continue;
      seen_[side][found] = query_;
      waiting[side].push_back(found);
    }
  }
}

// Moves readers behind what they read, nearest first, until the order holds again.
void Clusters::keep_order(int changed) {
  std::set<std::pair<std::int64_t, int>> waiting{{rank_[changed], changed}};
  while (!waiting.empty()) {
    const int c = waiting.begin()->second;
    waiting.erase(waiting.begin());
    for (int next : successors(c)) {
      if (rank_[next] > rank_[c]) continue;
      if (next == changed) throw InternalError("fuse: clusters form a cycle");
      waiting.erase({rank_[next], next});
      rank_[next] = rank_[c] + 1;
      waiting.emplace(rank_[next], next);
    }
  }
}

}  // namespace weft::passes
