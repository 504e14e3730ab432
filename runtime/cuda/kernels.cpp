#include "runtime/cuda/kernels.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <numeric>
#include <optional>
#include <thread>
#include <unordered_map>

#include <weft/error.h>
#include "codegen/cuda/emit.h"
#include "codegen/cuda/nvrtc.h"
#include "codegen/cuda/spell.h"
#include "runtime/disk_cache_setting.h"
#include "runtime/log.h"

namespace weft::runtime::cuda {
namespace {

using codegen::cuda::Nvrtc;

// A program costs 30 ms before its first kernel, which is as much as a small kernel.
constexpr std::size_t kernels_per_program = 16;

/// Never destroyed. Kernels belong to the executables that launch them.
struct Cache {
  std::mutex mutex;
  std::unordered_map<std::string, std::weak_ptr<const LoadedFunction>> functions;  // device, text
  std::unordered_map<std::string, std::weak_ptr<Module>> modules;  // device, program's digest
  std::atomic<std::size_t> compiled{0}, loaded{0}, hits{0};

  static Cache& instance() {
    static Cache& cache = *new Cache();
    return cache;
  }

  template <class T>
  std::shared_ptr<T> find(std::unordered_map<std::string, std::weak_ptr<T>>& in,
                          const std::string& key) {
    const std::lock_guard lock(mutex);
    const auto known = in.find(key);
    return known == in.end() ? nullptr : known->second.lock();
  }
  template <class T>
  void put(std::unordered_map<std::string, std::weak_ptr<T>>& in, const std::string& key,
           const std::shared_ptr<T>& value) {
    const std::lock_guard lock(mutex);
    if (in.size() >= 2 * after_cleaning + 64) {
      std::erase_if(in, [](const auto& entry) { return entry.second.expired(); });
      after_cleaning = in.size();
    }
    in[key] = value;
  }

 private:
  std::size_t after_cleaning = 0;
};

/// The function alone, called "kernel": what the caches know it by.
std::string text_of(const codegen::Launch& launch) {
  return codegen::cuda::kernel_text(*launch.kernel, codegen::cuda::schedule(launch), "kernel");
}

struct Request {
  std::string text;
  std::string name;  // in its program
  std::shared_ptr<const LoadedFunction> function;
};

std::string named(const Request& request) {
  constexpr std::string_view before = "void ", placeholder = "kernel(";
  std::string text = request.text;
  const std::size_t at = text.find(std::string(before) + std::string(placeholder)) + before.size();
  return text.replace(at, placeholder.size() - 1, request.name);
}

/// Finds or makes the code of several kernels for one device.
class Maker {
 public:
  Maker(const std::shared_ptr<Device>& device, const Nvrtc& nvrtc)
      : device_(device),
        nvrtc_(nvrtc),
        target_(target()),
        on_device_(std::to_string(device->index()) + "@" + device->name() + "\n"),
        disk_(disk_cache()),
        disk_prefix_("cuda " + nvrtc.version() + " " + target_.option() + " " +
                     Nvrtc::options_text() + digest(codegen::cuda::prelude()) + "\n") {}

  void run(std::vector<Request>& requests, DeviceCode& counts) {
    Cache& cache = Cache::instance();
    std::vector<Request*> missing;
    for (Request& request : requests) {
      request.name = "k_" + digest(request.text).substr(0, 16);
      request.function = cache.find(cache.functions, on_device_ + request.text);
      if (request.function) {
        ++cache.hits;
      } else if (load(request)) {
        ++counts.loaded;
      } else {
        missing.push_back(&request);
      }
    }
    counts.compiled = missing.size();
    compile(missing);
    cache.loaded += counts.loaded;
    cache.compiled += counts.compiled;
  }

 private:
  Nvrtc::Target target() const {
    try {
      return nvrtc_.target_for({device_->facts().architecture});
    } catch (const Error& error) {
      throw Error(device_->name() + " (" + device_->facts().name + "): " + error.what());
    }
  }

  void adopt(Request& request, const std::shared_ptr<Module>& module) const {
    const FunctionHandle function = module->function(request.name);
    if (function == nullptr)
      throw Error(device_->name() + ": the driver finds no kernel " + request.name +
                  " in code that it has loaded");
    request.function = std::make_shared<const LoadedFunction>(LoadedFunction{module, function});
    Cache& cache = Cache::instance();
    cache.put(cache.functions, on_device_ + request.text, request.function);
  }

  std::string kernel_key(const Request& request) const {
    return disk_prefix_ + "kernel\n" + request.text;
  }
  std::string program_key(const std::string& program) const {
    return disk_prefix_ + "program " + program;
  }

  /// From the disk: the kernel's entry says which program has it, whose entry is the code.
  bool load(Request& request) const {
    if (!disk_) return false;
    const auto program = disk_->load(kernel_key(request));
    if (!program) return false;
    Cache& cache = Cache::instance();
    std::shared_ptr<Module> module = cache.find(cache.modules, on_device_ + *program);
    if (!module) {
      const auto image = disk_->load(program_key(*program));
      if (!image) return false;
      int code = 0;
      module = Module::load(device_, image->c_str(), code);
      if (!module) {
        log(LogLevel::warn,
            device_->name() + ": code from the disk cache is compiled again: " + error_text(code));
        return false;
      }
      cache.put(cache.modules, on_device_ + *program, module);
    }
    if (module->function(request.name) == nullptr) return false;
    adopt(request, module);
    return true;
  }

  /// Programs of about equal length, at least one for each thread.
  std::vector<std::vector<Request*>> divide(std::vector<Request*> missing) const {
    std::stable_sort(missing.begin(), missing.end(), [](const Request* a, const Request* b) {
      return a->text.size() > b->text.size();
    });
    const std::size_t count =
        std::max(std::min(missing.size(), static_cast<std::size_t>(thread_count())),
                 (missing.size() + kernels_per_program - 1) / kernels_per_program);
    std::vector<std::vector<Request*>> programs(count);
    std::vector<std::size_t> lengths(count, 0);
    for (Request* request : missing) {
      const auto shortest = std::min_element(lengths.begin(), lengths.end());
      *shortest += request->text.size();
      programs[static_cast<std::size_t>(shortest - lengths.begin())].push_back(request);
    }
    return programs;
  }

  void compile(const std::vector<Request*>& missing) const {
    if (missing.empty()) return;
    const std::vector<std::vector<Request*>> programs = divide(missing);
    std::atomic<std::size_t> next{0};
    const auto work = [&](std::exception_ptr& error) {
      try {
        for (std::size_t k; (k = next.fetch_add(1)) < programs.size();) make(programs[k]);
      } catch (...) {
        error = std::current_exception();
        next.store(programs.size());
      }
    };
    const std::size_t threads = std::min(programs.size(), static_cast<std::size_t>(thread_count()));
    std::vector<std::exception_ptr> errors(threads);
    {
      std::vector<std::jthread> others;
      for (std::size_t k = 1; k < threads; ++k) others.emplace_back([&, k] { work(errors[k]); });
      work(errors[0]);
    }
    for (const std::exception_ptr& error : errors)
      if (error) std::rethrow_exception(error);
  }

  void make(const std::vector<Request*>& requests) const {
    std::string text(codegen::cuda::prelude());
    for (const Request* request : requests) text += named(*request);
    const Nvrtc::Compiled compiled = nvrtc_.compile_all(text, target_);
    const std::string image = target_.ptx ? compiled.ptx + std::string(1, '\0')
                                          : std::string(compiled.code.begin(), compiled.code.end());
    int code = 0;
    const std::shared_ptr<Module> module = Module::load(device_, image.c_str(), code);
    if (!module) fail_to_load(code);
    const std::string program = digest(text);
    Cache& cache = Cache::instance();
    cache.put(cache.modules, on_device_ + program, module);
    if (disk_) disk_->store(program_key(program), image);
    for (Request* request : requests) {
      adopt(*request, module);
      if (disk_) disk_->store(kernel_key(*request), program);
    }
  }

  [[noreturn]] void fail_to_load(int code) const {
    throw Error(device_->name() + ": the driver (CUDA " + device_->driver().version_text() +
                ") does not take what NVRTC " + nvrtc_.version() + " compiled for " +
                target_.option() + ": " + error_text(code) +
                "; a newer driver, or a CUDA toolkit as old as the driver, is needed");
  }

  const std::shared_ptr<Device>& device_;
  const Nvrtc& nvrtc_;
  const Nvrtc::Target target_;
  const std::string on_device_;
  const std::shared_ptr<DiskCache> disk_;
  const std::string disk_prefix_;
};

}  // namespace

DeviceCode compile_launches(const std::shared_ptr<Device>& device,
                            std::span<const codegen::Launch* const> launches) {
  DeviceCode code;
  if (launches.empty()) return code;
  std::vector<Request> requests;
  std::vector<std::size_t> request_of;
  std::unordered_map<std::string, std::size_t> known;
  for (const codegen::Launch* launch : launches) {
    const auto [at, inserted] = known.emplace(text_of(*launch), requests.size());
    if (inserted) requests.push_back({at->first, {}, {}});
    request_of.push_back(at->second);
  }
  const Nvrtc* nvrtc = Nvrtc::find();
  if (nvrtc == nullptr)
    throw Error(device->name() + ": kernels cannot be compiled: " + Nvrtc::missing_reason());
  Maker(device, *nvrtc).run(requests, code);
  for (const std::size_t k : request_of) code.kernels.push_back(requests[k].function);
  return code;
}

KernelCounts kernel_counts() {
  const Cache& cache = Cache::instance();
  return {cache.compiled.load(), cache.loaded.load(), cache.hits.load()};
}

void clear_kernel_cache() {
  Cache& cache = Cache::instance();
  const std::lock_guard lock(cache.mutex);
  cache.functions.clear();
  cache.modules.clear();
}

}  // namespace weft::runtime::cuda
