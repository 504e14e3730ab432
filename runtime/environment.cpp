#include "runtime/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include <weft/error.h>

namespace weft::runtime {
namespace {

constexpr std::array<std::string_view, 5> log_words = {"off", "error", "warn", "info", "debug"};
constexpr std::array<std::string_view, 2> switch_words = {"0", "1"};

constexpr std::array<SettingDef, 11> settings = {{
    {.setting = Setting::threads,
     .name = "WEFT_THREADS",
     .meaning = "Threads that kernels and their compilation use, the caller among them.",
     .fallback = "the cores that the process may use",
     .low = 1,
     .high = 1024},
    {.setting = Setting::log,
     .name = "WEFT_LOG",
     .meaning = "What is told on standard error: `info` has a line for each compilation, `debug` "
                "one for each kernel.",
     .fallback = "warn",
     .choices = log_words},
    {.setting = Setting::pool_limit,
     .name = "WEFT_POOL_LIMIT",
     .meaning =
         "MiB of freed tensor memory kept for reuse; what exceeds it goes back to the system.",
     .fallback = "a quarter of the machine's memory",
     .low = 0,
     .high = std::int64_t{1} << 30},
    {.setting = Setting::verify,
     .name = "WEFT_VERIFY",
     .meaning =
         "`1` checks graphs, kernels and memory plans of each compilation against their rules.",
     .fallback = "1 in debug builds, else 0",
     .choices = switch_words},
    {.setting = Setting::quick_tier,
     .name = "WEFT_QUICK_TIER",
     .meaning =
         "`0`: every kernel is optimised before it first runs. `1`: a new kernel with little "
         "work runs from quickly made code until a thread in the background has optimised it.",
     .fallback = "1",
     .choices = switch_words},
    {.setting = Setting::cache_dir,
     .name = "WEFT_CACHE_DIR",
     .meaning = "Where compiled kernels are kept for later processes; made if missing, and refused "
                "with a warning unless the user owns it and nobody else may write to it.",
     .fallback = "`$XDG_CACHE_HOME/weft`, else `~/.cache/weft`, else off",
     .path = true},
    {.setting = Setting::cache_limit,
     .name = "WEFT_CACHE_LIMIT",
     .meaning = "MiB of compiled kernels kept on disk; those unused for longest go first.",
     .fallback = "256",
     .low = 1,
     .high = std::int64_t{1} << 20},
    {.setting = Setting::cache_days,
     .name = "WEFT_CACHE_DAYS",
     .meaning = "Days after which a compiled kernel on disk that nobody used goes.",
     .fallback = "30",
     .low = 1,
     .high = 36500},
    {.setting = Setting::cuda_driver,
     .name = "WEFT_CUDA_DRIVER",
     .meaning = "The file of NVIDIA's driver library, tried alone; `off`: no CUDA device.",
     .fallback = "`libcuda.so.1`",
     .path = true},
    {.setting = Setting::nvrtc,
     .name = "WEFT_NVRTC",
     .meaning = "The file of NVRTC, which compiles CUDA kernels, tried alone; `off`: none.",
     .fallback = "`libnvrtc.so.13`, `.12` or without number, where the system, `CUDA_HOME`, "
                 "`CUDA_PATH` or `/usr/local/cuda` has it",
     .path = true},
    {.setting = Setting::cuda_sync,
     .name = "WEFT_CUDA_SYNC",
     .meaning =
         "`1` waits after each CUDA kernel, so that an error names the very one that failed.",
     .fallback = "0",
     .choices = switch_words},
}};

constexpr bool table_is_in_order() {
  for (std::size_t k = 0; k < settings.size(); ++k)
    if (static_cast<std::size_t>(settings[k].setting) != k) return false;
  return true;
}
static_assert(table_is_in_order());

[[noreturn]] void fail(const SettingDef& def, std::string_view text) {
  throw Error("environment variable " + std::string(def.name) + ": expected " +
              allowed_values(def) + ", got \"" + std::string(text) + "\"");
}

}  // namespace

std::span<const SettingDef> all_settings() { return settings; }

const SettingDef& def(Setting setting) { return settings[static_cast<std::size_t>(setting)]; }

std::string allowed_values(const SettingDef& def) {
  if (def.path) return "an absolute path or off";
  if (def.choices.empty())
    return "an integer from " + std::to_string(def.low) + " to " + std::to_string(def.high);
  std::string words;
  for (std::size_t k = 0; k < def.choices.size(); ++k) {
    if (k > 0) words += k + 1 == def.choices.size() ? " or " : ", ";
    words += def.choices[k];
  }
  return words;
}

std::int64_t parse_setting(const SettingDef& def, std::string_view text) {
  if (def.choices.empty()) {
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = code == std::errc() && end == text.data() + text.size();
    if (whole && number >= def.low && number <= def.high) return number;
  }
  for (std::size_t k = 0; k < def.choices.size(); ++k)
    if (def.choices[k] == text) return static_cast<std::int64_t>(k);
  fail(def, text);
}

std::optional<std::int64_t> read_setting(Setting setting) {
  const SettingDef& found = def(setting);
  const char* text = std::getenv(std::string(found.name).c_str());
  if (text == nullptr || *text == '\0') return std::nullopt;
  return parse_setting(found, text);
}

std::optional<std::string> read_path_setting(Setting setting) {
  const SettingDef& found = def(setting);
  const char* text = std::getenv(std::string(found.name).c_str());
  if (text == nullptr || *text == '\0') return std::nullopt;
  if (*text != '/' && std::string_view(text) != "off") fail(found, text);
  return text;
}

void check_environment() {
  for (const SettingDef& def : settings) {
    if (def.path)
      read_path_setting(def.setting);
    else
      read_setting(def.setting);
  }
}

std::vector<std::string> unknown_variables() {
  std::vector<std::string> unknown;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const std::string_view name = entry.substr(0, entry.find('='));
    const bool known = std::any_of(settings.begin(), settings.end(),
                                   [&](const SettingDef& def) { return def.name == name; });
    if (name.starts_with("WEFT_") && !known) unknown.emplace_back(name);
  }
  return unknown;
}

std::string environment_page() {
  std::string page = R"(# Environment variables

Each is read once, when the first function that needs it is called. Unset and empty mean the
default. Any other value throws a `weft::Error` that names the variable, the value and what is
allowed. A name that begins with `WEFT_` and is not in the table is warned of. The table stands in
`runtime/environment.cpp`; a test compares it with this page.

| variable | values | default | meaning |
|---|---|---|---|
)";
  for (const SettingDef& def : settings) {
    page += "| `" + std::string(def.name) + "` | " + allowed_values(def) + " | " +
            std::string(def.fallback) + " | " + std::string(def.meaning) + " |\n";
  }
  return page;
}

}  // namespace weft::runtime
