// How every tool ends: exit codes, and what is said on the way.
#pragma once

#include <functional>
#include <string>

namespace weft::tools {

enum ExitCode { exit_fine = 0, exit_failed = 1, exit_unsupported = 2, exit_rejected = 3 };

/// Runs and gives the exit code. What was thrown, or what kept standard output from being written,
/// is told on standard error in one line.
int exit_code_of(const std::function<int()>& run);

/// Control bytes and bytes that are no UTF-8 as \xHH: names come from files, and terminals obey
/// control bytes.
std::string printable(std::string_view text);

}  // namespace weft::tools
