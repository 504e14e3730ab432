// A progress bar for terminals; in a log, a line at each tenth.
#pragma once

#include <cstddef>
#include <string>

namespace weft::tools {

class Progress {
 public:
  Progress(std::string title, std::size_t total);
  /// `done` of the total, with a note such as "loss 0.12".
  void update(std::size_t done, const std::string& note);
  void finish();

 private:
  std::string title_;
  std::size_t total_;
  bool terminal_;
  std::size_t last_tenth_ = 0;
};

}  // namespace weft::tools
