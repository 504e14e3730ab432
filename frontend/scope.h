// Which API function is being called, and from which line: the outermost one names records and
// errors.
#pragma once

#include <string>

#include <weft/error.h>

namespace weft::detail {

/// Stands at the top of every public function. Nested ones change nothing, so that an error inside
/// `softmax` says softmax, at the caller's line.
class OpScope {
 public:
  OpScope(const char* name, const Location& where) : outermost_(now.name[0] == '\0') {
    if (outermost_) now = {name, where};
  }
  ~OpScope() {
    if (outermost_) now = {};
  }
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

  struct Current {
    const char* name = "";  ///< "" outside of every scope.
    Location where;
  };
  static const Current& current() { return now; }
  static const char* name() { return current().name; }
  static const Location& where() { return current().where; }

 private:
  static constinit thread_local Current now;
  bool outermost_;
};

/// Throws weft::Error "<name of the scope>: <what>, at <place of the scope>".
[[noreturn]] void fail(const std::string& what);
/// The message as it stands, as where PyTorch's wording is kept.
[[noreturn]] void fail_plain(const std::string& message);
[[noreturn]] void fail_unsupported(const std::string& what);

}  // namespace weft::detail
