// The command line from the start of its process to its end.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tools/bench/case.h"
#include "tools/bench/folder.h"

namespace weft::bench {

namespace {

namespace fs = std::filesystem;

/// Runs the weft beside this program, its output into `out`; milliseconds from start to end.
double run_weft(std::vector<std::string> arguments, const std::string& out) {
  const std::string program = (fs::read_symlink("/proc/self/exe").parent_path() / "weft").string();
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (std::string& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  const int failed = posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  int status = 0;
  if (!failed) waitpid(child, &status, 0);
  const auto end = std::chrono::steady_clock::now();
  posix_spawn_file_actions_destroy(&actions);
  if (failed || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("weft-bench: " + program + " " + arguments[0] + " did not run");
  return std::chrono::duration<double, std::milli>(end - start).count();
}

Case process_case(const std::string& name, const std::string& program,
                  const std::vector<std::string>& arguments, const std::string& printed) {
  return {.name = name, .prepare = [=] {
            const auto folder = std::make_shared<Folder>();
            std::vector<std::string> words = arguments;
            if (!program.empty()) {
              words.push_back(*folder / "tiny.weft");
              std::ofstream(words.back()) << program;
            }
            Prepared p;
            p.sample = [=] {
              const double ms = run_weft(words, *folder / "out");
              std::ifstream in(*folder / "out");
              const std::string text{std::istreambuf_iterator<char>(in), {}};
              if (text.find(printed) == std::string::npos)
                throw std::runtime_error("weft-bench: " + name + ": expected '" + printed +
                                         "' in its output, got '" + text + "'");
              return ms;
            };
            p.most_samples = 40;
            return p;
          }};
}

const char* const tiny = R"(func @double() -> f32[3] {
  %0 = constant {value = [1, 2, 3]} : f32[3]
  %1 = add %0, %0 : f32[3]
  return %1
}
)";

}  // namespace

std::vector<Case> process_cases() {
  return {process_case("weft_version", "", {"--version"}, "weft 0."),
          process_case("weft_run_tiny", tiny, {"run"}, "6")};
}

}  // namespace weft::bench
