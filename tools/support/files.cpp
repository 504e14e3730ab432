#include "tools/support/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

namespace weft::tools {

std::string read_text(const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  if (std::filesystem::is_directory(file))
    throw Error("weft: expected a file, got the directory " + file);
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error("weft: cannot read " + file + ": " + std::strerror(errno));
  return {std::istreambuf_iterator<char>(in), {}};
}

ir::Graph load_graph(const std::string& file) {
  ir::Graph graph = ir::parse(read_text(file), file == "-" ? "<stdin>" : file);
  ir::verify(graph);
  return graph;
}

void write_file(const std::string& file, const std::string& text) {
  const std::string temporary = file + ".part";
  {
    std::ofstream out(temporary, std::ios::binary);
    out << text;
    out.flush();
    if (!out) {
      const std::string reason = std::strerror(errno);
      std::remove(temporary.c_str());
      throw Error("weft: cannot write " + file + ": " + reason);
    }
  }
  std::filesystem::rename(temporary, file);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

}  // namespace weft::tools
