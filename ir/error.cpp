// Errors and the places they point at.
#include <weft/error.h>

namespace weft {

std::string Location::str() const {
  if (!known()) return "";
  std::string_view shown = file;
  if (column == 0) {  // C++: the folders say nothing to the reader
    if (const auto slash = shown.rfind('/'); slash != std::string_view::npos)
      shown.remove_prefix(slash + 1);
  }
  std::string text(shown);
  text += ':' + std::to_string(line);
  if (column != 0) text += ':' + std::to_string(column);
  return text;
}

Error::Error(const std::string& message, Location where)
    : std::runtime_error(where.known() ? message + ", at " + where.str() : message),
      where_(where) {}

}  // namespace weft
