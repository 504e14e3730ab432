// The text tests of tests/files/passes. Commands:
//   // run: pass simplify,dce      prints the graph after the passes
//   // run: grad 0 2               prints passes::grad with respect to parameters 0 and 2
//   // run: jvp 0, // run: vjp 0   likewise
// Each also verifies what came out; `pass` checks that the interpreter gives the same bits.
#include "tests/text_tests.h"

#include <doctest/doctest.h>

#include <sstream>
#include <vector>

#include "passes/autodiff.h"
#include "passes/pipeline.h"
#include "tests/passes/helpers.h"

namespace weft::test {
namespace {

using namespace ir;

std::string run_pass_command(std::string_view args, std::string_view text, std::string_view file) {
  const Graph before = parse(text, file);
  const Graph after = passes::run_passes(before, passes::passes_by_name(args));
  verify(after);
  CHECK(difference(before, after) == "");
  return print(after);
}

std::vector<std::size_t> numbers(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::size_t> list;
  for (std::size_t k; stream >> k;) list.push_back(k);
  return list;
}

std::string verified(const Graph& graph) {
  verify(graph);
  return print(graph);
}

}  // namespace

TEST_CASE("passes do to graphs what tests/files/passes says") {
  const TextCommand commands[] = {
      {"pass", run_pass_command},
      {"grad", [](auto args, auto text,
                  auto file) { return verified(passes::grad(parse(text, file), numbers(args))); }},
      {"jvp", [](auto args, auto text,
                 auto file) { return verified(passes::jvp(parse(text, file), numbers(args))); }},
      {"vjp",
       [](auto args, auto text, auto file) {
         return verified(passes::vjp(parse(text, file), numbers(args)).graph);
       }},
  };
  run_text_tests("passes", commands);
}

}  // namespace weft::test
