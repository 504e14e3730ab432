// Drawings of graphs through Graphviz's `dot` program.
#pragma once

#include <string>

namespace weft::tools {

/// SVG of a graph in dot's language. Throws weft::Unsupported where `dot` is not installed.
std::string svg_of_dot(const std::string& dot);

}  // namespace weft::tools
