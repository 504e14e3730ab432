// Random graphs of views, assembled arrays, reductions, products and arithmetic, on small shapes
// with many axes of size 1 and some of size 0.
#pragma once

#include <cstdint>

#include "ir/graph.h"

namespace weft::test {

/// Two parameters of dtype `floating`, one i32 and one bool.
ir::Graph random_graph(std::uint64_t seed, DType floating);

}  // namespace weft::test
