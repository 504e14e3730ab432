// Checks many random graphs, shrinks what fails, and says how much was done.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace weft::test {

struct FuzzOptions {
  std::uint64_t first_seed = 1;
  std::int64_t count = 2000;
  std::int64_t compile_every = 1;  // only each n-th graph is compiled; the passes run on all
  std::int64_t most_failures = 5;  // then it stops
};

struct FuzzReport {
  std::int64_t graphs = 0, gradients = 0, compiled = 0, nodes = 0;
  std::int64_t failures = 0;
  std::string failed;  // for each failure: the seed, what differs, and a small graph as text

  std::string summary() const;
};

/// Seeds first_seed, first_seed + 1, ...; `progress` hears of each graph done.
FuzzReport fuzz(const FuzzOptions& options,
                const std::function<void(const FuzzReport&)>& progress = {});

}  // namespace weft::test
