#include "frontend/dump.h"

#include <cstdio>

#include "codegen/dump.h"
#include "frontend/compile_options.h"
#include "frontend/evaluate.h"
#include "frontend/storage.h"
#include "passes/fuse.h"
#include "passes/pipeline.h"

namespace weft {
namespace detail {
namespace {

codegen::CodeForm form_of(Stage stage) {
  switch (stage) {
    case Stage::llvm:
      return codegen::CodeForm::llvm;
    case Stage::assembly:
      return codegen::CodeForm::assembly;
    case Stage::cuda:
      return codegen::CodeForm::cuda;
    default:
      return codegen::CodeForm::kernel;
  }
}

/// Neighbours that stayed apart, and why.
std::string fusion_notes(const ir::Graph& graph) {
  ir::Graph before = graph;
  for (const passes::Pass& pass : passes::default_pipeline(true)) {
    if (pass.name == "fuse") break;
    before = pass.run(before);
  }
  std::vector<passes::FusionNote> notes;
  passes::fuse(before, &notes);
  std::string text;
  for (const passes::FusionNote& note : notes) {
    const auto name = [&](std::uint32_t id) {
      return "%" + std::to_string(id) + " " + std::string(ir::def(before.node(id).op).name);
    };
    text += "  " + name(note.producer) + " -> " + name(note.consumer) + ": " + note.why + "\n";
  }
  return text;
}

std::string milliseconds(double ms) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ms", ms);
  return text;
}

}  // namespace

std::string dump_stage(const ir::Graph& graph, const runtime::Executable& executable, Stage stage) {
  if (stage == Stage::graph) return ir::print(graph);
  if (stage == Stage::fused) return ir::print(executable.fused_graph());
  if (stage == Stage::cuda) {  // fused for a backend without kernels of attention
    const auto list = passes::default_pipeline(true, passes::Kernels::core);
    return codegen::dump(codegen::lower(passes::run_passes(graph, list)), form_of(stage));
  }
  return codegen::dump(codegen::lower(executable.fused_graph()), form_of(stage));
}

std::string explain_program(const ir::Graph& graph, const runtime::Executable& executable) {
  const runtime::CompileReport& report = executable.report();
  std::string text = std::to_string(report.recorded_operations) + " operations recorded, " +
                     std::to_string(report.kernels) + " kernels after fusion (" +
                     std::to_string(report.kernels_compiled) + " compiled, " +
                     std::to_string(report.kernels_loaded) +
                     " loaded from disk, the others known)\n";
  text += "compiled in " + milliseconds(report.total_ms) + ": passes " +
          milliseconds(report.passes_ms) + ", lowering " + milliseconds(report.lower_ms) +
          ", code " + milliseconds(report.codegen_ms) + "\n";
  text += "memory: " + std::to_string(report.peak_bytes) + " bytes planned, at least " +
          std::to_string(report.bound_bytes) + " needed\n";
  if (report.packable_factors > 0)
    text += "right factors that are packed once, as long as they stay unchanged: " +
            std::to_string(report.packable_factors) + "\n";
  const codegen::Program program = codegen::lower(executable.fused_graph());
  for (std::size_t k = 0; k < program.launches.size(); ++k) {
    text += "  kernel " + std::to_string(k) + ": " + program.launches[k].label;
    if (const int numbers = program.launches[k].kernel->number_count; numbers > 0)
      text += ", whatever its " + std::to_string(numbers) + " numbers";
    text += "\n";
  }
  const std::string notes = fusion_notes(graph);
  if (!notes.empty()) text += "not fused:\n" + notes;
  return text;
}

namespace {

struct Compiled {
  ir::Graph graph;
  std::shared_ptr<const runtime::Executable> executable;
};

Compiled compile_value(const Tensor& t) {
  const Ref value = read(t);
  Collected collected = graph_of({&value, 1}, "value");
  auto executable = runtime::compile(collected.graph,
                                     runtime_options(compile_options(), value->place().or_cpu()));
  return {std::move(collected.graph), std::move(executable)};
}

}  // namespace
}  // namespace detail

std::string Tensor::explain(Here here) const {
  const detail::OpScope scope("explain", here);
  const detail::Compiled compiled = detail::compile_value(*this);
  return detail::explain_program(compiled.graph, *compiled.executable);
}

std::string Tensor::dump(Stage stage, Here here) const {
  const detail::OpScope scope("dump", here);
  const detail::Compiled compiled = detail::compile_value(*this);
  return detail::dump_stage(compiled.graph, *compiled.executable, stage);
}

}  // namespace weft
