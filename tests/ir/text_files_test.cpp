// The text tests of tests/files/ir.
#include <doctest/doctest.h>

#include "ir/graph.h"
#include "tests/text_tests.h"

namespace weft {
namespace {

std::string parse_and_print(std::string_view, std::string_view text, std::string_view file) {
  return ir::print(ir::parse(text, file));
}

/// "same" if the text, but for comment lines, is what printing gives back; else what printing
/// gives.
std::string identity(std::string_view, std::string_view text, std::string_view file) {
  const std::string printed = ir::print(ir::parse(text, file));
  return text.ends_with(printed) ? "same" : printed;
}

TEST_CASE("text files of the IR do what their comments say") {
  const test::TextCommand commands[] = {{"parse", parse_and_print}, {"identity", identity}};
  test::run_text_tests("ir", commands);
}

TEST_CASE("CHECK lines must come in order, and CHECK-NOT holds between them") {
  CHECK(test::check_output("// CHECK: a\n// CHECK: b", "a b") == "");
  CHECK(test::check_output("// CHECK: b\n// CHECK: a", "a b") != "");
  CHECK(test::check_output("// CHECK-NOT: c\n// CHECK: b", "a b c") == "");
  CHECK(test::check_output("// CHECK: b\n// CHECK-NOT: c", "a b c") != "");
  CHECK(test::check_output("// CHECK-NOT: a\n// CHECK: b", "a b c") != "");
  CHECK(test::check_output("// error: x", "a") != "");
  CHECK(test::check_output("// run: parse", "a") != "");
}

}  // namespace
}  // namespace weft
