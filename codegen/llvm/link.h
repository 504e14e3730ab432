// Object code into executable memory, through LLVM's JITLink; one library of symbols per kernel, so
// that each can be dropped alone.
#pragma once

#include <memory>

#include "llvm/ADT/SmallVector.h"

namespace weft::codegen::cpu {

struct Linked {
  void* entry = nullptr;
  std::shared_ptr<const void> code;  // its last copy unloads the code
};

/// Thread-safe. `symbol` is the function that `entry` will be.
Linked link_object(llvm::SmallVector<char, 0> object, const char* symbol);

}  // namespace weft::codegen::cpu
