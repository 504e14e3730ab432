// Values whose elements are all one number known now: constants, also broadcast ones.
#pragma once

#include "ir/graph.h"

namespace weft::passes {

/// The constant that `v` repeats (take element 0), or null.
const ir::Literal* splat_literal(const ir::Graph& graph, ir::Value v);

/// All elements equal `value`, of which -0 and 0 are different ones.
bool is_splat_of(const ir::Graph& graph, ir::Value v, double value);

}  // namespace weft::passes
