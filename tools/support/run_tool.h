// What the mains of weft-bench and digits share: parsing, running, and exit codes for people.
#pragma once

#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

#include <weft/error.h>

namespace weft::tools {

/// Parses and runs. 0 fine, 1 it ran and failed, 3 rejected input or usage; the reason in one line.
inline int run_tool(CLI::App& app, int argc, char** argv, const std::function<int()>& run) {
  try {
    app.parse(argc, argv);
    return run();
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 3;
  } catch (const weft::Error& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 3;
  } catch (const std::exception& e) {
    std::cerr << "failed: " << e.what() << "\n";
    return 1;
  }
}

}  // namespace weft::tools
