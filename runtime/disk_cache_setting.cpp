#include "runtime/disk_cache_setting.h"

#include <cstdlib>
#include <mutex>

#include <weft/error.h>
#include "codegen/jit.h"
#include "runtime/engine.h"
#include "runtime/environment.h"
#include "runtime/log.h"

namespace weft::runtime {
namespace {

/// Never destroyed: static objects may compile until the very end.
struct Current {
  std::mutex mutex;
  bool known = false;
  std::shared_ptr<DiskCache> cache;

  static Current& instance() {
    static Current& current = *new Current();
    return current;
  }
};

std::string absolute_path(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr && *text == '/' ? text : "";
}

std::shared_ptr<DiskCache> open(const std::string& folder) {
  return folder == "off" ? nullptr : std::make_shared<DiskCache>(folder, disk_cache_limits());
}

std::shared_ptr<DiskCache> open_or_warn(const std::string& folder) {
  const DiskCacheLimits limits = disk_cache_limits();  // wrong settings are errors
  if (folder == "off") return nullptr;
  try {
    return std::make_shared<DiskCache>(folder, limits);
  } catch (const Error& error) {
    log(LogLevel::warn, std::string(error.what()) + "; goes on without");
    return nullptr;
  }
}

}  // namespace

std::string disk_cache_folder() {
  if (const auto folder = read_path_setting(Setting::cache_dir)) return *folder;
  if (const std::string caches = absolute_path("XDG_CACHE_HOME"); !caches.empty())
    return caches + "/weft";
  if (const std::string home = absolute_path("HOME"); !home.empty()) return home + "/.cache/weft";
  return "off";
}

DiskCacheLimits disk_cache_limits() {
  DiskCacheLimits limits;
  if (const auto mebibytes = read_setting(Setting::cache_limit))
    limits.bytes = static_cast<std::uint64_t>(*mebibytes) << 20;
  if (const auto days = read_setting(Setting::cache_days)) limits.seconds = *days * 86400;
  return limits;
}

std::shared_ptr<DiskCache> disk_cache() {
  Current& current = Current::instance();
  const std::lock_guard lock(current.mutex);
  if (!current.known) {
    current.cache = open_or_warn(disk_cache_folder());
    current.known = true;
  }
  return current.cache;
}

void set_disk_cache(const std::string& folder) {
  if (!folder.empty() && folder != "off" && folder[0] != '/')
    throw Error("set_disk_cache: expected an absolute path or off, got \"" + folder + "\"");
  std::shared_ptr<DiskCache> cache = folder.empty() ? nullptr : open(folder);
  Current& current = Current::instance();
  const std::lock_guard lock(current.mutex);
  current.cache = std::move(cache);
  current.known = !folder.empty();
}

std::string disk_key(const std::string& kernel_text) {
  static const std::string& version = *new std::string(codegen::code_version());
  return version + kernel_text;
}

}  // namespace weft::runtime
