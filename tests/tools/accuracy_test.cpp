// weft-accuracy, which measures functions and writes docs/accuracy.md.
#include <doctest/doctest.h>

#include "command.h"

using weft::test::has;
using weft::test::run_tool;

namespace {}  // namespace

TEST_CASE("weft-accuracy measures, and leaves no operation of the table out") {
  // It ends at once where an operation is neither measured nor a single instruction.
  const auto out = run_tool("weft-accuracy --function sqrt --dtype f32 --sample 65536");
  CHECK_MESSAGE(out.code == 0, out.text);
  CHECK_MESSAGE(has(out.text, "0.5000"), out.text);
}

TEST_CASE("weft-accuracy names the functions that it knows") {
  const auto out = run_tool("weft-accuracy --function sine");
  CHECK(out.code == 3);
  for (const char* name : {"sqrt", "polygamma 1", "atan2"})
    CHECK_MESSAGE(has(out.text, name), out.text);
}
