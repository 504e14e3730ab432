// What the mains of weft-bench, weft-accuracy and digits share.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "tools/support/exit_code.h"

namespace weft::tools {

/// Parses and runs; gives the exit code.
inline int run_tool(CLI::App& app, int argc, char** argv, const std::function<int()>& run) {
  return exit_code_of([&] {
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
      return app.exit(e) == 0 ? exit_fine : exit_rejected;
    }
    return ExitCode(run());
  });
}

}  // namespace weft::tools
