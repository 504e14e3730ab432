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
  /// (param, value) of the scalars that are taken by value.
  std::vector<std::pair<int, ir::Value>> numbers;
  /// (index into reads, output): may share memory, if nothing else reads or writes it.
  std::vector<std::pair<int, int>> may_alias;
};

/// nodes: ascending ids of `graph`; outputs among them; scalars: values of rank 0 that the launch
/// takes by value. Throws InternalError if the nodes are no group.
LoweredGroup lower_group(const ir::Graph& graph, std::span<const std::uint32_t> nodes,
                         std::span<const std::uint32_t> outputs,
                         std::span<const ir::Value> scalars = {});

}  // namespace weft::codegen
