// A file is: 8 bytes of magic, 16 of checksum (XXH3, 128 bits, of all that follows), the sizes of
// key and content (8 bytes each), the key, the content; nothing more. Its name is the key's hash.
#include "runtime/disk_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <tuple>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <weft/error.h>
#include "runtime/log.h"
#include "runtime/output_file.h"

namespace weft::runtime {
namespace {

constexpr std::string_view magic = "WEFTOBJ1";
constexpr std::size_t checked_from = 8 + sizeof(XXH128_canonical_t);
constexpr std::size_t key_from = checked_from + 2 * sizeof(std::uint64_t);
constexpr std::uint64_t largest_file = std::uint64_t{64} << 20;
constexpr std::string_view suffix = ".weft", unfinished = ".tmp", swept_name = ".weft-swept";
constexpr std::int64_t hour = 3600;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  /// Closes now; false where the system finds only then that it could not write.
  bool finish() { return close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

XXH128_canonical_t hash(std::string_view bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  return canonical;
}

std::string file_name(std::string_view key) { return digest(key).append(suffix); }

bool is_entry(std::string_view name) {
  return name.size() == 32 + suffix.size() && name.ends_with(suffix) &&
         name.find_first_not_of("0123456789abcdef") == 32;
}
bool is_unfinished(std::string_view name) {
  return name.starts_with(".weft-") && name.ends_with(unfinished);
}

std::string encode(std::string_view key, std::string_view content) {
  const std::uint64_t sizes[] = {key.size(), content.size()};
  std::string file(key_from, '\0');
  file.append(key).append(content);
  std::memcpy(file.data(), magic.data(), magic.size());
  std::memcpy(file.data() + checked_from, sizes, sizeof sizes);
  const XXH128_canonical_t sum = hash(std::string_view(file).substr(checked_from));
  std::memcpy(file.data() + magic.size(), &sum, sizeof sum);
  return file;
}

struct Decoded {
  std::string_view key, content;
};

std::optional<Decoded> decode(std::string_view file) {
  if (file.size() < key_from || !file.starts_with(magic)) return std::nullopt;
  const XXH128_canonical_t sum = hash(file.substr(checked_from));
  if (std::memcmp(file.data() + magic.size(), &sum, sizeof sum) != 0) return std::nullopt;
  std::uint64_t sizes[2];
  std::memcpy(sizes, file.data() + checked_from, sizeof sizes);
  const std::uint64_t rest = file.size() - key_from;
  if (sizes[0] > rest || sizes[1] != rest - sizes[0]) return std::nullopt;
  return Decoded{file.substr(key_from, sizes[0]), file.substr(key_from + sizes[0])};
}

/// Nobody but the user can have written what this describes.
bool is_own(const struct stat& info) {
  return info.st_uid == geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::optional<std::string> read_file(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || !is_own(info)) return std::nullopt;
  if (static_cast<std::uint64_t>(info.st_size) > largest_file) return std::nullopt;
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = read(fd, bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    have += static_cast<std::size_t>(n);
  }
  return bytes;
}

int open_in(int folder, const std::string& name) {
  return openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/// Calls visit(name, stat) for every plain file of the folder.
template <class Visit>
void each_file(int folder, Visit&& visit) {
  const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(fdopendir(fd), closedir);
  if (!dir) {
    close(fd);
    return;
  }
  while (const dirent* entry = readdir(dir.get())) {
    struct stat info;
    if (fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode))
      visit(std::string(entry->d_name), info);
  }
}

void make_folders(const std::string& folder) {
  for (std::size_t at = folder.find('/', 1);; at = folder.find('/', at + 1)) {
    mkdir(folder.substr(0, at).c_str(), 0700);  // whether it worked, opening the last one tells
    if (at == std::string::npos) return;
  }
}

std::string without_last_slash(std::string folder) {
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();  // "x/" would follow a link
  return folder;
}

}  // namespace

std::string digest(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : hash(bytes).digest) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

DiskCache::DiskCache(std::string folder, DiskCacheLimits limits)
    : folder_(without_last_slash(std::move(folder))), limits_(limits) {
  const auto refuse = [&](const std::string& why) {
    throw Error("cache folder " + folder_ + ": " + why);
  };
  make_folders(folder_);
  File opened(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened.ok()) {
    const int code = errno;
    struct stat info;
    if (lstat(folder_.c_str(), &info) == 0 && S_ISLNK(info.st_mode))
      refuse("expected a folder, got a symbolic link");
    refuse(std::string("cannot be opened: ") + std::strerror(code));
  }
  struct stat info;
  if (fstat(opened.fd(), &info) != 0) refuse("cannot be looked at");
  if (info.st_uid != geteuid())
    refuse("expected to belong to user " + std::to_string(geteuid()) + ", belongs to user " +
           std::to_string(info.st_uid));
  if (!is_own(info)) refuse("expected one that only its owner may write to; chmod go-w helps");
  fd_ = fcntl(opened.fd(), F_DUPFD_CLOEXEC, 0);
  if (fd_ < 0) refuse(std::strerror(errno));
}

DiskCache::~DiskCache() { close(fd_); }

std::optional<std::string> DiskCache::load(std::string_view key) {
  const std::string name = file_name(key);
  const File file(open_in(fd_, name));
  if (!file.ok()) return std::nullopt;
  const std::optional<std::string> bytes = read_file(file.fd());
  const std::optional<Decoded> found = bytes ? decode(*bytes) : std::nullopt;
  if (!found) {
    unlinkat(fd_, name.c_str(), 0);
    return std::nullopt;
  }
  if (found->key != key) return std::nullopt;
  struct stat info;
  if (fstat(file.fd(), &info) == 0 && info.st_mtime + hour < std::time(nullptr))
    futimens(file.fd(), nullptr);  // used now; to the hour, so that a hit hardly ever writes
  return std::string(found->content);
}

bool DiskCache::publish(const std::string& name, std::string_view file) {
  static std::atomic<std::uint64_t> number{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const std::string temporary = ".weft-" + std::to_string(getpid()) + "-" + std::to_string(now) +
                                "-" + std::to_string(number++) + std::string(unfinished);
  File out(openat(fd_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  S_IRUSR | S_IWUSR));
  if (!out.ok()) return false;
  if (write_all(out.fd(), file) && out.finish() &&
      renameat(fd_, temporary.c_str(), fd_, name.c_str()) == 0)
    return true;
  const int code = errno;
  unlinkat(fd_, temporary.c_str(), 0);
  errno = code;
  return false;
}

bool DiskCache::swept_lately() const {
  struct stat info;
  return fstatat(fd_, std::string(swept_name).c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         info.st_mtime + hour >= std::time(nullptr);
}

void DiskCache::store(std::string_view key, std::string_view content) {
  if (broken_ || key_from + key.size() + content.size() > std::min(largest_file, limits_.bytes))
    return;
  const std::string file = encode(key, content);
  if (!publish(file_name(key), file)) {
    const std::string why = std::strerror(errno);
    if (!broken_.exchange(true))
      log(LogLevel::warn,
          "cache folder " + folder_ + ": cannot be written to, goes on without: " + why);
    return;
  }
  const bool first = !stored_.exchange(true);
  if (unswept_.fetch_add(file.size()) + file.size() > limits_.bytes / 16 ||
      (first && !swept_lately()))
    sweep();
}

void DiskCache::sweep() {
  const std::unique_lock lock(sweeping_, std::try_to_lock);
  if (!lock) return;  // another thread does it
  unswept_ = 0;
  const File mark(openat(fd_, std::string(swept_name).c_str(),
                         O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                         S_IRUSR | S_IWUSR));
  if (mark.ok()) futimens(mark.fd(), nullptr);

  struct Found {
    std::string name;
    std::uint64_t bytes;
    timespec used;
  };
  std::vector<Found> files;
  std::uint64_t total = 0;
  const std::int64_t now = std::time(nullptr);
  each_file(fd_, [&](const std::string& name, const struct stat& info) {
    const std::int64_t age = now - info.st_mtime;
    if (is_unfinished(name) && age > hour) unlinkat(fd_, name.c_str(), 0);
    if (!is_entry(name)) return;
    if (age > limits_.seconds) {
      unlinkat(fd_, name.c_str(), 0);
      return;
    }
    files.push_back({name, static_cast<std::uint64_t>(info.st_size), info.st_mtim});
    total += files.back().bytes;
  });
  std::sort(files.begin(), files.end(), [](const Found& a, const Found& b) {
    return std::tie(a.used.tv_sec, a.used.tv_nsec) < std::tie(b.used.tv_sec, b.used.tv_nsec);
  });
  for (const Found& file : files) {
    if (total <= limits_.bytes) break;
    if (unlinkat(fd_, file.name.c_str(), 0) == 0 || errno == ENOENT) total -= file.bytes;
  }
}

std::size_t DiskCache::clear() {
  std::size_t removed = 0;
  each_file(fd_, [&](const std::string& name, const struct stat&) {
    if (!is_entry(name) && !is_unfinished(name) && name != swept_name) return;
    if (unlinkat(fd_, name.c_str(), 0) == 0) removed += is_entry(name) ? 1 : 0;
  });
  return removed;
}

std::vector<DiskEntry> DiskCache::list() const {
  std::vector<DiskEntry> entries;
  each_file(fd_, [&](const std::string& name, const struct stat& info) {
    if (!is_entry(name)) return;
    DiskEntry entry{name, static_cast<std::uint64_t>(info.st_size), info.st_mtime, {}};
    const File file(open_in(fd_, name));
    const std::optional<std::string> bytes = file.ok() ? read_file(file.fd()) : std::nullopt;
    if (const auto found = bytes ? decode(*bytes) : std::nullopt) entry.key = found->key;
    entries.push_back(std::move(entry));
  });
  std::sort(entries.begin(), entries.end(), [](const DiskEntry& a, const DiskEntry& b) {
    return std::tie(a.used, a.name) < std::tie(b.used, b.name);
  });
  return entries;
}

}  // namespace weft::runtime
