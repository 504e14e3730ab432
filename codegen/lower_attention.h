// Nodes of the operations `attention` and `attention_gradient` as launches of their own.
#pragma once

#include <span>
#include <vector>

#include "codegen/program.h"

namespace weft::codegen {

/// Without arguments, which are q, k, v and the result.
Launch lower_attention(const ir::Graph& graph, std::uint32_t id);

/// Nodes that ir::GroupAnalysis found to be a group.
struct AttentionGradientLaunch {
  Launch launch;                      // without arguments: the operands, then what it writes
  std::vector<std::uint32_t> writes;  // nodes, in the order of arguments
  /// Of gradients of keys and values the launch writes so many parts, [batch, parts, rest], whose
  /// sums in order the results are.
  std::int64_t parts;
};
AttentionGradientLaunch lower_attention_gradient(const ir::Graph& graph,
                                                 std::span<const std::uint32_t> nodes);

}  // namespace weft::codegen
