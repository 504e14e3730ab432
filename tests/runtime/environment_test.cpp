#include "runtime/environment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <weft/error.h>
#include "runtime/log.h"
#include "tests/support/places.h"

using namespace weft::runtime;

TEST_CASE("every setting has a name, a meaning and a default, and its name begins with WEFT_") {
  for (const SettingDef& setting : all_settings()) {
    CHECK(setting.name.starts_with("WEFT_"));
    CHECK(!setting.meaning.empty());
    CHECK(!setting.fallback.empty());
    if (setting.path) continue;
    CHECK((setting.choices.empty() ? setting.low < setting.high : setting.choices.size() > 1));
  }
}

TEST_CASE("docs/environment.md is the table") {
  std::ifstream file(weft::test::source_dir() + "/docs/environment.md");
  std::ostringstream text;
  text << file.rdbuf();
  CHECK(text.str() == environment_page());
}

TEST_CASE("a number in range is taken, anything else is an error that says what is allowed") {
  const SettingDef& threads = def(Setting::threads);
  CHECK(parse_setting(threads, "1") == 1);
  CHECK(parse_setting(threads, "1024") == 1024);
  for (const char* bad : {"0", "-1", "1025", "1000000", "two", "2 ", " 2", "+2", "2.0", "0x2",
                          "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_THROWS_WITH_AS(
        parse_setting(threads, bad),
        (std::string("environment variable WEFT_THREADS: expected an integer from 1 "
                     "to 1024, got \"") +
         bad + "\"")
            .c_str(),
        weft::Error);
  }
}

TEST_CASE("a word of the list is taken as its place, anything else is an error") {
  const SettingDef& level = def(Setting::log);
  CHECK(parse_setting(level, "off") == static_cast<int>(LogLevel::off));
  CHECK(parse_setting(level, "debug") == static_cast<int>(LogLevel::debug));
  CHECK_THROWS_WITH_AS(parse_setting(level, "loud"),
                       "environment variable WEFT_LOG: expected off, error, warn, info or debug, "
                       "got \"loud\"",
                       weft::Error);
}

TEST_CASE("an unset or empty variable leaves the default to its reader") {
  unsetenv("WEFT_POOL_LIMIT");
  CHECK(!read_setting(Setting::pool_limit).has_value());
  setenv("WEFT_POOL_LIMIT", "", 1);
  CHECK(!read_setting(Setting::pool_limit).has_value());
  setenv("WEFT_POOL_LIMIT", "64", 1);
  CHECK(read_setting(Setting::pool_limit) == 64);
  setenv("WEFT_POOL_LIMIT", "lots", 1);
  CHECK_THROWS_AS(read_setting(Setting::pool_limit), weft::Error);
  unsetenv("WEFT_POOL_LIMIT");
}

TEST_CASE("a folder is an absolute path or off, anything else is an error") {
  const char* at_start = std::getenv("WEFT_CACHE_DIR");
  const std::string before = at_start ? at_start : "";
  for (const char* good : {"off", "/tmp/some where"}) {
    setenv("WEFT_CACHE_DIR", good, 1);
    CHECK(read_path_setting(Setting::cache_dir) == good);
  }
  setenv("WEFT_CACHE_DIR", "", 1);
  CHECK(!read_path_setting(Setting::cache_dir).has_value());
  setenv("WEFT_CACHE_DIR", "cache", 1);
  CHECK_THROWS_WITH_AS(read_path_setting(Setting::cache_dir),
                       "environment variable WEFT_CACHE_DIR: expected an absolute path or off, got "
                       "\"cache\"",
                       weft::Error);
  setenv("WEFT_CACHE_DIR", before.c_str(), 1);
}

TEST_CASE("a misspelt variable is noticed") {
  setenv("WEFT_THREAD", "2", 1);
  setenv("WEFT_POOL_LIMIT", "64", 1);
  const std::vector<std::string> unknown = unknown_variables();
  CHECK(std::count(unknown.begin(), unknown.end(), "WEFT_THREAD") == 1);
  CHECK(std::count(unknown.begin(), unknown.end(), "WEFT_POOL_LIMIT") == 0);
  unsetenv("WEFT_THREAD");
  unsetenv("WEFT_POOL_LIMIT");
}
