// A CUDA device for tests: kernels are built for the host against shim.h and run block by block,
// one fiber per thread of a block. Collectives of a warp and barriers of a block have their exact
// meaning; what CUDA leaves undefined is an error here: lanes that diverge or have left, a barrier
// that not every thread reaches, or reaches at another line. Shared memory holds NaNs at first.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::test {

/// In which order the threads of a block run between collectives. Results must not depend on it.
enum class Schedule : unsigned char { forward, reverse, random, first_warp, last_warp };
inline constexpr Schedule all_schedules[] = {Schedule::forward, Schedule::reverse, Schedule::random,
                                             Schedule::first_warp, Schedule::last_warp};

/// Why kernels cannot be emulated here, in one line; empty where they can.
std::string emulator_missing();

/// Kernels that were built together.
class EmulatedModule {
 public:
  /// `text` defines the kernels `names`, extern "C". Throws weft::Error with the compiler's output.
  EmulatedModule(const std::string& text, std::span<const std::string> names);
  ~EmulatedModule();
  EmulatedModule(EmulatedModule&&) noexcept;

  /// Runs a kernel on a grid of one-dimensional blocks; arguments as for cuLaunchKernel. Returns
  /// what was undefined, or nothing.
  std::string launch(const std::string& name, unsigned blocks, unsigned threads, void** arguments,
                     Schedule schedule);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::test
