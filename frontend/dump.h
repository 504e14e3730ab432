// What a compiled graph looks like at each stage, and what is to be said about it.
#pragma once

#include <string>

#include <weft/tensor.h>
#include "ir/graph.h"
#include "runtime/engine.h"

namespace weft::detail {

std::string dump_stage(const ir::Graph& graph, const runtime::Executable& executable, Stage stage);
/// Operations recorded, kernels and what is in them, time of each pass.
std::string explain_program(const ir::Graph& graph, const runtime::Executable& executable);

}  // namespace weft::detail
