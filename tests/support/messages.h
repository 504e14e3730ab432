// What errors say.
#pragma once

#include <string>

#include <weft/error.h>

namespace weft::test {

/// The message of the weft::Error that f throws, "" if it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace weft::test
