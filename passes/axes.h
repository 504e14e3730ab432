// Small sums over axes that several passes need.
#pragma once

#include "ir/attribute.h"
#include "ir/type.h"

namespace weft::passes {

bool contains(const ir::Ints& list, std::int64_t x);
/// The axes of an array of this rank that are not listed, ascending.
ir::Ints other_axes(std::size_t rank, const ir::Ints& axes);
/// Those whose size isn't 1, ascending.
ir::Ints wide_axes(const ir::Shape& shape);
ir::Shape select_axes(const ir::Shape& shape, const ir::Ints& axes);
/// The shapes differ by axes of size 1 alone.
bool same_but_for_unit_axes(const ir::Shape& a, const ir::Shape& b);

}  // namespace weft::passes
