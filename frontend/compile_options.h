// The compile options of the API as those of the runtime.
#pragma once

#include <weft/jit.h>
#include "frontend/place.h"
#include "frontend/scope.h"
#include "runtime/engine.h"

namespace weft::detail {

/// Throws weft::Unsupported where the interpreter is asked for on a device.
inline runtime::CompileOptions runtime_options(const CompileOptions& options, Place place) {
  const bool interp = options.backend == Backend::interp;
  if (!place.is_cuda())
    return {options.fuse, interp ? runtime::Backend::interp : runtime::Backend::cpu};
  if (interp) {
    fail_unsupported("the interpreter runs on the CPU only, got tensors on " +
                     place.device().str());
  }
  return {options.fuse, runtime::Backend::cuda, place.device_number()};
}

}  // namespace weft::detail
