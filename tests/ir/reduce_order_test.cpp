// The stages of a reduction, which both the interpreter and the kernels follow.
#include <doctest/doctest.h>

#include <string>

#include "ir/reduce_order.h"

using namespace weft::ir;

namespace {

/// "[4,200,3] [2,2,1]": the stages' inputs.
std::string stages(const Shape& shape, const std::vector<std::int64_t>& axes) {
  std::string text;
  for (const ReduceStage& s : reduce_stages(shape, axes))
    text += (text.empty() ? "" : " ") + str(Shape{s.outer, s.n, s.inner});
  return text;
}

}  // namespace

TEST_CASE("a reduction of nothing, or of axes of size one, has no stages") {
  CHECK(stages({2, 3}, {}) == "");
  CHECK(stages({1, 3, 1}, {0, 2}) == "");
  CHECK(stages({}, {}) == "");
}

TEST_CASE("a reduction over one axis is one stage around it") {
  CHECK(stages({4, 5, 6}, {2}) == "[20,6,1]");
  CHECK(stages({4, 5, 6}, {1}) == "[4,5,6]");
  CHECK(stages({4, 5, 6}, {0}) == "[1,4,30]");
  CHECK(stages({4, 1, 6, 1}, {2}) == "[4,6,1]");
}

TEST_CASE("adjacent reduced axes merge until the merged size reaches 64") {
  CHECK(stages({2, 3, 4, 5}, {1, 2, 3}) == "[2,60,1]");
  CHECK(stages({7, 63, 5}, {0, 1}) == "[1,441,5] [1,2,5]");
  CHECK(stages({7, 64, 5}, {0, 1}) == "[7,64,5] [1,7,5]");
  CHECK(stages({3, 1, 4}, {0, 2}) == "[1,12,1]");
}

TEST_CASE("reduced axes that are apart are reduced from the innermost outwards") {
  CHECK(stages({4, 5, 6}, {0, 2}) == "[20,6,1] [1,4,5]");
}

TEST_CASE("a long axis is reduced in chunks first") {
  CHECK(stages({65536}, {0}) == "[1,65536,1]");
  CHECK(stages({65537}, {0}) == "[1,65537,1] [1,2,1]");
  CHECK(stages({1000, 3}, {0}) == "[1,1000,3] [1,4,3]");
  CHECK(stages({70000, 3}, {0}) == "[1,70000,3] [1,274,3] [1,2,3]");
  CHECK(reduce_stages({1000, 3}, {0})[0].results() == 4);
  CHECK(stages({2, 100000}, {0, 1}) == "[2,100000,1] [1,4,1]");
}

TEST_CASE("an empty reduction gives one result, the identity") {
  CHECK(stages({3, 0}, {1}) == "[3,0,1]");
  CHECK(reduce_stages({3, 0}, {1})[0].results() == 1);
  CHECK(stages({0, 5}, {0}) == "[1,0,5]");
  CHECK(stages({0, 5}, {1}) == "[0,5,1]");
}
