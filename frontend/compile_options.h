// The compile options of the API as those of the runtime.
#pragma once

#include <weft/jit.h>
#include "runtime/engine.h"

namespace weft::detail {

inline runtime::CompileOptions runtime_options(const CompileOptions& options) {
  return {options.fuse,
          options.backend == Backend::interp ? runtime::Backend::interp : runtime::Backend::cpu};
}

}  // namespace weft::detail
