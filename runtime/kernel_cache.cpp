#include "runtime/kernel_cache.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "runtime/disk_cache_setting.h"
#include "runtime/engine.h"
#include "runtime/log.h"
#include "runtime/once_cache.h"
#include "runtime/stopwatch.h"

namespace weft::runtime {
namespace {

constexpr std::size_t capacity = 8192;

/// Never destroyed: executables in static objects may outlive it otherwise.
struct KernelCache {
  OnceCache<std::string, codegen::CompiledKernel> code{capacity};
  std::atomic<std::size_t> compiled{0}, loaded{0}, hits{0};

  static KernelCache& instance() {
    static KernelCache& cache = *new KernelCache();
    return cache;
  }
};

/// One text and the code found or made for it.
struct Request {
  std::string text;
  const codegen::Kernel* kernel;
  codegen::CompiledKernel code;
  bool compiled = false, loaded = false;  // neither: the memory had it
};

/// From the disk, if it has the kernel.
std::optional<codegen::CompiledKernel> load(DiskCache& disk, const std::string& key) {
  const std::optional<std::string> object = disk.load(key);
  if (!object) return std::nullopt;
  try {
    return codegen::load_llvm(*object);
  } catch (const std::exception& error) {
    log(LogLevel::warn, std::string("kernel from the disk cache: ") + error.what());
    return std::nullopt;
  }
}

codegen::CompiledKernel load_or_compile(Request& request) {
  const Stopwatch watch;
  const std::shared_ptr<DiskCache> disk = disk_cache();
  if (!disk) {
    request.compiled = true;
    return codegen::compile_llvm(*request.kernel);
  }
  static const std::string& version = *new std::string(codegen::code_version());
  const std::string key = version + request.text;
  if (auto found = load(*disk, key)) {
    request.loaded = true;
    found->compile_ms = watch.ms();
    return *std::move(found);
  }
  request.compiled = true;
  const std::string object = codegen::object_llvm(*request.kernel);
  codegen::CompiledKernel compiled = codegen::load_llvm(object);
  compiled.compile_ms = watch.ms();
  disk->store(key, object);
  return compiled;
}

void find_or_compile(Request& request) {
  KernelCache& cache = KernelCache::instance();
  const std::uint64_t hash = std::hash<std::string_view>()(request.text);
  auto found = cache.code.get(hash, request.text, [&] { return load_or_compile(request); });
  request.code = std::move(found.value);
  (request.compiled ? cache.compiled
   : request.loaded ? cache.loaded
                    : cache.hits)
      .fetch_add(1, std::memory_order_relaxed);
  if (found.made && log_enabled(LogLevel::debug))
    log(LogLevel::debug, std::string(request.loaded ? "loaded" : "compiled") + " a kernel in " +
                             std::to_string(request.code.compile_ms) + " ms\n" + request.text);
}

/// Runs the requests on several threads of its own: the pool's may be needed by running programs.
void find_or_compile_all(std::vector<Request>& requests) {
  std::vector<std::size_t> order(requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return requests[a].text.size() > requests[b].text.size();  // the longest work first
  });

  std::atomic<std::size_t> next{0};
  const auto work = [&](std::exception_ptr& error) {
    try {
      for (std::size_t k; (k = next.fetch_add(1)) < order.size();)
        find_or_compile(requests[order[k]]);
    } catch (...) {
      error = std::current_exception();
      next.store(order.size());
    }
  };
  const auto threads = std::min(order.size(), static_cast<std::size_t>(thread_count()));
  std::vector<std::exception_ptr> errors(std::max<std::size_t>(threads, 1));
  {
    std::vector<std::jthread> others;
    for (std::size_t k = 1; k < threads; ++k) others.emplace_back([&, k] { work(errors[k]); });
    work(errors[0]);
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace

KernelCode compile_kernels(std::span<const std::shared_ptr<const codegen::Kernel>> kernels) {
  std::vector<Request> requests;
  std::vector<std::size_t> request_of(kernels.size());
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    std::string text = codegen::print(*kernels[k]);
    const auto [at, inserted] = known.emplace(std::move(text), requests.size());
    if (inserted) requests.push_back({at->first, kernels[k].get(), {}});
    request_of[k] = at->second;
  }
  find_or_compile_all(requests);

  KernelCode result;
  for (const std::size_t k : request_of) result.kernels.push_back(requests[k].code);
  for (const Request& request : requests) {
    result.compiled += request.compiled ? 1 : 0;
    result.loaded += request.loaded ? 1 : 0;
  }
  return result;
}

KernelStats kernel_stats() {
  const KernelCache& cache = KernelCache::instance();
  return {cache.compiled.load(), cache.loaded.load(), cache.hits.load(), cache.code.size()};
}

void clear_kernel_cache() { KernelCache::instance().code.clear(); }

}  // namespace weft::runtime
