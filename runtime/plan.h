// Where every buffer of a program lives during a call. Temporaries share one arena, and the blocks
// of outputs until those are written; an output takes the memory of a donated input that dies in
// time. A value is written over a dying one only where the launch says so (Launch::may_alias).
#pragma once

#include <cstddef>
#include <vector>

#include "codegen/program.h"

namespace weft::runtime {

inline constexpr std::size_t plan_alignment = 64;

/// The memory of one buffer: `offset` bytes into the arena, the block of constants, the block of
/// output `index`, or the input `index`.
struct Place {
  enum class Home : std::uint8_t { unused, input, constant, output, arena } home = Home::unused;
  int index = -1;
  std::size_t offset = 0;
};

/// One block that a call gives to its caller.
struct OutputBlock {
  std::size_t bytes = 0;
  int donor = -1;  // the input whose memory it takes when that is donated, or -1
};

struct PlannedResult {
  enum class Kind : std::uint8_t {
    input,   // the input itself
    output,  // an output block
    copy,    // a copy of a buffer: a constant, or what another result gives out already
  } kind = Kind::output;
  int index = -1;  // of the input, the output block, or the buffer
};

struct Plan {
  std::vector<Place> places;  // one per buffer of the program
  std::vector<OutputBlock> outputs;
  std::vector<PlannedResult> results;  // one per result of the program
  std::size_t arena_bytes = 0;
  std::size_t constant_bytes = 0;
  std::size_t peak_bytes = 0;   // arena and outputs
  std::size_t bound_bytes = 0;  // the largest sum of live temporaries and outputs at any launch
};

/// Throws InternalError where a launch reads a temporary that nothing wrote.
Plan plan_memory(const codegen::Program& program);

/// Throws InternalError naming two buffers that are live at once and overlap.
void verify(const codegen::Program& program, const Plan& plan);

}  // namespace weft::runtime
