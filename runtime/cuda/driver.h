// The NVIDIA driver of this machine and the devices that it drives.
#pragma once

#include <string>
#include <vector>

#include "runtime/cuda/driver_api.h"

namespace weft::runtime::cuda {

struct DeviceFacts {
  std::string name;
  std::size_t memory_bytes = 0;
  int architecture = 0;  // 90: compute capability 9.0
};

/// An opened and initialised driver, or why there is none; the same for its devices.
struct Driver {
  DriverApi api{};
  std::string path;
  int version = 0;             // 13000
  std::string problem;         // one line; empty where the driver works
  std::string device_problem;  // one line; empty where there are devices
  std::vector<DeviceFacts> devices;

  bool works() const { return problem.empty(); }
  bool usable() const { return works() && !devices.empty(); }
  std::string version_text() const;  // "13.0"
  /// Why no device can be used, in one line; empty where one can.
  const std::string& why_not() const { return works() ? device_problem : problem; }

  /// The process's one; looked for once.
  static const Driver& instance();
  static Driver open(const codegen::cuda::LibrarySearch& search);
};

/// "out of memory (CUDA error 2)". The toolkit's stub names no error, so names are known here.
std::string error_text(int status);

}  // namespace weft::runtime::cuda
