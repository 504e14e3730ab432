// What the tests of the API share: comparing elements, and taking the message of an expected error.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include <weft/weft.h>

namespace weft::tests {

/// The elements as doubles, whatever the dtype.
inline std::vector<double> numbers(const Tensor& t) {
  return t.detach().to(f64).to_vector<double>();
}

inline void check_values(const Tensor& t, const std::vector<double>& expected,
                         double tolerance = 0) {
  const std::vector<double> got = numbers(t);
  REQUIRE(got.size() == expected.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    CAPTURE(k);
    if (std::isnan(expected[k]))
      CHECK(std::isnan(got[k]));
    else if (tolerance == 0 || std::isinf(expected[k]))
      CHECK(got[k] == expected[k]);
    else
      CHECK(std::abs(got[k] - expected[k]) <= tolerance * std::max(1.0, std::abs(expected[k])));
  }
}

inline void check_tensor(const Tensor& t, DType dtype, const Shape& shape,
                         const std::vector<double>& expected, double tolerance = 0) {
  CHECK(t.dtype() == dtype);
  CHECK(t.shape() == shape);
  check_values(t, expected, tolerance);
}

/// The message of the weft::Error that f throws, "" if it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace weft::tests

/// The statement throws weft::Error with `part` in its message, and this line as its place.
#define CHECK_ERROR(part, ...)                                                       \
  do {                                                                               \
    const std::string message = weft::tests::error_of([&] { (void)(__VA_ARGS__); }); \
    CAPTURE(message);                                                                \
    CHECK(weft::tests::contains(message, part));                                     \
    CHECK(weft::tests::contains(message, "_test.cpp:" + std::to_string(__LINE__)));  \
  } while (false)
