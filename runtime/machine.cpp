#include "runtime/machine.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <sstream>
#include <string_view>
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

/// What kernels may be made of; the other flags are the system's business.
constexpr std::string_view vector_flags[] = {"sse4", "avx", "fma", "f16c", "amx", "asimd", "sve"};

/// The value of the first line of /proc/cpuinfo that has one of these names, or nothing.
std::string cpu_fact(std::initializer_list<std::string_view> names) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (colon == std::string::npos) continue;
    for (const std::string_view name : names)
      if (line.starts_with(name)) return line.substr(colon + 2);
  }
  return "";
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
  const std::string name = cpu_fact({"model name"});
  return name.empty() ? "unknown" : name;
}

std::string cpu_features() {
  std::istringstream flags(cpu_fact({"flags", "Features"}));  // x86, arm
  std::string vectors;
  for (std::string flag; flags >> flag;) {
    const bool is_vector =
        std::any_of(std::begin(vector_flags), std::end(vector_flags),
                    [&](std::string_view start) { return flag.starts_with(start); });
    if (is_vector) vectors += (vectors.empty() ? "" : " ") + flag;
  }
  return vectors.empty() ? "unknown" : vectors;
}

std::size_t memory_bytes() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
  return pages < 0 || page < 0 ? 0
                               : static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);
}

Caches cache_sizes() { return {cache_bytes(1), cache_bytes(2), cache_bytes(3)}; }

}  // namespace weft::runtime
