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
// Quick code runs two to five times as long as optimised code, which takes some milliseconds more
// to make: with more work than this in one launch, it is better made at once.
constexpr double quick_work_ns = 1e6;

/// Never destroyed: executables in static objects may outlive it otherwise.
struct KernelCache {
  OnceCache<std::string, std::shared_ptr<LoadedKernel>> code{capacity};
  std::atomic<std::size_t> compiled{0}, loaded{0}, hits{0};

  static KernelCache& instance() {
    static KernelCache& cache = *new KernelCache();
    return cache;
  }
};

/// One text and the code found or made for it.
struct Request {
  std::string text;
  std::shared_ptr<const codegen::Kernel> kernel;
  double cost_ns;
  std::shared_ptr<LoadedKernel> code;
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

bool may_be_quick(const Request& request) {
  return request.cost_ns <= quick_work_ns && quick_tier();
}

std::shared_ptr<LoadedKernel> load_or_compile(Request& request) {
  const Stopwatch watch;
  if (const std::shared_ptr<DiskCache> disk = disk_cache()) {
    if (auto found = load(*disk, disk_key(request.text))) {
      request.loaded = true;
      found->compile_ms = watch.ms();
      return std::make_shared<LoadedKernel>(*std::move(found));
    }
  }
  request.compiled = true;
  if (!may_be_quick(request))
    return std::make_shared<LoadedKernel>(compile_and_keep(*request.kernel, request.text));
  auto made = std::make_shared<LoadedKernel>(
      codegen::compile_llvm(*request.kernel, codegen::Effort::quick), request.kernel, request.text);
  optimise_later(made);
  return made;
}

void find_or_compile(Request& request) {
  KernelCache& cache = KernelCache::instance();
  const std::uint64_t hash = std::hash<std::string_view>()(request.text);
  auto found = cache.code.get(hash, request.text, [&] { return load_or_compile(request); });
  request.code = std::move(found.value);
  if (!request.code->is_optimised() && !may_be_quick(request)) request.code->optimise();
  (request.compiled ? cache.compiled
   : request.loaded ? cache.loaded
                    : cache.hits)
      .fetch_add(1, std::memory_order_relaxed);
  if (found.made && log_enabled(LogLevel::debug))
    log(LogLevel::debug, std::string(request.loaded ? "loaded" : "compiled") + " a kernel in " +
                             std::to_string(request.code->compile_ms()) + " ms\n" + request.text);
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

KernelCode compile_kernels(std::span<const KernelRequest> kernels) {
  std::vector<Request> requests;
  std::vector<std::size_t> request_of(kernels.size());
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    const auto& [kernel, cost_ns] = kernels[k];
    const auto [at, inserted] = known.emplace(codegen::print(*kernel), requests.size());
    if (inserted) requests.push_back({at->first, kernel, 0, {}});
    request_of[k] = at->second;
    Request& request = requests[at->second];
    request.cost_ns = std::max(request.cost_ns, cost_ns);
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
