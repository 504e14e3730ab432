// Comparison of two runs by their ratios to the limits.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace weft::bench {

/// Reads figures that --json wrote. Throws weft::Error naming the file and what is wrong with it.
nlohmann::json read_figures(const std::string& file);

/// Prints what changed beyond noise; the number of cases that got slower.
int compare_figures(const nlohmann::json& before, const nlohmann::json& now);

}  // namespace weft::bench
