// Device code of kernels, found again by their text: in memory, else on disk; else compiled, the
// kernels of a graph in a few programs side by side.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codegen/program.h"
#include "runtime/cuda/device.h"

namespace weft::runtime::cuda {

struct LoadedFunction {
  std::shared_ptr<const Module> module;
  FunctionHandle function;
};

struct DeviceCode {
  std::vector<std::shared_ptr<const LoadedFunction>> kernels;  // as asked for
  std::size_t compiled = 0;                                    // that no cache held
  std::size_t loaded = 0;                                      // from the disk
};

/// Throws weft::Error without a compiler, or where the device or the driver takes none of its code.
DeviceCode compile_launches(const std::shared_ptr<Device>& device,
                            std::span<const codegen::Launch* const> launches);

struct KernelCounts {
  std::size_t compiled, loaded, hits;
};
KernelCounts kernel_counts();
/// Executables keep theirs.
void clear_kernel_cache();

}  // namespace weft::runtime::cuda
