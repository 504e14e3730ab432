#include "runtime/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace weft::runtime {
namespace {

std::string complaint(const std::string& path, int code) {
  return path + ": cannot be written: " + std::strerror(code);
}

/// The path is a mistake, unless the system says that it has no room or is broken.
[[noreturn]] void refuse(const std::string& path, int code) {
  if (code == ENOSPC || code == EDQUOT || code == EIO) throw WriteError(complaint(path, code));
  throw Error(complaint(path, code));
}

/// The file that a path of symbolic links leads to, whether it is there or not.
std::string behind_links(const std::string& path) {
  constexpr int most = 40;  // as the system
  std::filesystem::path at = path;
  std::error_code error;
  for (int steps = 0; steps < most && std::filesystem::is_symlink(at, error); ++steps) {
    const std::filesystem::path next = std::filesystem::read_symlink(at, error);
    if (error) break;
    at = at.parent_path() / next;  // next, if it is absolute
  }
  return at.string();
}

struct Place {
  std::string target;
  bool exists = false, replaced = true;  // or written to as it stands
  mode_t mode = 0;                       // of what is replaced
};

/// Links like /dev/stdout have no name that could be replaced, although they lead to a plain file.
bool can_be_replaced(const std::string& target, const struct stat& there) {
  struct stat named;
  return S_ISREG(there.st_mode) && lstat(target.c_str(), &named) == 0 &&
         named.st_dev == there.st_dev && named.st_ino == there.st_ino;
}

Place place_of(const std::string& path) {
  if (path.empty()) throw Error("expected the name of a file to write, got an empty one");
  struct stat there;
  Place place{behind_links(path)};
  if (stat(path.c_str(), &there) != 0) {
    if (errno != ENOENT) refuse(path, errno);
    return place;
  }
  if (S_ISDIR(there.st_mode)) throw Error(path + ": is a directory");
  if (faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) refuse(path, errno);
  place.exists = true;
  place.replaced = can_be_replaced(place.target, there);
  place.mode = there.st_mode & 07777;
  return place;
}

/// A new file beside the target that nobody else writes; its name comes back in `name`.
int create_beside(const Place& place, std::string& name) {
  static std::atomic<unsigned> count{0};
  const std::filesystem::path folder = std::filesystem::path(place.target).parent_path();
  const mode_t mode = place.exists ? place.mode & 0777 : 0666;  // 0666: less the umask
  for (int tries = 0;; ++tries) {
    const std::string last =
        ".weft-output-" + std::to_string(getpid()) + "-" + std::to_string(count++);
    name = (folder / last).string();
    const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EEXIST || tries == 1000) return fd;
  }
}

int create(const std::string& path, const Place& place, std::string& name) {
  const int fd = create_beside(place, name);
  if (fd < 0) refuse(path, errno);
  if (place.exists && fchmod(fd, place.mode) != 0) {
    const int code = errno;
    close(fd);
    unlink(name.c_str());
    refuse(path, code);
  }
  return fd;
}

}  // namespace

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

OutputFile::OutputFile(const std::string& path) : path_(path) {
  const Place place = place_of(path);
  target_ = place.target;
  if (place.replaced) {
    fd_ = create(path, place, temporary_);
    return;
  }
  fd_ = open(path.c_str(), O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC);
  if (fd_ < 0) refuse(path, errno);
}

OutputFile::~OutputFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::write(std::string_view bytes) {
  if (!write_all(fd_, bytes)) throw WriteError(complaint(path_, errno));
}

void OutputFile::finish() {
  if (fd_ < 0) return;
  // A disk may find only now that it is full; pipes and devices have nothing to wait for.
  const bool kept = temporary_.empty() || fsync(fd_) == 0;
  const int code = errno;
  const bool closed = close(std::exchange(fd_, -1)) == 0;
  if (!kept || !closed) throw WriteError(complaint(path_, kept ? errno : code));
}

void OutputFile::publish() {
  finish();
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) refuse(path_, errno);
  temporary_.clear();
}

void write_file(const std::string& path, std::string_view bytes) {
  OutputFile file(path);
  file.write(bytes);
  file.publish();
}

void check_writable(const std::string& path) {
  const Place place = place_of(path);
  if (!place.replaced) return;  // opening a pipe or a device would be noticed
  std::string name;
  close(create(path, place, name));
  unlink(name.c_str());
}

}  // namespace weft::runtime
