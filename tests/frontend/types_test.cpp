// C++ types around tensors: element types, numbers among themselves, arguments of jitted functions.
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("every integer of 64 bits is an i64") {
  static_assert(dtype_of<long> == i64 && dtype_of<long long> == i64);
  static_assert(dtype_of<unsigned long long> == u64);
  const Tensor x = tensor(std::vector<long long>{1, -2});
  check_tensor(x, i64, {2}, {1, -2});
  CHECK(x[0].item<long long>() == 1);
  CHECK(x.to_vector<long long>() == std::vector<long long>{1, -2});
}

TEST_CASE("a vector of bools makes a tensor of bools") {
  check_tensor(tensor(std::vector<bool>{true, false, true}), boolean, {3}, {1, 0, 1});
  check_tensor(tensor(std::vector<bool>()), boolean, {0}, {});
}

TEST_CASE("numbers taken from tensors compute as numbers") {
  const Scalar three = tensor(3.0).item(), two = tensor(2).item();
  static_assert(std::is_same_v<decltype(three + 1), Scalar>);
  CHECK((three + 1).to<double>() == 4);
  CHECK(static_cast<float>(2 * three - 1) == 5);
  CHECK((two * two).kind() == Scalar::Kind::integer);
  CHECK((two / 4).to<double>() == 0.5);
  CHECK((-two).integer() == -2);
  CHECK(three == 3);
  CHECK(two < three);
  check_tensor(ones({2}) * three, f32, {2}, {3, 3});
  check_tensor(three - ones({2}), f32, {2}, {2, 2});
}

TEST_CASE("a string literal is a text argument of a jitted function") {
  const auto f =
      jit([](const Tensor& x, const std::string& mode) { return mode == "double" ? x * 2 : x; });
  check_values(f(ones({2}), "double"), {2, 2});
  check_values(f(ones({2}), "as it is"), {1, 1});
  CHECK(f.report().signatures == 2);
}

TEST_CASE("aggregates with C arrays are told apart from those without") {
  struct Inner {
    Tensor a, b;
  };
  struct Plain {
    Tensor x;
    Inner inner;
    std::vector<Tensor> many;
    double number;
  };
  struct WithArray {
    Tensor x[2];
    double number;
  };
  static_assert(!detail::has_array_member<Plain, detail::member_count<Plain>()>());
  static_assert(detail::has_array_member<WithArray, detail::member_count<WithArray>()>());
}
