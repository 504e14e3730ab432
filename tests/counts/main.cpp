// counts_tests: how many instructions fixed work takes, against stored counts (counts.json). The
// program starts itself under callgrind, whose simulated processor is the same on every machine
// that has AVX2; so counts are alike wherever compiler and libraries are. More instructions than
// stored, beyond the tolerance, fail; after a change that is meant: counts_tests --write.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

#include <valgrind/callgrind.h>
#include <nlohmann/json.hpp>

#include "tests/counts/work.h"
#include "tests/support/places.h"
#include "tests/support/temporary_folder.h"

namespace {

using Counts = std::map<std::string, std::int64_t>;

// What allocators, hash tables keyed by address and LLVM vary from run to run and machine to
// machine; kernels are exact to a few instructions, but their calls are not.
constexpr double tolerance = 0.05;

std::string stored_file() { return weft::test::source_dir() + "/tests/counts/counts.json"; }

void do_counted_work() {
  for (const weft::counts::Work& work : weft::counts::all_work()) {
    const auto counted = work.prepare();
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    counted();
    CALLGRIND_DUMP_STATS_AT(work.name.c_str());
    CALLGRIND_STOP_INSTRUMENTATION;
  }
}

/// A dump says who asked for it, and its sum in the end.
void read_dump(const std::filesystem::path& file, Counts& counts) {
  const std::string trigger = "desc: Trigger: Client Request: ", sum = "totals: ";
  std::ifstream in(file);
  std::string name;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(trigger)) name = line.substr(trigger.size());
    if (line.starts_with(sum) && !name.empty()) counts[name] = std::stoll(line.substr(sum.size()));
  }
}

Counts measure(const std::string& program) {
  const weft::test::TemporaryFolder folder;
  const std::string command =
      "valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file='" + (folder / "out") +
      "' '" + program + "' --inside >'" + (folder / "log") + "' 2>&1";
  if (std::system(command.c_str()) != 0) {
    std::ifstream log(folder / "log");
    throw std::runtime_error("valgrind failed:\n" +
                             std::string(std::istreambuf_iterator<char>(log), {}));
  }
  Counts counts;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    read_dump(entry.path(), counts);
  return counts;
}

/// Prints each count beside the stored one; how many are missing, unknown or larger.
int compare(const Counts& stored, const Counts& now) {
  int wrong = 0;
  for (const auto& [name, count] : now) {
    const auto before = stored.find(name);
    const char* verdict = "";
    double change = 0;
    if (before == stored.end()) {
      verdict = "  NOT STORED";
    } else {
      change = static_cast<double>(count) / static_cast<double>(before->second) - 1;
      if (change > tolerance) verdict = "  MORE";
      if (change < -tolerance) verdict = "  fewer: store it with counts_tests --write";
    }
    if (before == stored.end() || change > tolerance) ++wrong;
    std::printf("%12lld %+7.1f%%  %s%s\n", static_cast<long long>(count), 100 * change,
                name.c_str(), verdict);
  }
  for (const auto& [name, count] : stored) {
    if (now.contains(name)) continue;
    std::printf("%12s           %s  NOT COUNTED\n", "-", name.c_str());
    ++wrong;
  }
  return wrong;
}

constexpr int skipped = 77;  // ctest knows it

int run(const std::string& argument) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    std::printf("skipped: the stored counts are of a processor with AVX2 and FMA\n");
    return skipped;
  }
  if (argument == "--inside") {
    do_counted_work();
    return 0;
  }
  if (std::system("valgrind --tool=none -q true >/dev/null 2>&1") != 0) {
    std::printf("skipped: valgrind starts no program here\n");
    return skipped;
  }
  const Counts now = measure(std::filesystem::read_symlink("/proc/self/exe").string());
  if (argument == "--write") {
    std::ofstream out(stored_file());
    if (!(out << nlohmann::json(now).dump(2) << "\n" << std::flush))
      throw std::runtime_error(stored_file() + " cannot be written");
    return 0;
  }
  std::ifstream in(stored_file());
  const int wrong = compare(nlohmann::json::parse(in).get<Counts>(), now);
  if (wrong == 0) return 0;
  std::printf("%d of %zu differ from %s beyond %.0f%%; counts_tests --write stores new ones\n",
              wrong, now.size(), stored_file().c_str(), 100 * tolerance);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string argument = argc > 1 ? argv[1] : "";
  if (argc > 2 || (!argument.empty() && argument != "--write" && argument != "--inside")) {
    std::fprintf(stderr, "counts_tests: expected nothing or --write, got '%s'\n", argument.c_str());
    return 3;
  }
  try {
    return run(argument);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "counts_tests: %s\n", e.what());
    return 1;
  }
}
