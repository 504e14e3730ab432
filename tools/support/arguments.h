// What options of the command line may be: checks that answer in one plain sentence.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include <CLI/CLI.hpp>

namespace weft::tools {

/// An integer from `low` to `high`, in decimal digits.
CLI::Validator integer(std::int64_t low, std::uint64_t high);
/// A finite number above 0.
CLI::Validator positive_number();
/// The name of a file or folder: anything but the empty text.
CLI::Validator path();

}  // namespace weft::tools
