// `weft grad`: the gradient of a program, as a program.
#include <iostream>

#include "passes/autodiff.h"
#include "runtime/output_file.h"
#include "tools/support/files.h"
#include "tools/weft/commands.h"

namespace weft::tools {

namespace {

std::string parameter_names(const ir::Graph& graph) {
  std::string names;
  for (std::size_t k = 0; k < graph.param_count(); ++k)
    names += (k ? ", " : "") + graph.param_name(k);
  return names;
}

std::size_t parameter(const ir::Graph& graph, const std::string& name) {
  const std::string bare = name.substr(name.rfind('%') == 0 ? 1 : 0);
  for (std::size_t k = 0; k < graph.param_count(); ++k) {
    if (graph.param_name(k) == bare) return k;
  }
  throw Error("weft grad: --wrt " + name + ": expected one of " + parameter_names(graph));
}

}  // namespace

int grad(const GradOptions& options) {
  const ir::Graph graph = load_graph(options.file);
  std::vector<std::size_t> wrt;
  for (const std::string& name : split(options.wrt, ',')) wrt.push_back(parameter(graph, name));
  const std::string text = ir::print(passes::grad(graph, wrt));
  if (options.output.empty())
    std::cout << text;
  else
    runtime::write_file(options.output, text);
  return exit_fine;
}

}  // namespace weft::tools
