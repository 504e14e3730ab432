#include "tools/support/svg.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <weft/error.h>

namespace weft::tools {

namespace {

/// A file in the temporary folder that goes away with its owner.
class TemporaryFile {
 public:
  TemporaryFile() : path_(std::filesystem::temp_directory_path() / "weft-XXXXXX") {
    const int handle = mkstemp(path_.data());
    if (handle < 0) throw Error("weft: cannot create a temporary file " + path_);
    close(handle);
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

std::string svg_of_dot(const std::string& dot) {
  const TemporaryFile file;
  std::ofstream(file.path()) << dot;
  const std::string command = "dot -Tsvg '" + file.path() + "' 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw Error("weft: cannot start dot");
  std::string svg;
  char block[4096];
  for (std::size_t n; (n = std::fread(block, 1, sizeof block, pipe)) > 0;) svg.append(block, n);
  if (pclose(pipe) != 0 || svg.empty())
    throw Unsupported("weft: SVG needs the program dot (Debian package graphviz)");
  return svg;
}

}  // namespace weft::tools
