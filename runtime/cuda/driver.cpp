#include "runtime/cuda/driver.h"

#include <algorithm>
#include <array>
#include <utility>

namespace weft::runtime::cuda {
namespace {

constexpr int oldest_version = 12000;  // of the driver: what loads code of CUDA 12's compiler
constexpr int major_attribute = 75, minor_attribute = 76, pools_attribute = 115;

constexpr std::array<std::pair<int, const char*>, 31> names = {{
    {1, "invalid value"},
    {2, "out of memory"},
    {3, "not initialised"},
    {4, "the driver is shutting down"},
    {34, "the library is the toolkit's stub"},
    {36, "the call needs a newer driver"},
    {46, "the device is busy or unavailable"},
    {100, "no device"},
    {101, "invalid device"},
    {200, "invalid device code"},
    {201, "invalid context"},
    {209, "no code for this device"},
    {214, "uncorrectable memory error (ECC)"},
    {218, "invalid PTX"},
    {222, "the PTX is of a newer toolkit than the driver"},
    {400, "invalid handle"},
    {500, "not found"},
    {600, "not ready"},
    {700, "illegal address"},
    {701, "too many resources asked for"},
    {702, "the kernel ran too long"},
    {709, "the context is destroyed"},
    {714, "stack error"},
    {715, "illegal instruction"},
    {716, "misaligned address"},
    {717, "invalid address space"},
    {718, "invalid program counter"},
    {719, "launch failed"},
    {803, "the driver library does not fit the kernel module: reboot, or reinstall the driver"},
    {804, "the hardware does not support forward compatibility"},
    {999, "unknown error"},
}};

std::string version_name(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string init_problem(const std::string& path, int code) {
  if (code == status::stub)
    return path +
           " is the toolkit's stub, not a driver: install the NVIDIA driver, and take the stubs "
           "folder out of LD_LIBRARY_PATH";
  return "the NVIDIA driver (" + path + ") does not start: " + error_text(code);
}

/// False, with the reason, where something cannot be told or the device lacks memory pools.
bool read_device(const DriverApi& api, int index, DeviceFacts& facts, std::string& problem) {
  int device = 0, major = 0, minor = 0, pools = 0;
  std::array<char, 256> name{};
  const std::string who = "device " + std::to_string(index);
  for (const int code : {api.device(&device, index),
                         api.device_name(name.data(), static_cast<int>(name.size()) - 1, device),
                         api.device_memory(&facts.memory_bytes, device),
                         api.device_attribute(&major, major_attribute, device),
                         api.device_attribute(&minor, minor_attribute, device),
                         api.device_attribute(&pools, pools_attribute, device)}) {
    if (code == status::success) continue;
    problem = who + " cannot be asked: " + error_text(code);
    return false;
  }
  facts.name = name.data();
  facts.architecture = 10 * major + minor;
  if (pools == 0)
    problem = who + " (" + facts.name + ") has no stream-ordered memory, which is needed";
  return pools != 0;
}

void read_devices(Driver& driver) {
  int count = 0;
  const int code = driver.api.device_count(&count);
  if (code != status::success && code != status::no_device) {
    driver.device_problem = "devices cannot be counted: " + error_text(code);
    return;
  }
  for (int index = 0; index < count; ++index) {
    DeviceFacts facts;
    if (!read_device(driver.api, index, facts, driver.device_problem)) {
      driver.devices.clear();
      return;
    }
    driver.devices.push_back(std::move(facts));
  }
  if (count == 0)
    driver.device_problem =
        "the NVIDIA driver (CUDA " + version_name(driver.version) +
        ") sees no device: one is needed, and CUDA_VISIBLE_DEVICES must not hide it";
}

}  // namespace

std::string error_text(int code) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const auto& entry) { return entry.first == code; });
  const std::string number = "CUDA error " + std::to_string(code);
  return found == names.end() ? number : std::string(found->second) + " (" + number + ")";
}

std::string Driver::version_text() const { return version_name(version); }

Driver Driver::open(const codegen::cuda::LibrarySearch& search) {
  Driver driver;
  auto loaded = codegen::cuda::Loaded<DriverApi>::open(search);
  driver.api = loaded.api;
  driver.path = loaded.path;
  driver.problem = loaded.problem;
  if (!loaded) return driver;
  int code = driver.api.init(0);
  if (code != status::success && code != status::no_device) {
    driver.problem = init_problem(driver.path, code);
    return driver;
  }
  code = driver.api.version(&driver.version);
  if (code != status::success || driver.version < oldest_version) {
    driver.problem = "the NVIDIA driver (" + driver.path + ") is too old: it is for CUDA " +
                     version_name(driver.version) + ", " + version_name(oldest_version) +
                     " or later is needed; install a newer driver";
    return driver;
  }
  read_devices(driver);
  return driver;
}

const Driver& Driver::instance() {
  static const Driver& driver = *new Driver(open(codegen::cuda::driver_search()));
  return driver;
}

}  // namespace weft::runtime::cuda
