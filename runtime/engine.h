// From a graph to something that runs: passes, lowering, compilation, memory plan, execution.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/pipeline.h"

namespace weft::runtime {

namespace cuda {
class Memory;
}

/// Memory with its owner. Contiguous, row-major; from the pool: 64-byte aligned.
struct Buffer {
  std::shared_ptr<void> memory;  // may point anywhere; its deleter frees
  std::size_t bytes = 0;
  cuda::Memory* device = nullptr;  // not null: the memory is this, which the host cannot touch
  void* data() const { return memory.get(); }
};
Buffer allocate(std::size_t bytes);

enum class Backend : std::uint8_t { cpu, interp, cuda };

struct CompileOptions {
  bool fuse = true;
  Backend backend = Backend::cpu;
  int device = 0;  // for cuda: its number
  friend bool operator==(const CompileOptions&, const CompileOptions&) = default;
};

/// What a compilation did, for explain(), the command line and the benchmark.
struct CompileReport {
  std::size_t recorded_operations = 0;  // nodes that compute, before any pass
  std::size_t kernels = 0;              // launches after fusion
  std::size_t kernels_compiled = 0;     // that no cache held
  std::size_t kernels_loaded = 0;       // from the disk cache
  std::size_t packable_factors = 0;  // of products: packed once while their buffers stay unchanged
  double passes_ms = 0, lower_ms = 0, codegen_ms = 0, total_ms = 0;
  std::size_t peak_bytes = 0;   // of temporaries and outputs, as planned
  std::size_t bound_bytes = 0;  // the largest sum of live values at any step
  std::vector<passes::PassReport> passes;
};

class Executable {
 public:
  virtual ~Executable() = default;
  /// Inputs in the order of the graph's parameters, results as many as the graph has. Results come
  /// from the pool (or are inputs, where the graph returns a parameter). Any number of threads may
  /// run one executable at once. On a CUDA device: work is enqueued on the thread's stream, results
  /// lie on the device, inputs lie there or in host memory.
  /// donated[k]: input k may be overwritten or returned (the caller gives it up); none, or all.
  virtual void run_into(std::span<const Buffer* const> inputs, std::span<const bool> donated,
                        std::span<Buffer> results) const = 0;
  std::vector<Buffer> run(std::span<const Buffer> inputs, std::span<const bool> donated = {}) const;
  virtual const CompileReport& report() const = 0;
  virtual const ir::Graph& fused_graph() const = 0;
};

/// Finds the executable of an equal graph in the cache, or makes it. Thread-safe.
std::shared_ptr<const Executable> compile(const ir::Graph& graph,
                                          const CompileOptions& options = {});

/// Counters since the start of the process, for tests and `weft info`.
struct EngineStats {
  std::size_t executables_compiled, executable_hits, kernels_compiled, kernels_loaded, kernel_hits;
};
EngineStats engine_stats();
/// Forgets executables and kernels in memory. What a first call costs: set_disk_cache("off"), then
/// this. What it costs when another process ran the program before: this with a filled disk cache.
void clear_caches();
/// Keeps kernels in this folder from now on, instead of what WEFT_CACHE_DIR says; "off": nowhere,
/// "": as WEFT_CACHE_DIR says. Throws weft::Error, changing nothing, where the folder is refused.
void set_disk_cache(const std::string& folder);

/// Whether kernels that no cache holds run from quickly made code until they are optimised;
/// nothing: as WEFT_QUICK_TIER says.
void set_quick_tier(std::optional<bool> on);
/// Waits until everything that runs from quick code is optimised.
void finish_optimising();

/// Threads that kernels use, the caller among them; WEFT_THREADS, else the cores.
int thread_count();
void set_thread_count(int threads);  // weft::Error where there is a problem with it
/// "expected an integer from 1 to 1024, got 0", for instance.
std::optional<std::string> thread_count_problem(int threads);

}  // namespace weft::runtime
