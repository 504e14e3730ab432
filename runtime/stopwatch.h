// Milliseconds since a beginning, and since the last lap.
#pragma once

#include <chrono>
#include <utility>

namespace weft::runtime {

class Stopwatch {
 public:
  double ms() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin_)
        .count();
  }
  double lap_ms() {
    const double passed = ms();
    return passed - std::exchange(lap_, passed);
  }

 private:
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  double lap_ = 0;
};

}  // namespace weft::runtime
