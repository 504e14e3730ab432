// A folder of small files, found again by a key: compiled kernels for later processes. Any number
// of threads and processes may share one. Whatever is wrong with a file, it is a miss.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::runtime {

/// 32 hexadecimal digits, equal for equal bytes (XXH3, 128 bits).
std::string digest(std::string_view bytes);

struct DiskCacheLimits {
  std::uint64_t bytes = std::uint64_t{256} << 20;  // of all files
  std::int64_t seconds = 30 * 86400;               // since the last use of a file
};

struct DiskEntry {
  std::string name;
  std::uint64_t bytes = 0;
  std::int64_t used = 0;  // seconds since the epoch, to the hour
  std::string key;        // empty: the file is damaged
};

class DiskCache {
 public:
  /// Opens the folder, which is made (mode 0700, like missing ones above it). Throws weft::Error
  /// where it is a link, belongs to somebody else, or others may write to it.
  DiskCache(std::string folder, DiskCacheLimits limits);
  ~DiskCache();
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;

  /// The content stored under exactly this key. A damaged file goes.
  std::optional<std::string> load(std::string_view key);
  /// Publishes by rename. Where that fails (a full disk, no permission) there is one warning, and
  /// this object stores no more. Sweeps now and then.
  void store(std::string_view key, std::string_view content);

  /// Removes what is too old, and of the rest what was used least recently, until the limits hold.
  void sweep();
  /// Removes every file of the cache and nothing else; gives their number.
  std::size_t clear();
  /// The least recently used first. Reads and checks every file.
  std::vector<DiskEntry> list() const;

  const std::string& folder() const { return folder_; }
  const DiskCacheLimits& limits() const { return limits_; }

 private:
  bool publish(const std::string& name, std::string_view file);
  bool swept_lately() const;

  const std::string folder_;
  const DiskCacheLimits limits_;
  int fd_ = -1;
  std::mutex sweeping_;
  std::atomic<std::uint64_t> unswept_{0};  // bytes stored since the last sweep
  std::atomic<bool> stored_{false}, broken_{false};
};

}  // namespace weft::runtime
