#include "runtime/info.h"

#include <array>
#include <cstdio>

#include "codegen/jit.h"
#include "runtime/disk_cache_setting.h"
#include "runtime/environment.h"

namespace weft::runtime {
namespace {

std::string line(const char* name, const std::string& value) {
  std::array<char, 16> padded{};
  std::snprintf(padded.data(), padded.size(), "%-12s", name);
  return padded.data() + value + "\n";
}

std::string or_unknown(std::size_t bytes) { return bytes == 0 ? "unknown" : human_bytes(bytes); }

}  // namespace

Info info() {
  check_environment();
  return {.version = WEFT_VERSION,
          .cpu = cpu_name(),
          .features = cpu_features(),
          .target = codegen::target_description(),
          .cores = core_count(),
          .threads = thread_count(),
          .caches = cache_sizes(),
          .memory_bytes = memory_bytes(),
          .cuda = cuda_probe(),
          .engine = engine_stats(),
          .pool = pool_stats(),
          .packed = packed_stats(),
          .disk_folder = disk_cache_folder(),
          .disk_limits = disk_cache_limits()};
}

std::string human_bytes(std::size_t bytes) {
  constexpr std::array units = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return std::to_string(bytes) + " bytes";
  double amount = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < units.size(); ++unit) amount /= 1024;
  std::array<char, 32> text{};
  const bool whole = amount == static_cast<double>(static_cast<std::size_t>(amount));
  std::snprintf(text.data(), text.size(), whole ? "%.0f %s" : "%.1f %s", amount, units[unit]);
  return text.data();
}

std::string to_text(const Info& info) {
  const auto count = [](std::size_t number) { return std::to_string(number); };
  return line("weft", info.version) + line("cpu", info.cpu) + line("features", info.features) +
         line("target", info.target) +
         line("threads", count(static_cast<std::size_t>(info.threads)) + " on " +
                             count(static_cast<std::size_t>(info.cores)) + " cores") +
         line("caches", "L1 " + or_unknown(info.caches.l1_data) + ", L2 " +
                            or_unknown(info.caches.l2) + ", L3 " + or_unknown(info.caches.l3)) +
         line("memory", or_unknown(info.memory_bytes)) +
         line("devices",
              std::string("cpu; CUDA") + (info.cuda.usable() ? " " : ": ") + to_text(info.cuda)) +
         line("disk cache",
              info.disk_folder == "off"
                  ? "off"
                  : info.disk_folder + ", at most " + human_bytes(info.disk_limits.bytes) + ", " +
                        std::to_string(info.disk_limits.seconds / 86400) + " days without use") +
         line("executables", count(info.engine.executables_compiled) + " compiled, " +
                                 count(info.engine.executable_hits) + " found in the cache") +
         line("kernels", count(info.engine.kernels_compiled) + " compiled, " +
                             count(info.engine.kernels_loaded) + " from disk, " +
                             count(info.engine.kernel_hits) + " found in the cache") +
         line("pool", human_bytes(info.pool.live_bytes) + " in use, " +
                          human_bytes(info.pool.pooled_bytes) + " kept, at most " +
                          human_bytes(info.pool.limit_bytes)) +
         line("packed", count(info.packed.factors) + " factors of products, " +
                            human_bytes(info.packed.bytes) + ", at most " +
                            human_bytes(info.packed.limit_bytes));
}

}  // namespace weft::runtime
