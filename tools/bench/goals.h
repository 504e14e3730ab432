// What the cases must reach, and tables of what they reached: written into docs/performance.md.
#pragma once

#include <set>
#include <string>

#include <nlohmann/json.hpp>

namespace weft::bench {

/// The machine, its limits, each goal with the case furthest from it, and every case, as Markdown.
std::string figures_markdown(const nlohmann::json& document);

/// Throws weft::Error where write_figures would for this file, before anything is measured; and
/// where the page has figures of a case that this run leaves out, which would be lost.
void check_page(const std::string& file, const std::set<std::string>& left_out);

/// Replaces what stands in `file` between the lines `<!-- figures -->` and `<!-- end of figures
/// -->`, and writes the picture of the cases beside it (performance.md: performance.svg). Throws
/// weft::Error, changing nothing, where they are missing.
void write_figures(const std::string& file, const nlohmann::json& document);

}  // namespace weft::bench
