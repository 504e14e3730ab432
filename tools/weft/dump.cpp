// `weft dump`: a program at any stage between the text and the machine code.
#include <iostream>

#include "codegen/dump.h"
#include "passes/pipeline.h"
#include "runtime/cuda/driver.h"
#include "tools/support/files.h"
#include "tools/support/svg.h"
#include "tools/weft/commands.h"

namespace weft::tools {

namespace {

ir::Graph transform(const ir::Graph& graph, const DumpOptions& options) {
  const bool needs_pipeline = options.stage != "graph" && options.passes.empty();
  if (!needs_pipeline && options.passes.empty()) return graph;
  const bool cuda = options.stage == "cuda" || options.stage == "ptx" || options.device == "cuda";
  const auto passes = needs_pipeline ? passes::default_pipeline(true, cuda ? passes::Kernels::core
                                                                           : passes::Kernels::all)
                                     : passes::passes_by_name(options.passes);
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
  if (stage == "ptx") return codegen::CodeForm::ptx;
  return codegen::CodeForm::kernel;
}

/// The architecture that was named, else that of the first device, else one of today.
std::string architecture(const DumpOptions& options) {
  if (!options.architecture.empty()) return options.architecture;
  const auto& devices = runtime::cuda::Driver::instance().devices;
  return "sm_" + std::to_string(devices.empty() ? 90 : devices.front().architecture);
}

void check_combination(const DumpOptions& options, bool for_device) {
  const bool on_graph = options.stage == "graph" || options.stage == "fused";
  if (options.print_changed &&
      (options.format != "text" || (options.stage == "graph" && options.passes.empty())))
    throw Error(
        "weft dump: --print-changed goes with --format text and with --passes or a later --stage");
  if (!on_graph && options.format != "text")
    throw Error("weft dump: --format " + options.format +
                " goes with --stage graph or fused, got " + options.stage);
  if (options.device == "cuda" && options.stage != "kernel" && options.stage != "cuda" &&
      options.stage != "ptx")
    throw Error("weft dump: --device cuda goes with --stage kernel, cuda or ptx, got " +
                options.stage);
  if (!options.architecture.empty() && !for_device)
    throw Error("weft dump: --arch goes with --device cuda or --stage ptx");
}

}  // namespace

int dump(const DumpOptions& options) {
  const bool for_device = options.device == "cuda" || options.stage == "ptx";
  check_combination(options, for_device);
  const ir::Graph graph = transform(load_graph(options.file), options);
  if (options.stage == "graph" || options.stage == "fused") {
    print_graph(graph, options.format);
    return exit_fine;
  }
  const codegen::Program program = lower(graph, options.passes);
  const codegen::CodeForm form = form_of(options.stage);
  std::cout << (for_device ? codegen::dump_for_device(program, form, architecture(options))
                           : codegen::dump(program, form));
  return exit_fine;
}

}  // namespace weft::tools
