// The layer rules of docs/architecture.md, read off the includes.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/support/places.h"

namespace fs = std::filesystem;

namespace {

const fs::path root = weft::test::source_dir();

/// What each folder may include besides itself, the standard library and <weft/error.h>,
/// <weft/dtype.h>.
const std::map<std::string, std::set<std::string>> may_include = {
    {"ir", {}},
    {"passes", {"ir"}},
    {"codegen", {"ir"}},
    {"runtime", {"ir", "passes", "codegen"}},
    {"frontend", {"ir", "passes", "codegen", "runtime", "weft"}},
};
const std::set<std::string> vocabulary = {"weft/error.h", "weft/dtype.h"};

bool is_source(const fs::path& file) {
  return file.extension() == ".h" || file.extension() == ".cpp";
}

std::vector<fs::path> sources(const std::string& folder) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    if (entry.is_regular_file() && is_source(entry.path())) result.push_back(entry.path());
  }
  return result;
}

std::vector<std::string> includes(const fs::path& file) {
  static const std::regex pattern(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<std::string> result;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_search(line, match, pattern)) result.push_back(match[1]);
  }
  return result;
}

std::string first_part(const std::string& include) { return include.substr(0, include.find('/')); }

}  // namespace

TEST_CASE("a folder includes only what its layer may see") {
  for (const auto& [folder, allowed] : may_include) {
    for (const fs::path& file : sources(folder)) {
      for (const std::string& include : includes(file)) {
        const std::string part = first_part(include);
        const bool ours =
            may_include.count(part) || part == "weft" || part == "tools" || part == "tests";
        const bool fine =
            !ours || part == folder || allowed.count(part) || vocabulary.count(include);
        CHECK_MESSAGE(fine, fs::relative(file, root).string(), " includes ", include);
      }
    }
  }
}

TEST_CASE("LLVM headers appear only in codegen/llvm") {
  for (const char* folder : {"ir", "passes", "codegen", "runtime", "frontend", "tools", "tests"}) {
    for (const fs::path& file : sources(folder)) {
      const std::string name = fs::relative(file, root).string();
      if (name.rfind("codegen/llvm/", 0) == 0) continue;
      for (const std::string& include : includes(file))
        CHECK_MESSAGE(first_part(include) != "llvm", name, " includes ", include);
    }
  }
}

TEST_CASE("public headers include only the standard library and each other") {
  for (const fs::path& file : sources("frontend/include")) {
    for (const std::string& include : includes(file)) {
      const bool standard =
          include.find('/') == std::string::npos && include.find('.') == std::string::npos;
      CHECK_MESSAGE((standard || first_part(include) == "weft"), fs::relative(file, root).string(),
                    " includes ", include);
    }
  }
}

TEST_CASE("CUDA headers are included nowhere") {
  const std::set<std::string> cuda = {"cuda.h", "nvrtc.h", "cuda_runtime.h", "cublasLt.h"};
  for (const char* folder : {"ir", "passes", "codegen", "runtime", "frontend", "tools", "tests"}) {
    for (const fs::path& file : sources(folder)) {
      for (const std::string& include : includes(file))
        CHECK_MESSAGE(!cuda.count(include), fs::relative(file, root).string(), " includes ",
                      include);
    }
  }
}
