#include "runtime/engine.h"

#include <atomic>
#include <cstdio>
#include <utility>

#include "codegen/program.h"
#include "runtime/cuda/executable.h"
#include "runtime/cuda/kernels.h"
#include "runtime/environment.h"
#include "runtime/executable.h"
#include "runtime/kernel_cache.h"
#include "runtime/log.h"
#include "runtime/once_cache.h"
#include "runtime/stopwatch.h"

namespace weft::runtime {
namespace {

using ExecutablePointer = std::shared_ptr<const Executable>;

constexpr std::size_t capacity = 4096;

struct Query {
  const ir::Graph& graph;
  const CompileOptions& options;
};

/// A graph and what was asked of it. Names and places do not matter.
struct Key {
  const ir::Graph graph;
  const CompileOptions options;

  explicit Key(const Query& query) : graph(query.graph), options(query.options) {}
  bool operator==(const Query& query) const {
    return options == query.options && graph.structurally_equal(query.graph);
  }
};

/// Never destroyed: static objects may compile and hold executables until the very end.
struct ExecutableCache {
  OnceCache<Key, ExecutablePointer> executables{capacity};
  std::atomic<std::size_t> compiled{0}, hits{0};

  static ExecutableCache& instance() {
    static ExecutableCache& cache = *new ExecutableCache();
    return cache;
  }
  ExecutableCache() {
    for (const std::string& name : unknown_variables())
      log(LogLevel::warn,
          "environment variable " + name + " is not known; see docs/environment.md");
  }
};

std::size_t computing_nodes(const ir::Graph& graph) {
  std::size_t count = 0;
  for (const ir::Node& node : graph.nodes())
    count += node.op != ir::Op::parameter && node.op != ir::Op::constant ? 1 : 0;
  return count;
}

void log_compilation(const ir::Graph& graph, const CompileReport& report) {
  if (!log_enabled(LogLevel::info)) return;
  char line[256];
  std::snprintf(line, sizeof line,
                ": %zu operations, %zu kernels (%zu new, %zu from disk), %.2f ms (passes %.2f, "
                "lowering %.2f, "
                "code %.2f), peak %zu bytes",
                report.recorded_operations, report.kernels, report.kernels_compiled,
                report.kernels_loaded, report.total_ms, report.passes_ms, report.lower_ms,
                report.codegen_ms, report.peak_bytes);
  log(LogLevel::info, "compiled @" + graph.name() + line);
}

ExecutablePointer make_executable(const ir::Graph& graph, const CompileOptions& options) {
  if (verifies()) ir::verify(graph);
  CompileReport report;
  report.recorded_operations = computing_nodes(graph);
  if (options.backend == Backend::interp) return make_interpreted(graph, report);

  Stopwatch watch;
  passes::PipelineOptions pipeline;
  pipeline.fuse = options.fuse;
  const bool on_cuda = options.backend == Backend::cuda;
  const auto list = passes::default_pipeline(
      options.fuse, on_cuda ? passes::Kernels::core : passes::Kernels::all);
  ir::Graph fused = passes::run_passes(graph, list, pipeline, &report.passes);
  if (verifies()) ir::verify(fused);
  report.passes_ms = watch.lap_ms();
  codegen::Program program =
      codegen::lower(fused, on_cuda ? codegen::Scalars::by_pointer : codegen::Scalars::by_value);
  report.lower_ms = watch.lap_ms();
  ExecutablePointer executable =
      on_cuda ? cuda::make_compiled(std::move(fused), std::move(program), report, options.device)
              : make_compiled(std::move(fused), std::move(program), report);
  log_compilation(graph, executable->report());
  return executable;
}

}  // namespace

bool verifies() {
#ifdef NDEBUG
  constexpr std::int64_t fallback = 0;
#else
  constexpr std::int64_t fallback = 1;
#endif
  static const bool on = read_setting(Setting::verify).value_or(fallback) == 1;
  return on;
}

std::vector<Buffer> Executable::run(std::span<const Buffer> inputs,
                                    std::span<const bool> donated) const {
  std::vector<const Buffer*> pointers;
  pointers.reserve(inputs.size());
  for (const Buffer& input : inputs) pointers.push_back(&input);
  std::vector<Buffer> results(fused_graph().results().size());
  run_into(pointers, donated, results);
  return results;
}

void check_inputs(const ir::Graph& graph, std::span<const Buffer* const> inputs) {
  const auto fail = [&](const std::string& what, std::size_t expected, std::size_t got) {
    throw Error("run @" + graph.name() + ": " + what + "expected " + std::to_string(expected) +
                ", got " + std::to_string(got));
  };
  if (inputs.size() != graph.param_count())
    fail("number of inputs: ", graph.param_count(), inputs.size());
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const ir::Type& type = graph.type(graph.param(k));
    if (inputs[k]->bytes != type.bytes())
      fail("bytes of input %" + graph.param_name(k) + " (" + type.str() + "): ", type.bytes(),
           inputs[k]->bytes);
  }
}

std::shared_ptr<const Executable> compile(const ir::Graph& graph, const CompileOptions& options) {
  ExecutableCache& cache = ExecutableCache::instance();
  const auto variant = 2 * static_cast<std::uint64_t>(options.backend) + (options.fuse ? 1 : 0) +
                       8 * static_cast<std::uint64_t>(options.device);
  auto found = cache.executables.get(graph.structural_hash() + variant, Query{graph, options},
                                     [&] { return make_executable(graph, options); });
  (found.made ? cache.compiled : cache.hits).fetch_add(1, std::memory_order_relaxed);
  return std::move(found.value);
}

EngineStats engine_stats() {
  const ExecutableCache& cache = ExecutableCache::instance();
  const KernelStats kernels = kernel_stats();
  const cuda::KernelCounts device = cuda::kernel_counts();
  return {cache.compiled.load(), cache.hits.load(), kernels.compiled + device.compiled,
          kernels.loaded + device.loaded, kernels.hits + device.hits};
}

void clear_caches() {
  ExecutableCache::instance().executables.clear();
  clear_kernel_cache();
  cuda::clear_kernel_cache();
}

}  // namespace weft::runtime
