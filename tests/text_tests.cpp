// The runner of text tests.
#include "tests/text_tests.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <weft/error.h>
#include "tests/support/places.h"

namespace weft::test {
namespace {

struct Directive {
  enum class Kind : std::uint8_t { run, check, check_not, error } kind;
  std::string text;
};

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<Directive> directives_of(std::string_view test) {
  constexpr std::pair<std::string_view, Directive::Kind> known[] = {
      {"// run:", Directive::Kind::run},
      {"// CHECK:", Directive::Kind::check},
      {"// CHECK-NOT:", Directive::Kind::check_not},
      {"// error:", Directive::Kind::error}};
  std::vector<Directive> directives;
  for (const std::string& line : lines_of(test))
    for (const auto& [prefix, kind] : known)
      if (const auto at = line.find(prefix); at != line.npos)
        directives.push_back({kind, trimmed(std::string_view(line).substr(at + prefix.size()))});
  return directives;
}

struct TextTest {
  std::string text;  // with empty lines for what precedes it in the file, so that places fit
  int line;
};

std::vector<TextTest> split_tests(const std::string& file_text) {
  std::vector<TextTest> tests{{"", 1}};
  int line_number = 0;
  for (const std::string& line : lines_of(file_text)) {
    ++line_number;
    if (trimmed(line) == "// -----")
      tests.push_back({std::string(static_cast<std::size_t>(line_number), '\n'), line_number + 1});
    else
      tests.back().text += line + '\n';
  }
  return tests;
}

const TextCommand* find_command(std::span<const TextCommand> commands, const std::string& name) {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const TextCommand& c) { return c.name == name; });
  return found == commands.end() ? nullptr : &*found;
}

/// What is wrong with an error's message, or "".
std::string check_error(const std::vector<Directive>& directives, const std::string& message) {
  bool expected = false;
  for (const Directive& d : directives) {
    if (d.kind != Directive::Kind::error) continue;
    expected = true;
    if (message.find(d.text) == message.npos)
      return "expected an error with\n  " + d.text + "\ngot\n  " + message;
  }
  return expected ? "" : "unexpected error: " + message;
}

std::string run_one(const TextTest& test, std::string_view file,
                    std::span<const TextCommand> commands) {
  const std::vector<Directive> directives = directives_of(test.text);
  if (directives.empty() || directives[0].kind != Directive::Kind::run)
    return "the first comment is not '// run: command'";
  const std::string& run = directives[0].text;
  const std::string name = run.substr(0, run.find(' '));
  const TextCommand* command = find_command(commands, name);
  if (!command) return "no such command: " + name;
  try {
    const std::string output = command->run(trimmed(run.substr(name.size())), test.text, file);
    return check_output(test.text, output);
  } catch (const Error& error) {
    return check_error(directives, error.what());
  }
}

}  // namespace

std::string check_output(std::string_view test, std::string_view output) {
  std::size_t from = 0;
  bool checked = false;
  std::vector<std::string> forbidden;
  const auto violation = [&](std::string_view part) -> std::string {
    for (const std::string& text : forbidden)
      if (part.find(text) != part.npos)
        return "found '" + text + "', which CHECK-NOT forbids, in\n" + std::string(output);
    forbidden.clear();
    return "";
  };
  for (const Directive& d : directives_of(test)) {
    if (d.kind == Directive::Kind::error)
      return "expected an error with\n  " + d.text + "\ngot\n" + std::string(output);
    checked = checked || d.kind != Directive::Kind::run;
    if (d.kind == Directive::Kind::check_not) forbidden.push_back(d.text);
    if (d.kind != Directive::Kind::check) continue;
    const std::size_t at = output.find(d.text, from);
    if (at == output.npos)
      return "did not find, in order,\n  " + d.text + "\nin\n" + std::string(output);
    if (const std::string wrong = violation(output.substr(from, at - from)); !wrong.empty())
      return wrong;
    from = at + d.text.size();
  }
  if (!checked) return "the test checks nothing";
  return violation(output.substr(from));
}

void run_text_tests(std::string_view folder, std::span<const TextCommand> commands) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(text_files()) / folder))
    if (entry.path().extension() == ".weft") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE(!files.empty());
  for (const fs::path& path : files) {
    std::ifstream stream(path);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const std::string name = path.filename().string();
    for (const TextTest& test : split_tests(text)) {
      const std::string wrong = run_one(test, name, commands);
      INFO(name << ":" << test.line << ": " << wrong);
      CHECK(wrong.empty());
    }
  }
}

}  // namespace weft::test
