// `weft cache`: the compiled kernels on disk.
#include <unistd.h>

#include <ctime>
#include <iostream>
#include <string_view>

#include <weft/error.h>
#include "runtime/disk_cache_setting.h"
#include "runtime/info.h"

#include "tools/weft/commands.h"

namespace weft::tools {
namespace {

std::string day_and_time(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char text[32];
  gmtime_r(&time, &parts);
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts)};
}

/// The last line of the key that says what the kernel stores or computes, for people.
std::string summary(std::string_view key) {
  if (key.empty()) return "damaged";
  const std::size_t kernel = key.find("\nkernel ");
  if (kernel == std::string_view::npos) return "unknown";
  const std::string_view text = key.substr(kernel + 1);
  std::size_t lines = 0;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  const bool product = text.find("\n  contract ") != std::string_view::npos;
  return std::string(product ? "product" : "loop") + ", " + std::to_string(lines) + " lines";
}

void list(const runtime::DiskCache& cache) {
  for (const runtime::DiskEntry& entry : cache.list())
    std::cout << entry.name << "  " << entry.bytes << " bytes  used " << day_and_time(entry.used)
              << "  " << summary(entry.key) << "\n";
}

void stats(const std::string& folder, const runtime::DiskCacheLimits& limits,
           const std::vector<runtime::DiskEntry>& entries) {
  std::uint64_t bytes = 0;
  std::size_t damaged = 0;
  for (const runtime::DiskEntry& entry : entries) {
    bytes += entry.bytes;
    damaged += entry.key.empty() ? 1 : 0;
  }
  std::cout << "folder      " << folder << "\n"
            << "kernels     " << entries.size() << " (" << damaged << " damaged)\n"
            << "size        " << runtime::human_bytes(bytes) << ", at most "
            << runtime::human_bytes(limits.bytes) << "\n"
            << "age         at most " << limits.seconds / 86400 << " days without use\n";
  if (!entries.empty())
    std::cout << "used        " << day_and_time(entries.front().used) << " to "
              << day_and_time(entries.back().used) << " UTC\n";
}

}  // namespace

int cache(const std::string& action) {
  const std::string folder = runtime::disk_cache_folder();
  const runtime::DiskCacheLimits limits = runtime::disk_cache_limits();
  if (folder == "off") {
    std::cout << "off\n";
    return exit_fine;
  }
  if (access(folder.c_str(), F_OK) != 0) {  // nothing was kept yet; looking makes no folder
    if (action == "stats") stats(folder, limits, {});
    if (action == "clear") std::cout << "0 kernels removed from " << folder << "\n";
    return exit_fine;
  }
  runtime::DiskCache cache(folder, limits);
  if (action == "list") list(cache);
  if (action == "stats") stats(folder, limits, cache.list());
  if (action == "clear") std::cout << cache.clear() << " kernels removed from " << folder << "\n";
  return exit_fine;
}

}  // namespace weft::tools
