// What kernels need of a device, as the assembler (ptxas) tells it in the compiler's log.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft::codegen::cuda {

struct KernelResources {
  std::string kernel;
  int registers = 0;  // of a thread
  int stack_bytes = 0, spill_store_bytes = 0, spill_load_bytes = 0;
  int shared_bytes = 0;  // of a block

  /// "24 registers, 1024 bytes of shared memory, no stack, no spills".
  std::string str() const;
};

/// One entry for each kernel of the log, in its order.
std::vector<KernelResources> read_resources(std::string_view log);

}  // namespace weft::codegen::cuda
