// What a fused group of nodes looks like as one loop nest: its axes, and where each node's elements
// are found. Fusion asks whether a set of nodes can be one group; lowering reads the answer.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/index_map.h"

namespace weft::ir {

enum class GroupKind : std::uint8_t {
  elementwise,  // no row axis
  along,        // rows over the innermost axis of what is reduced
  across,       // reductions over an outer axis
  contract,     // one dot_general; the row axis is k
  attention,    // gradients of one attention: no axes, no maps
};

/// Index maps, each once: groups have few, so that a number says which.
using MapId = int;
class IndexMaps {
 public:
  MapId add(IndexMap map);  // references to maps stay
  const IndexMap& operator[](MapId id) const { return maps_[static_cast<std::size_t>(id)]; }

 private:
  std::deque<IndexMap> maps_;
};

inline constexpr std::size_t max_maps_per_node = 8;

/// A node of a group, with every map under which its value is needed; with two, it is computed
/// twice.
struct Member {
  std::uint32_t node = 0;
  std::uint32_t map_count = 0;
  std::array<MapId, max_maps_per_node> map_ids{};
  MapId store = -1;  // the map by which its value is stored, or -1

  std::span<const MapId> maps() const { return {map_ids.data(), map_count}; }
};

struct Group {
  GroupKind kind = GroupKind::elementwise;
  std::vector<std::int64_t>
      axes;  // sizes; dimensions of size 1 are no axes (but m, n and rows are)
  int row_axis = -1;
  bool backward = false;  // rows are walked from their ends
  IndexMaps maps;
  std::vector<Member> members;  // readers first: descending by node
  /// Dear nodes of few elements that the loops compute again and again; better made apart.
  std::vector<std::uint32_t> repeated;

  /// Null where the node is no member.
  const Member* find(std::uint32_t node) const;
};

/// The loop nest of a set of nodes, to which nodes that come before all others can be added.
class GroupAnalysis {
 public:
  /// The loop nest of `nodes` (ascending ids of `graph`; all that is read of others is loaded),
  /// storing `outputs`; or null, and `why` says in one sentence what prevents it.
  static std::unique_ptr<GroupAnalysis> of(const Graph& graph, std::span<const std::uint32_t> nodes,
                                           std::span<const std::uint32_t> outputs,
                                           std::string* why = nullptr);
  /// The same for a group that fusion has formed: as many inputs as it has.
  static std::unique_ptr<GroupAnalysis> of_formed(const Graph& graph,
                                                  std::span<const std::uint32_t> nodes,
                                                  std::span<const std::uint32_t> outputs,
                                                  std::string* why);
  ~GroupAnalysis();

  /// Makes `node` a member too, and stored if `store`. False, and nothing done, where that is no
  /// loop nest. As `of` would say, but without looking at the other nodes; nothing where that
  /// cannot be said.
  std::optional<bool> add(std::uint32_t node, bool store, std::string* why = nullptr);

  const Group& group() const;
  Group take();

 private:
  class Nest;
  explicit GroupAnalysis(std::unique_ptr<Nest> nest);
  static std::unique_ptr<GroupAnalysis> analyzed(std::unique_ptr<Nest> nest,
                                                 std::span<const std::uint32_t> nodes,
                                                 std::span<const std::uint32_t> outputs,
                                                 std::string* why);
  std::unique_ptr<Nest> nest_;
};

/// Dear nodes are computed at most so often for each of their elements.
inline constexpr double few_times = 4;

/// Weight of computing one element of a node once, counted over its scalar program: division 8,
/// square root 10, any other opcode 1; views 0. The one place where fusion's cost constants stand.
double node_weight(const Graph& graph, std::uint32_t id);

}  // namespace weft::ir
