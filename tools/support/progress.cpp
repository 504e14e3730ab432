#include "tools/support/progress.h"

#include <cstdio>

#include <unistd.h>

namespace weft::tools {

Progress::Progress(std::string title, std::size_t total)
    : title_(std::move(title)), total_(total), terminal_(isatty(STDERR_FILENO)) {}

void Progress::update(std::size_t done, const std::string& note) {
  constexpr std::size_t width = 30;
  if (terminal_) {
    const std::size_t filled = total_ == 0 ? width : width * done / total_;
    const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
    std::fprintf(stderr, "\r%s [%s] %zu/%zu %s\x1b[K", title_.c_str(), bar.c_str(), done, total_,
                 note.c_str());
  } else if (total_ != 0 && done * 10 / total_ > last_tenth_) {
    last_tenth_ = done * 10 / total_;
    std::fprintf(stderr, "%s %zu/%zu %s\n", title_.c_str(), done, total_, note.c_str());
  }
}

void Progress::finish() {
  if (terminal_) std::fputc('\n', stderr);
}

}  // namespace weft::tools
