// Messages for people, by level, on standard error. WEFT_LOG says how much is told.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::runtime {

enum class LogLevel : std::uint8_t { off, error, warn, info, debug };

/// Throws weft::Error where WEFT_LOG is not a level.
LogLevel log_level();
inline bool log_enabled(LogLevel level) { return level <= log_level(); }
/// Writes "weft info: message" as one line, if the level is told.
void log(LogLevel level, std::string_view message);

}  // namespace weft::runtime
