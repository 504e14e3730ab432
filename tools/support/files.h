// Reading the files that commands name.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::tools {

/// The text of a file, or of standard input for "-". Throws weft::Error naming the file.
std::string read_text(const std::string& file);
/// Parses and verifies a Weft text file.
ir::Graph load_graph(const std::string& file);
/// Makes the folder and those above it, unless they are there. Throws weft::Error naming it.
void make_folder(const std::string& folder);
/// Every part between separators, empty ones too.
std::vector<std::string> split(const std::string& text, char separator);

}  // namespace weft::tools
