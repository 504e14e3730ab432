// The emulator reports what CUDA leaves undefined; kernels with one mistake each.
#include <doctest/doctest.h>

#include <cmath>

#include <weft/error.h>
#include "tests/cuda/emulator.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr unsigned threads = 64;
const char* const mistakes = R"(
extern "C" void exited_lane(const float* x, float* y) {
  if (threadIdx.x % 32 > 20) return;
  y[threadIdx.x] = __shfl_down_sync(0xffffffffu, x[threadIdx.x], 1);
}
extern "C" void diverged(const float* x, float* y) {
  float v = x[threadIdx.x];
  if (threadIdx.x & 1) v = __shfl_sync(0xffffffffu, v, 2);
  else v = __shfl_down_sync(0xffffffffu, v, 2);
  y[threadIdx.x] = v;
}
extern "C" void two_barriers(const float* x, float* y) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  y[threadIdx.x] = x[threadIdx.x];
}
extern "C" void early_return(const float* x, float* y) {
  if (threadIdx.x == 5) return;
  __syncthreads();
  y[threadIdx.x] = x[threadIdx.x];
}
extern "C" void not_in_mask(const float* x, float* y) {
  y[threadIdx.x] = __shfl_sync(0xffffu, x[threadIdx.x], 0);
}
extern "C" void unwritten(const float* x, float* y) {
  __shared__ float s[64];
  if (threadIdx.x < 4) s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = s[threadIdx.x];
}
extern "C" void no_barrier(const float* x, float* y) {
  __shared__ float s[64];
  s[threadIdx.x] = x[threadIdx.x];
  __syncwarp();
  y[threadIdx.x] = s[(threadIdx.x + 37) % 64];
}
extern "C" void rotated(const float* x, float* y) {
  __shared__ float s[64];
  s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = __shfl_sync(0xffffffffu, s[(threadIdx.x + 32) % 64], threadIdx.x % 8, 8);
}
)";

struct Outcome {
  std::string problem;
  std::vector<float> y;
};

Outcome run(const std::string& name, Schedule schedule) {
  static EmulatedModule module = [] {
    const std::vector<std::string> names = {"exited_lane",  "diverged",    "two_barriers",
                                            "early_return", "not_in_mask", "unwritten",
                                            "no_barrier",   "rotated"};
    return EmulatedModule(mistakes, names);
  }();
  std::vector<float> x(threads), y(threads, 0);
  for (unsigned k = 0; k < threads; ++k) x[k] = static_cast<float>(k) + 1;
  const float* x_pointer = x.data();
  float* y_pointer = y.data();
  void* arguments[] = {&x_pointer, &y_pointer};
  std::string problem = module.launch(name, 1, threads, arguments, schedule);
  return {std::move(problem), std::move(y)};
}

bool mentions(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the emulator names what is undefined, under every schedule") {
  if (!emulator_missing().empty()) return;
  for (const Schedule schedule : all_schedules) {
    CAPTURE(static_cast<int>(schedule));
    CHECK(mentions(run("exited_lane", schedule).problem, "which has left"));
    CHECK(mentions(run("diverged", schedule).problem, "diverges"));
    CHECK(mentions(run("two_barriers", schedule).problem, "while others wait at line"));
    CHECK(mentions(run("early_return", schedule).problem, "has left while others wait"));
    CHECK(mentions(run("not_in_mask", schedule).problem, "lacks the lane itself"));
  }
}

TEST_CASE("shared memory that nobody wrote is NaN, and a missing barrier shows in some schedule") {
  if (!emulator_missing().empty()) return;
  const Outcome unwritten = run("unwritten", Schedule::forward);
  CHECK(unwritten.problem.empty());
  CHECK(unwritten.y[3] == 4);
  CHECK(std::isnan(unwritten.y[4]));
  bool differs = false;
  for (const Schedule schedule : all_schedules) {
    const std::vector<float> y = run("no_barrier", schedule).y;
    for (unsigned k = 0; k < threads; ++k)
      differs |= y[k] != static_cast<float>((k + 37) % threads) + 1;
  }
  CHECK(differs);
}

TEST_CASE("barriers and shuffles mean the same under every schedule") {
  if (!emulator_missing().empty()) return;
  for (const Schedule schedule : all_schedules) {
    const Outcome outcome = run("rotated", schedule);
    CHECK(outcome.problem.empty());
    for (unsigned k = 0; k < threads; ++k) {
      const unsigned lane = k % 32 / 8 * 8 + k % 8;
      CHECK(outcome.y[k] == static_cast<float>((k / 32 * 32 + lane + 32) % threads) + 1);
    }
  }
}

TEST_CASE("a kernel that the host compiler refuses is an error with its output") {
  if (!emulator_missing().empty()) return;
  const std::vector<std::string> names = {"broken"};
  CHECK_THROWS_WITH_AS(EmulatedModule("extern \"C\" void broken() { nonsense; }\n", names),
                       doctest::Contains("nonsense"), Error);
}
