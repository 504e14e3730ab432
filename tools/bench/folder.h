// A folder for files of a case.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace weft::bench {

/// Made anew, and removed with its owner.
class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "weft-bench-XXXXXX").string()) {
    if (!mkdtemp(path_.data()))
      throw std::runtime_error("weft-bench: no folder for files: " + path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace weft::bench
