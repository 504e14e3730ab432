#include "tools/support/svg.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

#include "tools/support/files.h"

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
  constexpr std::size_t large = 60000;  // bytes of dot: splines and full ranking would take minutes
  if (std::system("command -v dot >/dev/null 2>&1") != 0)
    throw Unsupported("weft: SVG needs the program dot (Debian package graphviz)");
  const TemporaryFile file;
  write_file(file.path(), dot);
  const std::string quick = dot.size() > large ? " -Gnslimit=2 -Gnslimit1=2 -Gsplines=line" : "";
  const std::string command = "dot -Tsvg" + quick + " '" + file.path() + "' 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw Error("weft: cannot start dot");
  std::string svg;
  char block[4096];
  for (std::size_t n; (n = std::fread(block, 1, sizeof block, pipe)) > 0;) svg.append(block, n);
  if (pclose(pipe) != 0 || svg.empty())
    throw std::runtime_error("weft: dot could not draw the graph");
  return svg;
}

}  // namespace weft::tools
