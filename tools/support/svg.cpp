#include "tools/support/svg.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include <weft/error.h>
#include "runtime/output_file.h"

namespace weft::tools {

namespace {

/// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {
    if (fd_ < 0) throw std::runtime_error(std::string("weft: dot: ") + std::strerror(errno));
  }
  ~Descriptor() { finish(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd() const { return fd_; }
  void finish() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

/// The arguments of posix_spawn: standard input, output and error of the child.
class Redirections {
 public:
  Redirections(int input, int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  ~Redirections() { posix_spawn_file_actions_destroy(&actions_); }
  Redirections(const Redirections&) = delete;
  Redirections& operator=(const Redirections&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

std::string read_all(int fd) {
  std::string text;
  std::vector<char> block(1 << 16);
  for (;;) {
    const ssize_t n = read(fd, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(n));
  }
}

/// The exit code, or -1 when a signal ended it.
int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

std::string svg_of_dot(const std::string& dot) {
  constexpr std::size_t large = 60000;  // bytes of dot: splines and full ranking would take minutes
  std::vector<std::string> words{"dot", "-Tsvg"};
  if (dot.size() > large)
    words.insert(words.end(), {"-Gnslimit=2", "-Gnslimit1=2", "-Gsplines=line"});
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const Descriptor input(memfd_create("weft-dot", MFD_CLOEXEC));
  if (!runtime::write_all(input.fd(), dot) || lseek(input.fd(), 0, SEEK_SET) != 0)
    throw std::runtime_error(std::string("weft: dot: ") + std::strerror(errno));
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error(std::string("weft: dot: ") + std::strerror(errno));
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);

  pid_t child = 0;
  const Redirections redirections(input.fd(), to.fd());
  const int code =
      posix_spawnp(&child, "dot", redirections.get(), nullptr, arguments.data(), environ);
  if (code == ENOENT)
    throw Unsupported("weft: SVG needs the program dot (Debian package graphviz)");
  if (code != 0)
    throw std::runtime_error(std::string("weft: cannot start dot: ") + std::strerror(code));
  to.finish();
  std::string svg = read_all(from.fd());
  if (wait_for(child) != 0 || svg.empty())
    throw std::runtime_error("weft: dot could not draw the graph");
  return svg;
}

}  // namespace weft::tools
