#include "runtime/log.h"

#include <cstdio>
#include <string>

#include "runtime/environment.h"

namespace weft::runtime {

LogLevel log_level() {
  static const LogLevel level = static_cast<LogLevel>(
      read_setting(Setting::log).value_or(static_cast<std::int64_t>(LogLevel::warn)));
  return level;
}

void log(LogLevel level, std::string_view message) {
  if (level == LogLevel::off || !log_enabled(level)) return;
  const std::string_view word = def(Setting::log).choices[static_cast<std::size_t>(level)];
  std::string line = "weft ";
  line.append(word).append(": ").append(message).append("\n");
  std::fwrite(line.data(), 1, line.size(), stderr);  // one call, so that threads' lines stay whole
}

}  // namespace weft::runtime
