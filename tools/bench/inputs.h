// What the cases share: reproducible inputs, comparison with a reference, a jitted function as a
// case.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>

#include "tools/bench/case.h"
#include "tools/bench/device.h"

namespace weft::bench {

inline constexpr double mega = 1 << 20;

/// Reproducible values in [low, high) without Weft's own generator.
template <class T = float>
std::vector<T> values(std::int64_t n, unsigned seed, double low = -2, double high = 2) {
  std::vector<T> result(static_cast<std::size_t>(n));
  std::uint32_t state = seed * 2654435761u + 1;
  const double step = (high - low) / (1 << 24);
  for (T& v : result) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<T>(low + step * static_cast<double>(state >> 8));
  }
  return result;
}

/// Where element k of n is wrong, as text for people.
std::string wrong_element(std::int64_t k, double got, double want);

/// Compares elements spread over an array with expected(k); empty, or the first that differs by
/// more than `tolerance`, relative for values above 1.
template <class T>
std::string compare_elements(const T* got, std::int64_t n,
                             const std::function<double(std::int64_t)>& expected,
                             double tolerance) {
  const std::int64_t steps = std::min<std::int64_t>(n, 97);
  for (std::int64_t s = 0; s < steps; ++s) {
    const std::int64_t k = steps == 1 ? 0 : s * (n - 1) / (steps - 1);
    const double want = expected(k), value = static_cast<double>(got[k]);
    // Written so that a NaN is wrong.
    if (!(std::abs(value - want) <= tolerance * std::max(1.0, std::abs(want))))
      return wrong_element(k, value, want);
  }
  return {};
}

template <class T = float>
Check compare(std::function<double(std::int64_t)> expected, double tolerance) {
  return [expected = std::move(expected), tolerance](const Tensor& result) {
    return compare_elements(result.data<T>(), result.numel(), expected, tolerance);
  };
}

template <class F, class... Inputs>
Prepared prepared(F f, Check check, Inputs... inputs) {
  // Arguments stand in memory of their own: a view would be evaluated in each call.
  ((inputs = inputs.to(device()).clone(), inputs.data_ptr()), ...);
  auto compiled = std::make_shared<Jitted<F>>(jit(std::move(f)));
  return {.run = [=] { return (*compiled)(inputs...); },
          .report = [=] { return compiled->report(); },
          .check = std::move(check),
          .follows_device = true};
}

inline std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

}  // namespace weft::bench
