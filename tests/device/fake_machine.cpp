#include "tests/device/fake_machine.h"

#include <dlfcn.h>

#include <cstdlib>

#include "runtime/cuda/driver.h"
#include "tests/support/places.h"

namespace weft::test {
namespace {

/// The loader keeps one copy of the library, whoever opens it.
FakeCuda* open_fake() {
  setenv("WEFT_CUDA_DRIVER", cuda_fake("fake_cuda").c_str(), 1);
  setenv("WEFT_NVRTC", cuda_fake("fake_cuda").c_str(), 1);
  void* library = dlopen(cuda_fake("fake_cuda").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return nullptr;
  auto* find = reinterpret_cast<FakeCuda* (*)()>(dlsym(library, "weft_fake_cuda"));
  return find == nullptr ? nullptr : find();
}

FakeCuda* (*find_fake())() {
  void* library = dlopen(cuda_fake("fake_cuda").c_str(), RTLD_NOW | RTLD_NOLOAD);
  return reinterpret_cast<FakeCuda* (*)()>(dlsym(library, "weft_fake_cuda"));
}

}  // namespace

std::string fake_missing() {
#if !defined(__x86_64__)
  return "the emulator switches fibers on x86-64 only";
#else
  static FakeCuda* const fake = open_fake();
  return fake == nullptr ? "the fake driver cannot be opened" : "";
#endif
}

FakeCuda& fake() { return *find_fake()(); }

FakeCuda& fresh_fake() {
  FakeCuda& machine = fake();
  machine.failures.clear();
  machine.any_failure = {};
  machine.faults_in = 0;
  machine.calls.clear();
  machine.violations.clear();
  machine.launches_run = 0;
  machine.memory_bytes = std::size_t{256} << 20;
  return machine;
}

std::vector<std::string> called(const FakeCuda& fake) {
  std::vector<std::string> names;
  for (const FakeCall& call : fake.calls)
    if (call.function != "cuCtxSetCurrent") names.push_back(call.function);
  return names;
}

}  // namespace weft::test
