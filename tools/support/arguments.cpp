#include "tools/support/arguments.h"

#include <charconv>
#include <cmath>

namespace weft::tools {

namespace {

template <class T>
bool read(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string expected(const std::string& what, const std::string& got) {
  return "expected " + what + ", got '" + got + "'";
}

}  // namespace

CLI::Validator integer(std::int64_t low, std::uint64_t high) {
  const std::string what = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
  const auto check = [=](const std::string& text) {
    std::int64_t number = 0;
    std::uint64_t large = 0;
    const bool fine =
        read(text, number)
            ? number >= low && (number < 0 || static_cast<std::uint64_t>(number) <= high)
            : read(text, large) && large <= high;
    return fine ? std::string() : expected(what, text);
  };
  return CLI::Validator(check, "", "");
}

CLI::Validator positive_number() {
  const auto check = [](const std::string& text) {
    double number = 0;
    const bool fine = read(text, number) && std::isfinite(number) && number > 0;
    return fine ? std::string() : expected("a finite number above 0", text);
  };
  return CLI::Validator(check, "", "");
}

CLI::Validator path() {
  const auto check = [](const std::string& text) {
    return text.empty() ? std::string("expected the name of a file or folder, got an empty one")
                        : std::string();
  };
  return CLI::Validator(check, "", "");
}

}  // namespace weft::tools
