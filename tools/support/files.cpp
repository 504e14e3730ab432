#include "tools/support/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

namespace weft::tools {

std::string read_text(const std::string& file) {
  constexpr std::size_t longest = std::size_t{1} << 30;
  if (file != "-" && std::filesystem::is_directory(file))
    throw Error("weft: expected a file, got the directory " + file);
  const auto close = [](std::FILE* f) { return f == stdin ? 0 : std::fclose(f); };
  const std::unique_ptr<std::FILE, decltype(close)> in(
      file == "-" ? stdin : std::fopen(file.c_str(), "rb"), close);
  if (!in) throw Error("weft: cannot read " + file + ": " + std::strerror(errno));
  std::string text;
  std::vector<char> block(1 << 16);
  for (std::size_t n; (n = std::fread(block.data(), 1, block.size(), in.get())) > 0;) {
    text.append(block.data(), n);
    if (text.size() > longest)
      throw Error("weft: expected a text below 1 GiB, got more in " + file);
  }
  if (std::ferror(in.get())) throw Error("weft: cannot read " + file + ": " + std::strerror(errno));
  return text;
}

ir::Graph load_graph(const std::string& file) {
  ir::Graph graph = ir::parse(read_text(file), file == "-" ? "<stdin>" : file);
  ir::verify(graph);
  return graph;
}

void make_folder(const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (std::filesystem::is_directory(folder)) return;
  throw Error("weft: expected a folder, got " + folder +
              (problem ? ", which cannot be made: " + problem.message() : ", which is none"));
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts{""};
  for (char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

}  // namespace weft::tools
