// The environment variables of Weft, in one table. docs/environment.md is the table as a page.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::runtime {

enum class Setting : std::uint8_t {
  threads,
  log,
  pool_limit,
  verify,
  quick_tier,
  cache_dir,
  cache_limit,
  cache_days,
  cuda_driver,
  nvrtc,
  cuda_sync
};

struct SettingDef {
  Setting setting;
  std::string_view name;                           // "WEFT_THREADS"
  std::string_view meaning;                        // one sentence
  std::string_view fallback;                       // the value when unset, in words
  std::int64_t low = 0, high = 0;                  // the integers allowed, or
  std::span<const std::string_view> choices = {};  // the words allowed, or
  bool path = false;                               // an absolute path or "off"
};

std::span<const SettingDef> all_settings();
const SettingDef& def(Setting setting);
/// "an integer from 1 to 1024", "off, error, warn, info or debug".
std::string allowed_values(const SettingDef& def);
/// The integer, or the index of the word. Throws weft::Error naming variable, value and what is
/// allowed.
std::int64_t parse_setting(const SettingDef& def, std::string_view text);
/// What the environment says; nothing when the variable is unset or empty. Throws as parse_setting.
std::optional<std::int64_t> read_setting(Setting setting);

/// The same for a setting that is a path: an absolute one or "off".
std::optional<std::string> read_path_setting(Setting setting);

/// Throws for the first variable whose value is not allowed, needed or not.
void check_environment();

/// Names in the environment that begin with WEFT_ but are no setting: most likely misspelt.
std::vector<std::string> unknown_variables();

/// The text of docs/environment.md.
std::string environment_page();

}  // namespace weft::runtime
