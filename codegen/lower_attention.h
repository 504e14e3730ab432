// A node of the operation `attention` as a launch of its own.
#pragma once

#include "codegen/program.h"

namespace weft::codegen {

/// Without arguments, which are q, k, v and the result.
Launch lower_attention(const ir::Graph& graph, std::uint32_t id);

}  // namespace weft::codegen
