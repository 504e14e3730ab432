// Cumulative sums: bound by reading their operand and writing as much.
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

constexpr std::int64_t count = 16 << 20;

/// Sums of a [count / (n * inner), n, inner] array along n.
Case cumulative_sum(const std::string& name, const Shape& shape, int axis, std::int64_t inner) {
  return {.name = "cumsum_" + name,
          .bound = Bound::bandwidth,
          .bytes = 2 * static_cast<double>(count) * 4,
          .prepare = [=] {
            const auto a = values(count, 1);
            const std::int64_t n = shape[static_cast<std::size_t>(axis)];
            auto sums = std::make_shared<std::vector<double>>(a.begin(), a.end());
            for (std::int64_t k = 0; k < count; ++k)
              if (k / inner % n != 0) (*sums)[at(k)] += (*sums)[at(k - inner)];
            return prepared([axis](const Tensor& x) { return x.cumsum(axis); },
                            compare([sums](std::int64_t k) { return (*sums)[at(k)]; }, 1e-2),
                            tensor(a).reshape(shape));
          }};
}

}  // namespace

std::vector<Case> scan_cases() {
  return {cumulative_sum("4096x4096_axis0", {4096, 4096}, 0, 4096),
          cumulative_sum("4096x4096_axis1", {4096, 4096}, 1, 1),
          cumulative_sum("16M", {count}, 0, 1)};
}

}  // namespace weft::bench
