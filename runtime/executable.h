// The two kinds of executables that the engine makes.
#pragma once

#include <memory>

#include "codegen/program.h"
#include "runtime/engine.h"

namespace weft::runtime {

/// Machine code over planned memory. `fused` is the graph that `program` was lowered from; the
/// report comes with the times of passes and lowering, the rest is filled in.
std::shared_ptr<const Executable> make_compiled(ir::Graph fused, codegen::Program program,
                                                CompileReport report);

/// The reference interpreter on the graph as it is.
std::shared_ptr<const Executable> make_interpreted(const ir::Graph& graph, CompileReport report);

/// Whether graphs, kernels and plans are checked: WEFT_VERIFY, else in debug builds.
bool verifies();

/// Throws weft::Error where inputs do not fit the graph's parameters in number or bytes.
void check_inputs(const ir::Graph& graph, std::span<const Buffer* const> inputs);

}  // namespace weft::runtime
