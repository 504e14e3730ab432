// What a fused group of nodes looks like as one loop nest: its axes, and where each node's elements
// are found. Fusion asks whether a set of nodes can be one group; lowering reads the answer.
#pragma once

#include <map>
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

struct Group {
  GroupKind kind = GroupKind::elementwise;
  std::vector<std::int64_t>
      axes;  // sizes; dimensions of size 1 are no axes (but m, n and rows are)
  int row_axis = -1;
  bool backward = false;  // rows are walked from their ends
  /// Every map under which a node's value is needed; a node with two maps is computed twice.
  std::map<std::uint32_t, std::vector<IndexMap>> maps;
  /// The map by which a node's value is stored.
  std::map<std::uint32_t, IndexMap> stores;
  /// Dear nodes of few elements that the loops compute again and again; better made apart.
  std::vector<std::uint32_t> repeated;
};

/// The loop nest of `nodes` (ascending ids of `graph`; all that is read of others is loaded),
/// storing `outputs`; or empty, and `why` says in one sentence what prevents it.
std::optional<Group> analyze_group(const Graph& graph, std::span<const std::uint32_t> nodes,
                                   std::span<const std::uint32_t> outputs,
                                   std::string* why = nullptr);

/// Dear nodes are computed at most so often for each of their elements.
inline constexpr double few_times = 4;

/// Weight of computing one element of a node once, counted over its scalar program: division 8,
/// square root 10, any other opcode 1; views 0. The one place where fusion's cost constants stand.
double node_weight(const Graph& graph, std::uint32_t id);

}  // namespace weft::ir
