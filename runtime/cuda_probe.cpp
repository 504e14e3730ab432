#include "runtime/cuda_probe.h"

#include <dlfcn.h>

#include <array>

namespace weft::runtime {
namespace {

/// An open library; kept open, because drivers do not survive being closed.
class Library {
 public:
  explicit Library(const char* name) : handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {}
  bool open() const { return handle_ != nullptr; }
  template <class... Args>
  bool call(const char* name, int& status, Args... args) const {
    auto* found = reinterpret_cast<int (*)(Args...)>(dlsym(handle_, name));
    if (found == nullptr) return false;
    status = found(args...);
    return true;
  }

 private:
  void* handle_;
};

// cuGetErrorName of the toolkit's stub fills nothing in, so the usual codes are named here.
std::string driver_error(int code) {
  switch (code) {
    case 34:
      return "the driver library is the toolkit's stub";
    case 100:
      return "no device";
    case 101:
      return "invalid device";
    case 803:
      return "the driver library does not fit the kernel module";
    case 804:
      return "the hardware does not support forward compatibility";
    case 999:
      return "unknown driver error";
    default:
      return "driver error " + std::to_string(code);
  }
}

void probe_devices(const Library& library, CudaProbe& probe) {
  int status = 0, count = 0;
  if (!library.call("cuDeviceGetCount", status, &count) || status != 0) {
    probe.device_problem = driver_error(status);
    return;
  }
  if (count == 0) probe.device_problem = "no device";
  for (int device = 0; device < count; ++device) {
    std::array<char, 256> name{};
    library.call("cuDeviceGetName", status, name.data(), static_cast<int>(name.size()) - 1, device);
    probe.devices.emplace_back(name.data());
  }
}

void probe_driver(CudaProbe& probe) {
  const Library library("libcuda.so.1");
  int status = 0, version = 0;
  if (!library.open()) {
    probe.driver_problem = "libcuda.so.1 not found";
  } else if (!library.call("cuInit", status, 0u)) {
    probe.driver_problem = "libcuda.so.1 lacks cuInit";
  } else if (status == 100) {  // there is a driver, but nothing that it drives
    probe.device_problem = driver_error(status);
  } else if (status != 0) {
    probe.driver_problem = driver_error(status);
  } else {
    probe_devices(library, probe);
  }
  if (probe.driver_problem.empty()) {
    const bool told = library.call("cuDriverGetVersion", status, &version) && status == 0;
    probe.driver = told ? std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10)
                        : "unknown version";
  }
  if (probe.devices.empty() && probe.device_problem.empty()) probe.device_problem = "no driver";
}

void probe_compiler(CudaProbe& probe) {
  constexpr std::array names = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2",
                                "libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so"};
  for (const char* name : names) {
    const Library library(name);
    int status = 0, major = 0, minor = 0;
    if (!library.open() || !library.call("nvrtcVersion", status, &major, &minor)) continue;
    probe.compiler = std::to_string(major) + "." + std::to_string(minor);
    return;
  }
  probe.compiler_problem = "libnvrtc.so not found";
}

}  // namespace

const CudaProbe& cuda_probe() {
  static const CudaProbe probe = [] {
    CudaProbe made;
    probe_driver(made);
    probe_compiler(made);
    return made;
  }();
  return probe;
}

}  // namespace weft::runtime
