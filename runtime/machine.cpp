#include "runtime/machine.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

namespace weft::runtime {
namespace {

/// Cores' worth of time that the control group grants ("200000 100000" is 2); infinite if
/// unlimited.
double cores_granted() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return INFINITY;  // "max 100000"
  return quota / period;
}

std::size_t cache_bytes(int level) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    int found_level = 0;
    std::size_t size = 0;
    std::string type, unit;
    std::ifstream(folder + "level") >> found_level;
    std::ifstream(folder + "type") >> type;
    if (found_level != level || type == "Instruction") continue;
    std::ifstream(folder + "size") >> size >> unit;
    return size << (unit == "M" ? 20 : unit == "K" ? 10 : 0);
  }
  return 0;
}

}  // namespace

int core_count() {
  static const int cores = [] {
    const double available = std::max(1u, std::thread::hardware_concurrency());
    return std::max(1, static_cast<int>(std::min(available, std::ceil(cores_granted()))));
  }();
  return cores;
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::size_t memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
  return pages < 0 || page < 0 ? 0
                               : static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);
}

Caches cache_sizes() { return {cache_bytes(1), cache_bytes(2), cache_bytes(3)}; }

}  // namespace weft::runtime
