// One fused group becomes one kernel: the index maps of ir/group.h become strides, reductions
// become phases, values that are dear and needed again are kept in a row.
#pragma once

#include <span>
#include <vector>

#include "codegen/kernel_builder.h"
#include "ir/graph.h"

namespace weft::codegen {

struct LoweredGroup {
  KernelBuilder::Result result;  // places: memory k is reads[k], or -1 - k for output k
  std::vector<ir::Value> reads;
  double cost_ns = 0;
  /// (index into reads, output): may share memory, if nothing else reads or writes it.
  std::vector<std::pair<int, int>> may_alias;
};

/// nodes: ascending ids of `graph`; outputs among them. Throws InternalError if they are no group.
LoweredGroup lower_group(const ir::Graph& graph, std::span<const std::uint32_t> nodes,
                         std::span<const std::uint32_t> outputs);

}  // namespace weft::codegen
