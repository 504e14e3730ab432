// A folder for the files of a test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace weft::test {

/// A folder that goes away with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_((std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string()) {
    if (!mkdtemp(path_.data())) std::abort();
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace weft::test
