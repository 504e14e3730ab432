// Records: `count` fields side by side, one record for each lane. Vectors as they lie in memory
// become a vector for each field, and back, by shuffles.
#pragma once

#include <functional>

#include "codegen/llvm/emitter.h"

namespace weft::codegen::cpu {

/// rows[m] holds elements m * width ... of width records, as many rows as fields: field k of them.
Emitter::Values fields_of(Emitter& e, const Emitter::Values& rows);
/// The other way.
Emitter::Values rows_of(Emitter& e, const Emitter::Values& fields);

}  // namespace weft::codegen::cpu
