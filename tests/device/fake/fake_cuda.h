// A machine with CUDA for tests: a driver and a compiler in one shared library, found by the names
// of NVIDIA's functions. "Device code" is the text itself, which the emulator runs. Work on a
// stream happens only when somebody waits for it; device memory cannot be touched by the host.
// What a driver would not forgive is written down as a violation.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace weft::test {

struct FakeCall {
  std::string function;  // "cuLaunchKernel"
  const void* stream = nullptr;
  std::size_t bytes = 0;  // of allocations and copies
  std::string kernel{};   // of launches, or the architecture that was compiled for
};

struct FakeCuda {
  // The machine.
  int devices = 3;
  int architecture = 90;
  std::size_t memory_bytes = std::size_t{256} << 20;  // of each device

  // Failures to come: the n-th call of a function from now on (1: the next) gives this status.
  struct Failure {
    std::size_t in = 0;
    int status = 0;
  };
  std::map<std::string, Failure> failures;
  Failure any_failure;        // the n-th call of any function with a context
  std::size_t faults_in = 0;  // the n-th launch from now on faults when it runs

  // What happened.
  std::vector<FakeCall> calls;
  std::vector<std::string> violations;
  std::size_t launches_run = 0, live_blocks = 0, live_bytes = 0, kept_bytes = 0;
  std::size_t streams = 0, modules = 0;

  /// After a fault: as a new process would find the device.
  void (*reset)() = nullptr;
  std::size_t count(const std::string& function) const {
    std::size_t found = 0;
    for (const FakeCall& call : calls) found += call.function == function ? 1 : 0;
    return found;
  }
};

}  // namespace weft::test

/// The library's only one.
extern "C" __attribute__((visibility("default"))) weft::test::FakeCuda* weft_fake_cuda();
