// The state of fusion: which nodes run together. A node may be in several clusters (computed in
// each); at most one, its home, stores it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/group.h"

namespace weft::passes {

struct Cluster {
  std::vector<std::uint32_t> nodes;                   // ascending
  bool fusible = true;                                // false: a node of its own (scatter, barrier)
  bool gone = false;                                  // merged into another
  std::unique_ptr<ir::GroupAnalysis> nest = nullptr;  // of its nodes, once one has joined
};

class Clusters {
 public:
  explicit Clusters(const ir::Graph& graph);

  const ir::Graph& graph() const { return graph_; }
  const std::vector<Cluster>& all() const { return clusters_; }
  const std::vector<std::uint32_t>& users(std::uint32_t id) const { return users_[id]; }
  bool is_result(std::uint32_t id) const { return is_result_[id]; }
  int home(std::uint32_t id) const { return home_[id]; }
  bool contains(int cluster, std::uint32_t id) const;

  /// Clusters that read `id` and do not hold it themselves, each once.
  std::vector<int> readers(std::uint32_t id) const;
  /// Values that a cluster reads, in order of first use, each once.
  std::vector<ir::Value> reads(int cluster) const;
  /// The nodes that a cluster stores, ascending.
  std::vector<std::uint32_t> outputs(int cluster) const;

  /// A cluster of its own. Nodes come readers first.
  int add(std::uint32_t id, bool fusible);
  /// Adds `id` to a cluster, as its home when it must be stored; false (and why) if that is no
  /// group.
  bool join(std::uint32_t id, int cluster, bool store, std::string* why);
  /// Merges clusters, with `id` (if any) joining; the first of them stays.
  bool merge(std::span<const int> parts, const std::uint32_t* id, bool store, std::string* why);
  bool can_merge(std::span<const int> parts, const std::uint32_t* id, bool store,
                 std::string* why) const;
  /// A path of reads leads from one cluster to another.
  bool reaches(int from, int to) const;

 private:
  struct Union {
    std::vector<std::uint32_t> nodes, stored;
  };
  /// The nodes of all parts and `id`; empty (and why) when one of them runs alone.
  std::optional<Union> unite(std::span<const int> parts, const std::uint32_t* id, bool store,
                             std::string* why) const;
  /// Joins where that can be told without looking at the whole cluster.
  std::optional<bool> grow(std::uint32_t id, int cluster, bool store, std::string* why);
  /// `id` is in the cluster from now on, which has grown by nothing else.
  void joined(std::uint32_t id, int cluster, bool store);
  std::vector<int> successors(int cluster) const;
  std::vector<int> predecessors(int cluster) const;
  /// Restores the order of ranks below a cluster whose rank or readers changed.
  void keep_order(int changed);

  const ir::Graph& graph_;
  std::vector<std::vector<std::uint32_t>> users_;
  std::vector<bool> is_result_;
  std::vector<int> home_;
  std::vector<std::vector<int>> holders_;  // clusters that contain the node
  std::vector<Cluster> clusters_;
  std::vector<std::int64_t> rank_;                // of a cluster: greater than of any that it reads
  mutable std::array<std::vector<int>, 2> seen_;  // reaches: last query that met a cluster
  mutable int query_ = 0;
};

}  // namespace weft::passes
