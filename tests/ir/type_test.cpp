// Types, dtypes and places.
#include <doctest/doctest.h>

#include "ir/type.h"

namespace weft {
namespace {

TEST_CASE("promotion is PyTorch's") {
  CHECK(promote(boolean, u8) == u8);
  CHECK(promote(u8, i8) == i16);
  CHECK(promote(u8, i16) == i16);
  CHECK(promote(u8, i64) == i64);
  CHECK(promote(u16, i16) == i32);
  CHECK(promote(u32, i32) == i64);
  CHECK(promote(i64, f16) == f16);
  CHECK(promote(f32, i64) == f32);
  CHECK(promote(f16, bf16) == f32);
  CHECK(promote(f32, f64) == f64);
  CHECK(promote(f64, c64) == c128);
  CHECK(promote(f32, c64) == c64);
  CHECK(promote(i64, c64) == c64);
}

TEST_CASE("promotion does not depend on the order") {
  for (int a = 0; a < dtype_count; ++a)
    for (int b = 0; b < dtype_count; ++b) {
      const auto x = static_cast<DType>(a);
      const auto y = static_cast<DType>(b);
      CHECK(promote(x, y) == promote(y, x));
      CHECK(promote(x, x) == x);
      CHECK(promote(promote(x, y), y) == promote(x, y));
    }
}

TEST_CASE("types count their elements and bytes") {
  const ir::Type type{f32, {2, 3}};
  CHECK(type.str() == "f32[2,3]");
  CHECK(type.elements() == 6);
  CHECK(type.bytes() == 24);
  CHECK(ir::Type{i64, {}}.elements() == 1);
  CHECK(ir::elements({4611686018427387904, 4611686018427387904, 0}) == 0);
  CHECK_THROWS_AS(ir::elements({4294967296, 4294967296}), Error);
  CHECK(ir::row_major_strides({2, 3, 4}) == std::vector<std::int64_t>{12, 4, 1});
  CHECK(ir::row_major_strides({2, 0, 4}) == std::vector<std::int64_t>{4, 4, 1});
}

TEST_CASE("a legal type has room for its strides") {
  CHECK(ir::is_legal({f32, {}}));
  CHECK(ir::is_legal({f32, ir::Shape(64, 1)}));
  CHECK_FALSE(ir::is_legal({f32, ir::Shape(65, 1)}));
  CHECK_FALSE(ir::is_legal({f32, {-1}}));
  CHECK(ir::is_legal({boolean, {ir::max_bytes - 1}}));
  CHECK_FALSE(ir::is_legal({boolean, {ir::max_bytes}}));
  CHECK_FALSE(ir::is_legal({boolean, {0, ir::max_bytes}}));
}

TEST_CASE("places drop the folders of C++ files and keep those of texts") {
  CHECK(Location("src/model.cpp", 41).str() == "model.cpp:41");
  CHECK(Location("models/loss.weft", 3, 12).str() == "models/loss.weft:3:12");
  CHECK(Location().str() == "");
  CHECK(std::string(Error("add: wrong", {"a.cpp", 1}).what()) == "add: wrong, at a.cpp:1");
  CHECK(std::string(Error("add: wrong").what()) == "add: wrong");
}

}  // namespace
}  // namespace weft
