// Where the buffers of a planned program are during a call: so many bytes from one of its bases.
// Executables of every device bind arguments and results in this way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codegen/program.h"
#include "runtime/plan.h"

namespace weft::runtime {

/// The inputs, the output blocks, the arena, the constants, numbered in this order.
struct Bases {
  std::size_t inputs, outputs;
  std::size_t output(std::size_t block) const { return inputs + block; }
  std::size_t arena() const { return inputs + outputs; }
  std::size_t constants() const { return arena() + 1; }
  std::size_t count() const { return arena() + 2; }
};

struct BoundArgument {
  std::size_t base;
  std::int64_t offset;  // bytes
};
BoundArgument bind(const codegen::Program& program, const Plan& plan, const Bases& bases,
                   const codegen::Argument& argument);

/// A result that is copied from a buffer at the end of the call.
struct BoundCopy {
  std::size_t result, bytes;
  BoundArgument from;
};
struct BoundResults {
  std::vector<std::size_t> of_output;  // which result an output block is
  std::vector<BoundCopy> copies;
};
BoundResults bind_results(const codegen::Program& program, const Plan& plan, const Bases& bases);

/// Writes the program's constants into a block of plan.constant_bytes.
void fill_constants(const codegen::Program& program, const Plan& plan, void* block);

}  // namespace weft::runtime
