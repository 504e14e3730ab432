// Whether CUDA can run here, in three facts told apart: the driver, its devices, the run-time
// compiler. One line for people.
#pragma once

#include <string>

#include "runtime/cuda/driver.h"

namespace weft::runtime {

struct CudaProbe {
  std::string driver;                      // its CUDA version, "13.0"; empty without one
  std::string problem;                     // of the driver, or else of the devices; empty: none
  std::vector<cuda::DeviceFacts> devices;  // cuda:0, cuda:1, ...
  std::string compiler;                    // NVRTC's version; empty without one
  std::string compiler_problem;

  bool usable() const { return problem.empty() && !compiler.empty(); }
};

/// Looks once and remembers.
const CudaProbe& cuda_probe();

/// "off (libcuda.so.1 not found: no NVIDIA driver); NVRTC 13.0 present: kernels can be compiled,
/// not run".
std::string to_text(const CudaProbe& probe);

}  // namespace weft::runtime
