// The tutorial prints what it is expected to print, character by character.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "command.h"
#include "tests/support/places.h"

TEST_CASE("the tutorial's output is as expected") {
  std::ifstream in(weft::test::text_files() + "/tutorial.txt");
  const std::string expected{std::istreambuf_iterator<char>(in), {}};
  const auto out = weft::test::run_tool("tutorial");
  CHECK(out.code == 0);
  CHECK(out.text == expected);
}
