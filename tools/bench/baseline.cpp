#include "tools/bench/baseline.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include <weft/error.h>
#include "tools/support/files.h"

namespace weft::bench {

namespace {

using nlohmann::json;
using Key = std::pair<std::string, int>;  // case and threads

constexpr double least_change = 0.05;  // below it nothing counts as a change

std::map<Key, json> by_case(const json& document) {
  std::map<Key, json> cases;
  for (const json& c : document["cases"]) cases[{c["name"], c["threads"]}] = c;
  return cases;
}

/// Half of the distance of the 10th and the 90th percentile, in parts of the median.
double noise(const json& c) {
  return (c["p90_ms"].get<double>() - c["p10_ms"].get<double>()) / c["median_ms"].get<double>() / 2;
}

/// Time in units of the case's limit; milliseconds where nothing binds.
double cost(const json& c) {
  const double bound = c["bound_ms"];
  return c["median_ms"].get<double>() / (bound > 0 ? bound : 1);
}

void check_figures(const json& document, const std::string& file) {
  auto require = [&](bool right, const std::string& what) {
    if (!right) throw Error("weft-bench: --baseline: expected " + what + " in " + file);
  };
  require(document.is_object() && document.contains("machine") && document["machine"].is_object() &&
              document["machine"].contains("cpu") && document["machine"]["cpu"].is_string(),
          "an object with \"machine\" and its \"cpu\"");
  require(document.contains("cases") && document["cases"].is_array(), "a list \"cases\"");
  for (const json& c : document["cases"]) {
    require(c.is_object() && c.contains("name") && c["name"].is_string() && c.contains("threads") &&
                c["threads"].is_number_integer(),
            "\"name\" and \"threads\" of each case");
    for (const char* key : {"median_ms", "p10_ms", "p90_ms", "bound_ms"})
      require(c.contains(key) && c[key].is_number() && (key[0] != 'm' || c[key] > 0),
              "a number \"" + std::string(key) + "\" of case " + c["name"].get<std::string>());
  }
}

}  // namespace

json read_figures(const std::string& file) {
  json document;
  try {
    document = json::parse(tools::read_text(file));
  } catch (const json::exception& e) {
    throw Error("weft-bench: --baseline: expected JSON in " + file + ", got: " + e.what());
  }
  check_figures(document, file);
  return document;
}

int compare_figures(const json& before, const json& now) {
  const bool same_machine = before["machine"]["cpu"] == now["machine"]["cpu"];
  if (!same_machine)
    std::printf("Other machines: %s before, %s now; cases without a limit are not compared.\n",
                before["machine"]["cpu"].get<std::string>().c_str(),
                now["machine"]["cpu"].get<std::string>().c_str());
  const auto old_cases = by_case(before), new_cases = by_case(now);
  int slower = 0, compared = 0;
  for (const auto& [key, c] : new_cases) {
    const auto found = old_cases.find(key);
    if (found == old_cases.end()) {
      std::printf("new       %s, threads %d\n", key.first.c_str(), key.second);
      continue;
    }
    const json& old = found->second;
    const bool bound = c["bound_ms"] > 0 && old["bound_ms"] > 0;
    if (!bound && !same_machine) continue;
    ++compared;
    const double change = cost(c) / cost(old) - 1;
    if (std::abs(change) <= std::max(least_change, noise(c) + noise(old))) continue;
    slower += change > 0;
    std::printf("%s %s, threads %d: %+.1f%% against %s\n", change > 0 ? "slower   " : "faster   ",
                key.first.c_str(), key.second, 100 * change, bound ? "the limit" : "its time");
  }
  for (const auto& [key, c] : old_cases) {
    if (!new_cases.count(key))
      std::printf("not run   %s, threads %d\n", key.first.c_str(), key.second);
  }
  std::printf("%d cases compared, %d slower beyond noise\n", compared, slower);
  return slower;
}

}  // namespace weft::bench
