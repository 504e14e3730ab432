// Text tests: .weft files that say in comments how they run and what must come out.
//
//   // run: verify            a command of the test program, with arguments
//   // CHECK: %0 = add        must stand in the output, in the order of the CHECK lines
//   // CHECK-NOT: mul         must not stand between its neighbours' places
//   // error: add E2:         the command throws weft::Error, whose message contains this
//   // -----                  another test follows, in the same file
//
// A test has CHECK lines or error lines. Places in messages count from the start of the file.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace weft::test {

struct TextCommand {
  std::string_view name;
  /// The output for one test: the text behind `// run: name`, the .weft text, and its file's name.
  std::function<std::string(std::string_view args, std::string_view text, std::string_view file)>
      run;
};

/// Runs the tests in every .weft file of tests/files/<folder>. Failures are doctest's and name the
/// file and line.
void run_text_tests(std::string_view folder, std::span<const TextCommand> commands);

/// What one test says is wrong with one output, or "" if nothing is.
std::string check_output(std::string_view test, std::string_view output);

}  // namespace weft::test
