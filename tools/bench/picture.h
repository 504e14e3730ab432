// The cases against the machine's limits, as a picture: Williams, Waterman, Patterson, "Roofline"
// (2009). A page about figures shows it.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace weft::bench {

/// SVG: one panel per number of threads of `document`, with operations per byte and GFLOP/s as
/// axes. Cases that say nothing about bytes or operations are left out; "" where none is left.
std::string roofline_svg(const nlohmann::json& document);

}  // namespace weft::bench
