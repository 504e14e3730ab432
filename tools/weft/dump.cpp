// `weft dump`: a program at any stage between the text and the machine code.
#include <iostream>

#include "codegen/dump.h"
#include "passes/pipeline.h"
#include "tools/support/files.h"
#include "tools/support/svg.h"
#include "tools/weft/commands.h"

namespace weft::tools {

namespace {

ir::Graph transform(const ir::Graph& graph, const DumpOptions& options) {
  const bool needs_pipeline = options.stage != "graph" && options.passes.empty();
  if (!needs_pipeline && options.passes.empty()) return graph;
  const auto passes =
      needs_pipeline ? passes::default_pipeline(true) : passes::passes_by_name(options.passes);
  passes::PipelineOptions pipeline;
  if (options.print_changed) {
    pipeline.on_change = [](const passes::Pass& pass, const ir::Graph&, const ir::Graph& after) {
      std::cout << "// after " << pass.name << "\n" << ir::print(after) << "\n";
    };
  }
  return passes::run_passes(graph, passes, pipeline);
}

void print_graph(const ir::Graph& graph, const std::string& format) {
  if (format == "text") std::cout << ir::print(graph);
  if (format == "dot") std::cout << ir::to_dot(graph);
  if (format == "json") std::cout << ir::to_json(graph) << "\n";
  if (format == "svg") std::cout << svg_of_dot(ir::to_dot(graph));
}

/// Passes that a user chose may leave what only the default ones would have removed.
codegen::Program lower(const ir::Graph& graph, const std::string& chosen_passes) {
  if (chosen_passes.empty()) return codegen::lower(graph);
  try {
    return codegen::lower(graph);
  } catch (const InternalError& e) {
    throw Error("weft dump: after --passes " + chosen_passes +
                " the program cannot be lowered: " + e.what());
  }
}

codegen::CodeForm form_of(const std::string& stage) {
  if (stage == "llvm") return codegen::CodeForm::llvm;
  if (stage == "asm") return codegen::CodeForm::assembly;
  if (stage == "cuda") return codegen::CodeForm::cuda;
  return codegen::CodeForm::kernel;
}

}  // namespace

int dump(const DumpOptions& options) {
  if (options.print_changed &&
      (options.format != "text" || (options.stage == "graph" && options.passes.empty())))
    throw Error(
        "weft dump: --print-changed goes with --format text and with --passes or a later --stage");
  const ir::Graph graph = transform(load_graph(options.file), options);
  if (options.stage == "graph" || options.stage == "fused") {
    print_graph(graph, options.format);
    return exit_fine;
  }
  if (options.format != "text")
    throw Error("weft dump: --format " + options.format +
                " goes with --stage graph or fused, got " + options.stage);
  std::cout << codegen::dump(lower(graph, options.passes), form_of(options.stage));
  return exit_fine;
}

}  // namespace weft::tools
