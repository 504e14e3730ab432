// One file is one idea: about 600 lines at most, functions about 60. What exceeds that is reported;
// well beyond it, a file is an error.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/places.h"

namespace fs = std::filesystem;

namespace {

constexpr std::size_t long_function = 60, long_file = 600, too_long_file = 650;

struct Function {
  std::string head;  // its first line
  std::size_t line, lines;
};

/// The lines of a file; those inside of raw strings, which are no code of ours, are blank.
std::vector<std::string> lines_of(std::istream& in) {
  std::vector<std::string> lines;
  std::string end;  // of the raw string that we are in
  for (std::string line; std::getline(in, line);) {
    const std::size_t closed = end.empty() ? 0 : line.find(end);
    lines.push_back(end.empty() ? line : "");
    if (closed == std::string::npos) continue;
    end.clear();
    const std::size_t raw = line.find("R\"", closed), open = line.find('(', raw);
    if (raw == std::string::npos || open == std::string::npos) continue;
    end = ")" + line.substr(raw + 2, open - raw - 2) + "\"";
    if (line.find(end, open) != std::string::npos) end.clear();
  }
  return lines;
}

std::vector<fs::path> all_sources() {
  std::vector<fs::path> files;
  const fs::path root = weft::test::source_dir();
  for (const char* folder : {"ir", "passes", "codegen", "runtime", "frontend", "tools", "tests"})
    for (const auto& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.path().extension() == ".h" || entry.path().extension() == ".cpp")
        files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

bool starts_with_word(const std::string& line, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return line.rfind(word, 0) == 0; });
}

/// Whether code begins at exactly this column: no comment, label, directive or closing brace.
bool begins_at(const std::string& line, std::size_t column) {
  if (line.size() <= column || line.find_first_not_of(' ') != column) return false;
  return std::string("}#/:").find(line[column]) == std::string::npos && line.back() != ':';
}

/// The tree is formatted: a function ends at the first brace that stands alone in the column where
/// its head began, and namespaces indent nothing. So do the members of a class, two columns in.
std::vector<Function> functions_of(const std::vector<std::string>& lines) {
  std::vector<Function> found;
  bool in_class = false;
  std::size_t head[2] = {0, 0};
  const std::string closing[2] = {"}", "  }"};
  for (std::size_t k = 0; k < lines.size(); ++k) {
    const std::string& line = lines[k];
    if (begins_at(line, 0)) {
      in_class = starts_with_word(line, {"class ", "struct ", "union "});
      if (!starts_with_word(line, {"template <", "namespace ", "extern "})) head[0] = k;
    }
    if (line == "};") in_class = false;
    if (in_class && begins_at(line, 2) && line.rfind("  template <", 0) != 0) head[1] = k;
    for (const std::size_t level : {0, 1}) {
      if (line != closing[level] || (level == 1 && !in_class)) continue;
      found.push_back({lines[head[level]], head[level] + 1, k - head[level] + 1});
    }
  }
  return found;
}

std::string name_of(const fs::path& file) {
  return fs::relative(file, weft::test::source_dir()).string();
}

}  // namespace

TEST_CASE("functions are found with their lines") {
  std::istringstream text(
      "namespace a {\n/// One.\nint one() {\n  if (x) {\n  }\n  return 1;\n}\n"
      "class B : C {\n public:\n  void two(int a,\n           int b) {\n    f();\n  }\n"
      "  int x = 1;\n};\ntemplate <class T>\nT three() {\n  return R\"x(\n}\nint four() "
      "{\n)x\";\n}\n"
      "}  // namespace a\n");
  const auto found = functions_of(lines_of(text));
  REQUIRE(found.size() == 3);
  CHECK(found[0].line == 3);
  CHECK(found[0].lines == 5);
  CHECK(found[1].head == "  void two(int a,");
  CHECK(found[1].lines == 4);
  CHECK(found[2].line == 17);
  CHECK(found[2].lines == 6);
}

TEST_CASE("report of what is long") {
  std::size_t functions = 0;
  for (const fs::path& file : all_sources()) {
    std::ifstream in(file);
    const std::vector<std::string> lines = lines_of(in);
    if (lines.size() > long_file)
      std::cout << name_of(file) << " has " << lines.size() << " lines\n";
    for (const Function& f : functions_of(lines)) {
      if (f.lines <= long_function) continue;
      ++functions;
      const std::string head = f.head.substr(f.head.find_first_not_of(' '));
      std::cout << name_of(file) << ":" << f.line << ": " << f.lines << " lines: " << head << "\n";
    }
    CHECK_MESSAGE(lines.size() <= too_long_file, name_of(file), " has ", lines.size(), " lines");
  }
  std::cout << functions << " functions are longer than " << long_function << " lines\n";
}
