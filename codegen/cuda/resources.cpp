#include "codegen/cuda/resources.h"

#include <charconv>

namespace weft::codegen::cuda {
namespace {

/// The number that stands before `unit`: "24" in "Used 24 registers, ...". 0 where there is none.
int number_before(std::string_view line, std::string_view unit) {
  const std::size_t end = line.find(unit);
  if (end == std::string_view::npos) return 0;
  std::size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9') --begin;
  int number = 0;
  std::from_chars(line.data() + begin, line.data() + end, number);
  return number;
}

std::string bytes_or(int bytes, const char* none, const char* of) {
  return bytes == 0 ? none : std::to_string(bytes) + " bytes of " + of;
}

}  // namespace

std::string KernelResources::str() const {
  std::string text = std::to_string(registers) + " registers, " +
                     bytes_or(shared_bytes, "no shared memory", "shared memory") + ", " +
                     bytes_or(stack_bytes, "no stack", "stack") + ", ";
  if (spill_store_bytes == 0 && spill_load_bytes == 0) return text + "no spills";
  return text + "spills of " + std::to_string(spill_store_bytes) + " bytes stored and " +
         std::to_string(spill_load_bytes) + " loaded";
}

std::vector<KernelResources> read_resources(std::string_view log) {
  constexpr std::string_view entry = "Compiling entry function '";
  std::vector<KernelResources> found;
  while (!log.empty()) {
    const std::size_t end = log.find('\n');
    const std::string_view line = log.substr(0, end);
    log = end == std::string_view::npos ? std::string_view() : log.substr(end + 1);
    if (const std::size_t at = line.find(entry); at != std::string_view::npos) {
      const std::string_view name = line.substr(at + entry.size());
      found.push_back({.kernel = std::string(name.substr(0, name.find('\'')))});
    }
    if (found.empty()) continue;
    KernelResources& last = found.back();
    if (line.find(" bytes stack frame") != std::string_view::npos) {
      last.stack_bytes = number_before(line, " bytes stack frame");
      last.spill_store_bytes = number_before(line, " bytes spill stores");
      last.spill_load_bytes = number_before(line, " bytes spill loads");
    }
    if (line.find("Used ") != std::string_view::npos) {
      last.registers = number_before(line, " registers");
      last.shared_bytes = number_before(line, " bytes smem");
    }
  }
  return found;
}

}  // namespace weft::codegen::cuda
