#include "tools/support/files.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

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

void write_file(const std::string& file, const std::string& text) {
  if (std::filesystem::is_directory(file))
    throw Error("weft: cannot write " + file + ": it is a directory");
  std::string temporary = file + ".XXXXXX";
  const int handle = mkstemp(temporary.data());
  if (handle < 0) throw Error("weft: cannot write " + file + ": " + std::strerror(errno));
  fchmod(handle, 0644);
  std::FILE* out = fdopen(handle, "wb");
  const bool written = std::fwrite(text.data(), 1, text.size(), out) == text.size();
  const bool closed = std::fclose(out) == 0;
  if (written && closed && std::rename(temporary.c_str(), file.c_str()) == 0) return;
  const std::string reason = std::strerror(errno);
  std::remove(temporary.c_str());
  throw Error("weft: cannot write " + file + ": " + reason);
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
