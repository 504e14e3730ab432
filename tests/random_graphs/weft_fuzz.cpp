// weft-fuzz: random graphs from any seed, in any number. Exit code 0 fine, 1 a graph failed, 3
// usage.
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include "tests/random_graphs/fuzz.h"

namespace {

constexpr const char* usage =
    "usage: weft-fuzz [--seed N] [--count M] [--compile-every K] [--failures F]\n"
    "\n"
    "Makes random graphs from the seeds N, N+1, ... and checks each: its text gives it back, each\n"
    "pass keeps every bit of its results, and so does compiled code, with and without fusion, on\n"
    "one and on two threads. A failing graph is shrunk and printed as .weft text.\n"
    "\n"
    "  --seed N           the first seed (1)\n"
    "  --count M          how many graphs (2000)\n"
    "  --compile-every K  compile each K-th graph only (1: all)\n"
    "  --failures F       stop after so many failures (5)\n";

template <class T>
bool read(std::string_view text, T least, T& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size() && into >= least;
}

/// Empty when the arguments are wrong.
std::optional<weft::test::FuzzOptions> parse(int argc, char** argv) {
  weft::test::FuzzOptions options;
  for (int k = 1; k < argc; k += 2) {
    const std::string_view flag = argv[k];
    const std::string_view value = k + 1 < argc ? argv[k + 1] : "";
    const bool known = flag == "--seed"    ? read<std::uint64_t>(value, 0, options.first_seed)
                       : flag == "--count" ? read<std::int64_t>(value, 0, options.count)
                       : flag == "--compile-every"
                           ? read<std::int64_t>(value, 1, options.compile_every)
                       : flag == "--failures" ? read<std::int64_t>(value, 1, options.most_failures)
                                              : false;
    if (!known) {
      std::fprintf(stderr, "weft-fuzz: cannot use '%s %s'\n%s", argv[k],
                   k + 1 < argc ? argv[k + 1] : "", usage);
      return {};
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--help") {
    std::fputs(usage, stdout);
    return 0;
  }
  const auto options = parse(argc, argv);
  if (!options) return 3;
  const bool shows_progress = isatty(STDERR_FILENO) != 0;
  const auto report = weft::test::fuzz(*options, [&](const weft::test::FuzzReport& r) {
    if (shows_progress && r.graphs % 50 == 0)
      std::fprintf(stderr, "\r%lld of %lld graphs", static_cast<long long>(r.graphs),
                   static_cast<long long>(options->count));
  });
  if (shows_progress) std::fputc('\r', stderr);
  std::fputs(report.failed.c_str(), stdout);
  std::puts(report.summary().c_str());
  return report.failures == 0 ? 0 : 1;
}
