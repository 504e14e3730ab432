// What a whole graph becomes: buffers and a list of kernel launches over them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codegen/kernel.h"

namespace weft::codegen {

struct ProgramBuffer {
  enum class Role : std::uint8_t { input, constant, temporary } role = Role::temporary;
  ir::Type type;        // contiguous, row-major
  int input = -1;       // which parameter of the graph
  ir::Literal literal;  // constant
};

struct Argument {
  int buffer;               // of the program
  std::int64_t offset = 0;  // elements, added to the buffer's start
};

/// A param of a launch that is what an input of rank 0 holds when the program begins.
struct NumberArgument {
  int param;
  int input;  // which parameter of the graph
};

struct Launch {
  std::shared_ptr<const Kernel> kernel;
  std::vector<Argument> arguments;  // one per access
  std::vector<std::int64_t> params;
  std::vector<NumberArgument> numbers;  // in the place of which params
  double cost_ns = 0;                   // estimate of the whole launch on one thread
  std::string label;                    // operations inside, for people
  /// (input buffer, output buffer) that may share memory: every read of the input is at the index
  /// written, and not later than the write.
  std::vector<std::pair<int, int>> may_alias;
};

struct Program {
  std::string name;
  std::vector<ProgramBuffer> buffers;
  std::vector<Launch> launches;  // in order
  std::vector<int> results;      // buffers, one per result of the graph
};

/// How kernels get inputs of rank 0: where the caller of the program can read them, by value; then
/// a kernel is the same whether a number is an input or a constant.
enum class Scalars : std::uint8_t { by_pointer, by_value };

/// Lowers a graph whose computing nodes are `fused` groups or stand alone (then each is its own
/// group).
Program lower(const ir::Graph& graph, Scalars scalars = Scalars::by_pointer);

}  // namespace weft::codegen
