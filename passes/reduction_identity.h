// What a reduction of nothing gives.
#pragma once

#include <string_view>

#include "ir/literal.h"

namespace weft::passes {

/// The scalar e with op(e, x) == x for every x of a reduction of this kind.
ir::Literal reduction_identity(std::string_view kind, DType dtype);

}  // namespace weft::passes
