#include "runtime/tiers.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <optional>
#include <thread>
#include <utility>

#include "runtime/disk_cache_setting.h"
#include "runtime/engine.h"
#include "runtime/environment.h"
#include "runtime/log.h"
#include "runtime/stopwatch.h"

namespace weft::runtime {
namespace {

constexpr double exit_ms = 100;

/// The thread that optimises, and what waits for it. Never destroyed: whoever holds a kernel may
/// outlive every static object. The thread ends with the process, at most 100 ms and one kernel
/// later.
class Optimiser {
 public:
  static Optimiser& instance() {
    static Optimiser& optimiser = *new Optimiser();
    return optimiser;
  }

  /// A forked child has no such thread.
  bool is_ours() const { return getpid() == process_; }

  void add(const std::shared_ptr<LoadedKernel>& kernel) {
    if (!is_ours()) return;
    static thread_local const EndOfMain end_of_main;
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    waiting_.push_back(kernel);
    if (!thread_.joinable()) {
      stop_at_exit();
      thread_ = std::thread([this] { work(); });
    }
    changed_.notify_all();
  }

  void finish() {
    if (!is_ours()) return;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || (waiting_.empty() && !busy_); });
  }

 private:
  // LLVM makes static objects as it compiles, and exit() destroys the youngest first: so the thread
  // must be gone before any of them. What the main thread has of its own goes before all of them;
  // where that thread never compiled, a handler that is renewed now and then comes close.
  struct EndOfMain {
    ~EndOfMain() {
      if (gettid() == getpid()) instance().stop();
    }
  };
  static void stop_at_exit() {
    std::atexit([] { instance().stop(); });
  }

  /// For the disk cache's sake this thread, of ordinary priority, does some of what is left.
  void stop() {
    if (!is_ours()) return;
    std::unique_lock lock(mutex_);
    const Stopwatch watch;
    while (!waiting_.empty() && watch.ms() < exit_ms && disk_cache() != nullptr) {
      const std::weak_ptr<LoadedKernel> next = take();
      lock.unlock();
      optimise(next);
      lock.lock();
    }
    stopping_ = true;
    changed_.notify_all();
    lock.unlock();
    if (thread_.joinable()) thread_.join();
  }

  /// The lock is held.
  std::weak_ptr<LoadedKernel> take() {
    std::weak_ptr<LoadedKernel> next = std::move(waiting_.front());
    waiting_.pop_front();
    return next;
  }

  void work() {
    // Programs that run come first.
    const sched_param ordinary{};
    sched_setscheduler(0, SCHED_BATCH, &ordinary);
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 5);
    std::uint64_t optimised = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      const std::weak_ptr<LoadedKernel> next = take();
      busy_ = true;
      lock.unlock();
      optimise(next);
      if (std::has_single_bit(++optimised)) stop_at_exit();
      lock.lock();
      busy_ = false;
      changed_.notify_all();
    }
  }

  static void optimise(const std::weak_ptr<LoadedKernel>& next) {
    const std::shared_ptr<LoadedKernel> kernel = next.lock();
    if (kernel == nullptr) return;
    try {
      kernel->optimise();
    } catch (const std::exception& error) {
      log(LogLevel::warn, std::string("optimising a kernel: ") + error.what());
    }
  }

  const pid_t process_ = getpid();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::weak_ptr<LoadedKernel>> waiting_;
  bool busy_ = false, stopping_ = false;
  std::thread thread_;
};

std::atomic<int> chosen_tier{-1};  // by set_quick_tier; -1: by the environment

}  // namespace

LoadedKernel::LoadedKernel(codegen::CompiledKernel optimised)
    : fn_(optimised.fn),
      optimised_(true),
      compile_ms_(optimised.compile_ms),
      first_code_(std::move(optimised.code)) {}

LoadedKernel::LoadedKernel(codegen::CompiledKernel quick,
                           std::shared_ptr<const codegen::Kernel> kernel, std::string text)
    : fn_(quick.fn),
      optimised_(false),
      compile_ms_(quick.compile_ms),
      kernel_(std::move(kernel)),
      text_(std::move(text)),
      first_code_(std::move(quick.code)) {}

void LoadedKernel::optimise() {
  const std::lock_guard lock(optimising_);
  if (is_optimised()) return;
  codegen::CompiledKernel made = compile_and_keep(*kernel_, text_);
  optimised_code_ = std::move(made.code);
  fn_.store(made.fn, std::memory_order_release);
  optimised_.store(true, std::memory_order_release);
  kernel_ = nullptr;
  if (log_enabled(LogLevel::debug))
    log(LogLevel::debug,
        "optimised a kernel in " + std::to_string(made.compile_ms) + " ms\n" + text_);
  text_.clear();
}

codegen::CompiledKernel compile_and_keep(const codegen::Kernel& kernel, const std::string& text) {
  const std::shared_ptr<DiskCache> disk = disk_cache();
  if (!disk) return codegen::compile_llvm(kernel);
  const Stopwatch watch;
  const std::string object = codegen::object_llvm(kernel);
  codegen::CompiledKernel compiled = codegen::load_llvm(object);
  compiled.compile_ms = watch.ms();
  disk->store(disk_key(text), object);
  return compiled;
}

bool quick_tier() {
  static const bool by_environment = read_setting(Setting::quick_tier).value_or(1) != 0;
  const int chosen = chosen_tier.load(std::memory_order_relaxed);
  return (chosen < 0 ? by_environment : chosen != 0) && Optimiser::instance().is_ours();
}

void set_quick_tier(std::optional<bool> on) { chosen_tier = on ? (*on ? 1 : 0) : -1; }

void optimise_later(std::shared_ptr<LoadedKernel> kernel) { Optimiser::instance().add(kernel); }

void finish_optimising() { Optimiser::instance().finish(); }

}  // namespace weft::runtime
