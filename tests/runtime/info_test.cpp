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
        "disk cache ", "executables ", "kernels ", "pool "}) {
    CAPTURE(name);
    CHECK((text.starts_with(name) || text.find(std::string("\n") + name) != std::string::npos));
  }
}

TEST_CASE("CUDA without a driver, a device or a compiler is off, and each of the three says why") {
  CudaProbe probe;
  probe.driver_problem = "libcuda.so.1 not found";
  probe.device_problem = "no driver";
  probe.compiler = "13.0";
  CHECK(!probe.usable());
  CHECK(to_text(probe) ==
        "off (driver: libcuda.so.1 not found; device: no driver; compiler: NVRTC 13.0)");
  probe = CudaProbe();
  probe.driver = probe.compiler = "13.0";
  probe.devices = {"NVIDIA H100", "NVIDIA H100"};
  CHECK(probe.usable());
  CHECK(to_text(probe) ==
        "found (driver: 13.0; device: NVIDIA H100, NVIDIA H100; compiler: NVRTC 13.0)");
}

TEST_CASE("looking for CUDA never fails, whatever is installed") {
  const CudaProbe& probe = cuda_probe();
  CHECK(probe.driver.empty() != probe.driver_problem.empty());
  CHECK(probe.devices.empty() != probe.device_problem.empty());
  CHECK(probe.compiler.empty() != probe.compiler_problem.empty());
}

TEST_CASE("bytes are told in the unit that a person would choose") {
  CHECK(human_bytes(0) == "0 bytes");
  CHECK(human_bytes(640) == "640 bytes");
  CHECK(human_bytes(32 << 10) == "32 KiB");
  CHECK(human_bytes(3 << 19) == "1.5 MiB");
  CHECK(human_bytes(std::size_t{5} << 40) == "5 TiB");
}
