// How Weft writes the files that a user names: whole, or not at all.
#pragma once

#include <string>
#include <string_view>

#include <weft/error.h>

namespace weft::runtime {

/// The system failed while a file was written, as on a full disk: no mistake of the program's text
/// (the command line exits with 1).
class WriteError : public Error {
 public:
  using Error::Error;
};

/// Writes all bytes, in as many calls as that takes; false, with errno, where the system refuses.
bool write_all(int fd, std::string_view bytes);

/// A file that is being written. Until publish() its bytes are in a hidden file beside the target,
/// which takes the target's name then; without publish() nothing happened. Symbolic links are
/// followed and stay; a file that is replaced keeps its mode, a new one gets what the umask leaves.
/// Devices, pipes and whatever else is no plain file cannot be replaced: bytes go straight to them.
///
/// Throws weft::Error for a path that cannot be written and weft::WriteError where writing fails,
/// both "PATH: cannot be written: REASON".
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes);
  /// Nothing more comes: the bytes are on the disk. Of several files, all are finished before the
  /// first is published, so that a full disk leaves none.
  void finish();
  /// Finishes, too, where that was not done.
  void publish();

 private:
  std::string path_, target_;
  std::string temporary_;  // empty: bytes go to the target itself
  int fd_ = -1;
};

/// The whole of a file.
void write_file(const std::string& path, std::string_view bytes);
/// Throws what writing this file would throw at once, before work is done for it. Changes nothing.
void check_writable(const std::string& path);

}  // namespace weft::runtime
