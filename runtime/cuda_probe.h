// Whether CUDA could run here, in three facts: the driver, a device, the run-time compiler.
// Libraries are opened by name and never linked.
#pragma once

#include <string>
#include <vector>

namespace weft::runtime {

struct CudaProbe {
  std::string driver;                // its version, "13.0"; empty without one
  std::string driver_problem;        // why not
  std::vector<std::string> devices;  // names
  std::string device_problem;
  std::string compiler;  // NVRTC's version; empty without one
  std::string compiler_problem;

  bool usable() const { return !driver.empty() && !devices.empty() && !compiler.empty(); }
};

/// Looks once and remembers.
const CudaProbe& cuda_probe();

}  // namespace weft::runtime
