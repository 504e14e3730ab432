#include "runtime/info.h"

#include <doctest/doctest.h>

#include <string>

using namespace weft::runtime;

TEST_CASE("the machine has cores, a name and memory") {
  CHECK(core_count() >= 1);
  CHECK(!cpu_name().empty());
  CHECK(memory_bytes() > (std::size_t{1} << 20));
  const Caches caches = cache_sizes();
  CHECK((caches.l2 == 0 || caches.l1_data <= caches.l2));
}

TEST_CASE("info says each fact on a line of its own") {
  const std::string text = to_text(info());
  for (const char* name :
       {"weft ", "cpu ", "features ", "target ", "threads ", "caches ", "memory ", "devices ",
        "disk cache ", "executables ", "kernels ", "pool ", "packed "}) {
    CAPTURE(name);
    CHECK((text.starts_with(name) || text.find(std::string("\n") + name) != std::string::npos));
  }
}

TEST_CASE("CUDA is told in one line: what keeps it off, and what there is all the same") {
  CudaProbe probe;
  probe.problem = "libcuda.so.1 not found: no NVIDIA driver";
  probe.compiler = "13.0";
  CHECK(!probe.usable());
  CHECK(to_text(probe) ==
        "off (libcuda.so.1 not found: no NVIDIA driver); NVRTC 13.0 present: kernels can be "
        "compiled, not run");
  probe.compiler.clear();
  probe.compiler_problem = "libnvrtc.so not found";
  CHECK(to_text(probe) ==
        "off (libcuda.so.1 not found: no NVIDIA driver); no compiler: libnvrtc.so not found");
  probe.problem.clear();
  probe.driver = "13.0";
  probe.devices = {{"NVIDIA H100", 0, 90}, {"NVIDIA H100", 0, 90}};
  CHECK(!probe.usable());
  CHECK(to_text(probe) ==
        "off (cuda:0 NVIDIA H100 (sm_90), cuda:1 NVIDIA H100 (sm_90) there, but no compiler: "
        "libnvrtc.so not found)");
  probe.compiler = "13.0";
  CHECK(probe.usable());
  CHECK(to_text(probe) ==
        "13.0: cuda:0 NVIDIA H100 (sm_90), cuda:1 NVIDIA H100 (sm_90); NVRTC 13.0");
}

TEST_CASE("looking for CUDA never fails, whatever is installed") {
  const CudaProbe& probe = cuda_probe();
  CHECK(probe.devices.empty() != probe.problem.empty());
  CHECK((probe.driver.empty() ? probe.devices.empty() : true));
  CHECK(probe.compiler.empty() != probe.compiler_problem.empty());
}

TEST_CASE("bytes are told in the unit that a person would choose") {
  CHECK(human_bytes(0) == "0 bytes");
  CHECK(human_bytes(640) == "640 bytes");
  CHECK(human_bytes(32 << 10) == "32 KiB");
  CHECK(human_bytes(3 << 19) == "1.5 MiB");
  CHECK(human_bytes(std::size_t{5} << 40) == "5 TiB");
}
