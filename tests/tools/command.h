// Runs a command as a user would and gives what it printed.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <unistd.h>

#include "tests/support/places.h"
#include "tests/support/temporary_folder.h"

namespace weft::test {

struct Output {
  int code;          // exit code, or -1 when killed by a signal
  std::string text;  // standard output and standard error
};

inline Output run_command(const std::string& command) {
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string text;
  std::array<char, 4096> block;
  for (std::size_t n; (n = std::fread(block.data(), 1, block.size(), pipe)) > 0;)
    text.append(block.data(), n);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
}

/// A program of build/bin with arguments.
inline Output run_tool(const std::string& arguments) {
  return run_command(bin_dir() + "/" + arguments);
}

}  // namespace weft::test
