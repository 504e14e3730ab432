// Runs a command as a user would and looks at what it printed and wrote.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/support/messages.h"
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

inline void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The command is rejected (3), and what it prints contains `part`.
inline void check_rejected(const std::string& arguments, const std::string& part) {
  const auto out = run_tool(arguments);
  CHECK_MESSAGE(out.code == 3, arguments, " gave ", out.code, ": ", out.text);
  CHECK_MESSAGE(has(out.text, part), out.text);
}

}  // namespace weft::test
