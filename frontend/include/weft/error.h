// The two exceptions of Weft and the place they point at. Every layer speaks this vocabulary.
#pragma once

#include <cstdint>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

#ifndef WEFT_API
#define WEFT_API __attribute__((visibility("default")))
#endif

namespace weft {

/// Where something was recorded: a line of C++ (column 0) or of a text file.
struct Location {
  std::string_view file;  ///< Points to storage that outlives the program (literal or interned).
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  constexpr Location() = default;
  constexpr Location(std::string_view f, std::uint32_t l, std::uint32_t c = 0)
      : file(f), line(l), column(c) {}
  constexpr Location(const std::source_location& s) : file(s.file_name()), line(s.line()) {}

  constexpr bool known() const { return line != 0; }
  /// "model.cpp:41" or "loss.weft:3:12"; empty when unknown. Folders of the path are dropped for
  /// C++.
  WEFT_API std::string str() const;
};

/// The line of the caller: functions take a trailing `Here here = {}`, which nobody passes by hand.
struct Here : Location {
  constexpr Here(std::source_location s = std::source_location::current()) : Location(s) {}
  constexpr Here(const Location& where) : Location(where) {}
};

/// A mistake of the user: the message names operation, operand, what was expected and what came;
/// where the place is known, ", at file:line" ends it.
class WEFT_API Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, Location where = {});
  const Location& where() const { return where_; }

 private:
  Location where_;
};

/// Something that Weft cannot do yet, as opposed to a mistake (the command line exits with 2).
class WEFT_API Unsupported : public Error {
 public:
  using Error::Error;
};

/// Memory ran out: no mistake of the program's text (the command line exits with 1).
class WEFT_API OutOfMemory : public Error {
 public:
  using Error::Error;
};

/// A broken invariant of Weft itself; the message names the pass or component that broke it.
class WEFT_API InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace weft
