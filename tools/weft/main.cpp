// The command line of Weft: dump, run, grad, info, cache.
#include <limits>

#include <CLI/CLI.hpp>

#include <weft/error.h>

#include "tools/support/arguments.h"
#include "tools/weft/commands.h"

namespace {

using namespace weft::tools;

constexpr const char* about =
    "Weft: look at tensor programs, transform, differentiate, compile and run them.\n"
    "FILE is Weft text (see ir/GRAMMAR.md); - is standard input.";
constexpr const char* exit_codes =
    "Exit codes: 0 fine, 1 the program ran and failed, 2 unsupported, 3 rejected input or usage.\n"
    "Environment: WEFT_THREADS, WEFT_LOG and others, see docs/environment.md.";

CLI::App* add_dump(CLI::App& app, DumpOptions& o) {
  CLI::App* c = app.add_subcommand("dump", "Print a program at a stage of its compilation");
  c->add_option("FILE", o.file, "Weft text, or - for standard input")->required();
  c->add_option("--stage", o.stage, "What to print")
      ->check(CLI::IsMember({"graph", "fused", "kernel", "llvm", "asm", "cuda", "ptx"}))
      ->capture_default_str();
  c->add_option("--format", o.format, "How to print a graph")
      ->check(CLI::IsMember({"text", "dot", "svg", "json"}))
      ->capture_default_str();
  c->add_option("--passes", o.passes,
                "Run these passes, comma-separated, instead of the default ones");
  c->add_option("--device", o.device,
                "cuda: say of each kernel its registers, spills and shared memory (needs NVRTC)")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  c->add_option("--arch", o.architecture,
                "Architecture of a CUDA device, like sm_90; else that of the first one");
  c->add_flag("--print-changed", o.print_changed,
              "Print the graph after each pass that changed it");
  return c;
}

CLI::App* add_run(CLI::App& app, RunOptions& o) {
  CLI::App* c = app.add_subcommand("run", "Run a program on .npy inputs");
  c->add_option("FILE", o.file, "Weft text, or - for standard input")->required();
  c->add_option("--input", o.inputs, "NAME=FILE.npy for a parameter; may be given several times");
  c->add_option("--random-inputs", o.seed, "Fill parameters that are not given, from this seed")
      ->check(integer(0, std::numeric_limits<std::uint64_t>::max()));
  c->add_option("--output", o.output, "Write results into this folder as .npy instead of printing")
      ->check(path());
  c->add_option("--backend", o.backend, "What runs the program")
      ->check(CLI::IsMember({"cpu", "interp"}))
      ->capture_default_str();
  c->add_option("--device", o.device, "Where it runs: cpu, cuda or cuda:NUMBER")
      ->capture_default_str();
  c->add_flag("--time", o.time, "Print compile time and the median of repeated runs");
  return c;
}

CLI::App* add_grad(CLI::App& app, GradOptions& o) {
  CLI::App* c = app.add_subcommand("grad", "Print the gradient of a program as a program");
  c->add_option("FILE", o.file, "Weft text with one scalar float result, or -")->required();
  c->add_option("--wrt", o.wrt, "Parameters to differentiate by, comma-separated")->required();
  c->add_option("-o,--output", o.output, "Write to this file")->check(path());
  return c;
}

CLI::App* add_cache(CLI::App& app, std::string& action) {
  CLI::App* c = app.add_subcommand("cache", "Look at or empty the compiled kernels on disk");
  c->add_option("ACTION", action,
                "list: one line a kernel; stats: folder, number, size and age; clear: remove all")
      ->required()
      ->check(CLI::IsMember({"list", "stats", "clear"}));
  c->footer("The folder is WEFT_CACHE_DIR, else $XDG_CACHE_HOME/weft, else ~/.cache/weft.");
  return c;
}

/// The parser says only that a subcommand is missing; people want to know which word is none.
void check_subcommand(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::string known;
  for (const CLI::App* c : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (c->get_name() == argv[1]) return;
    known += (known.empty() ? "" : ", ") + c->get_name();
  }
  throw weft::Error("weft: expected a subcommand out of " + known + ", got '" + argv[1] + "'");
}

int dispatch(int argc, char** argv) {
  CLI::App app{about, "weft"};
  app.footer(exit_codes);
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  app.require_subcommand(1);
  DumpOptions dump_options;
  RunOptions run_options;
  GradOptions grad_options;
  const CLI::App* dump_command = add_dump(app, dump_options);
  const CLI::App* run_command = add_run(app, run_options);
  const CLI::App* grad_command = add_grad(app, grad_options);
  std::string cache_action;
  const CLI::App* cache_command = add_cache(app, cache_action);
  app.add_subcommand("info", "Version, CPU, threads, devices and caches");
  check_subcommand(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_fine : exit_rejected;
  }
  run_options.random = run_command->count("--random-inputs") > 0;
  if (dump_command->parsed()) return dump(dump_options);
  if (run_command->parsed()) return run(run_options);
  if (grad_command->parsed()) return grad(grad_options);
  if (cache_command->parsed()) return cache(cache_action);
  return info();
}

}  // namespace

int main(int argc, char** argv) {
  return weft::tools::exit_code_of([&] { return dispatch(argc, argv); });
}
