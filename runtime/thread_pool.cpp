#include "runtime/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <weft/error.h>
#include "runtime/engine.h"
#include "runtime/environment.h"
#include "runtime/float_modes.h"
#include "runtime/log.h"
#include "runtime/machine.h"
#include "runtime/pool.h"

namespace weft::runtime {
namespace {

constexpr auto spin_time = std::chrono::microseconds(50);
constexpr double wake_after_ns = 10 * wake_ns;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits without sleeping while the state is `value`, at most spin_time; returns the last state
/// seen.
std::uint32_t spin_while(const std::atomic<std::uint32_t>& state, std::uint32_t value, bool spin) {
  std::optional<std::chrono::steady_clock::time_point> end;
  for (;;) {
    for (int k = 0; k < 32; ++k) {
      const std::uint32_t now = state.load(std::memory_order_acquire);
      if (now != value || !spin) return now;
      pause();
    }
    const auto now = std::chrono::steady_clock::now();
    if (!end) end = now + spin_time;
    if (now > *end) return value;
  }
}

thread_local bool inside_work = false;

struct Range {
  std::int64_t begin = 0, end = 0;
};

/// Work that threads share: each runs a first range of its own, and then what is left, in ranges.
struct Job {
  const ParallelWork& work;
  std::int64_t range;              // units
  std::atomic<std::int64_t> next;  // the first unit that nobody has
  std::atomic<bool> failed{false};
  std::exception_ptr error{};

  Range range_at(std::int64_t begin) const { return {begin, std::min(begin + range, work.units)}; }
  bool has_rest() const { return next.load(std::memory_order_relaxed) < work.units; }
  void run_rest() noexcept;
  void fail(std::exception_ptr why) noexcept {
    if (!failed.exchange(true)) error = std::move(why);
    next.store(work.units, std::memory_order_relaxed);
  }
};

/// What a thread needs to run one range, without looking at the job.
struct Task {
  void (*run)(void* context, std::int64_t begin, std::int64_t end) = nullptr;
  void* context = nullptr;
  Range range{};
  Job* job = nullptr;

  Task() = default;
  Task(Job& of, Range mine) : run(of.work.run), context(of.work.context), range(mine), job(&of) {}
  void operator()() const noexcept {
    const bool outer = std::exchange(inside_work, true);
    try {
      run(context, range.begin, range.end);
    } catch (...) {
      job->fail(std::current_exception());
    }
    inside_work = outer;
  }
};

void Job::run_rest() noexcept {
  for (;;) {
    const std::int64_t begin = next.fetch_add(range, std::memory_order_relaxed);
    if (begin >= work.units) return;
    Task(*this, range_at(begin))();
  }
}

bool has_scratch(std::size_t bytes) noexcept {
  try {
    thread_scratch(bytes);
    return true;
  } catch (const OutOfMemory&) {
    return false;
  }
}

class Worker {
 public:
  Worker(bool spin, int number) : spin_(spin) {
    thread_ = std::thread([this] { loop(); });
    leave_core(sched_getcpu());
    pthread_setname_np(thread_.native_handle(), ("weft-" + std::to_string(number)).c_str());
  }
  ~Worker() {
    state_.store(stopped, std::memory_order_release);
    state_.notify_all();
    thread_.join();
  }
  bool sleeps() const { return state_.load(std::memory_order_relaxed) == parked; }

  void post(const Task& task, FloatModes floats) {
    has_rest_ = task.job->has_rest();
    done_ = false;
    floats_ = floats;
    task_ = task;
    scratch_bytes_ = task.job->work.scratch_bytes;
    if (sleeps()) leave_core(sched_getcpu());
    if (state_.exchange(posted, std::memory_order_acq_rel) == parked) state_.notify_all();
  }
  /// Takes the task back if the worker has not begun it, else waits for its end. What is still to
  /// be run: the worker may have had no scratch.
  const Task* finish(bool spin) {
    std::uint32_t seen = posted;
    if (state_.compare_exchange_strong(seen, idle, std::memory_order_acq_rel)) return &task_;
    if (spin_while(state_, running, spin) == running) {
      while (state_.load(std::memory_order_acquire) == running)
        state_.wait(running, std::memory_order_acquire);
    }
    return done_ ? nullptr : &task_;
  }

 private:
  enum State : std::uint32_t { idle, parked, posted, running, stopped };

  /// Some schedulers (of packed virtual machines, for one) wake a thread on its waker's core, where
  /// it would only take the caller's time. So a worker is barred from the core that last woke it.
  void leave_core(int core) {
    if (!spin_ || core == left_core_) return;  // with more threads than cores, any core is good
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0 || CPU_COUNT(&cores) < 2) return;
    CPU_CLR(static_cast<std::size_t>(core), &cores);
    pthread_setaffinity_np(thread_.native_handle(), sizeof cores, &cores);
    left_core_ = core;
  }

  void loop() {
    for (;;) {
      std::uint32_t seen = await_post();
      if (seen == stopped) return;
      if (seen != posted ||
          !state_.compare_exchange_strong(seen, running, std::memory_order_acq_rel))
        continue;  // taken back
      take_part();
      state_.store(idle, std::memory_order_release);
      state_.notify_all();
    }
  }
  void take_part() noexcept {
    floats_.apply();  // results do not depend on who runs a unit
    if (!has_scratch(scratch_bytes_)) return;
    task_();
    done_ = true;
    if (has_rest_) task_.job->run_rest();
  }
  std::uint32_t await_post() {
    std::uint32_t seen = spin_while(state_, idle, spin_);
    if (seen != idle) return seen;
    if (!state_.compare_exchange_strong(seen, parked, std::memory_order_acq_rel)) return seen;
    while ((seen = state_.load(std::memory_order_acquire)) == parked)
      state_.wait(parked, std::memory_order_acquire);
    return seen;
  }

  // What goes from the caller to the worker and back is one cache line. The worker reads the rest
  // of it after it saw `posted`.
  alignas(64) std::atomic<std::uint32_t> state_{idle};
  bool has_rest_ = false;  // there are ranges that nobody has
  bool done_ = false;      // by the worker: it ran its range
  FloatModes floats_{};
  Task task_{};
  std::size_t scratch_bytes_ = 0;

  alignas(64) const bool spin_;
  int left_core_ = -1;
  std::thread thread_;
};

/// Signals of the process go to the user's threads.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

class ThreadPool {
 public:
  static ThreadPool& instance();
  /// After fork() the child has no workers: it begins with a new pool and leaves the old one be.
  static void renew();
  explicit ThreadPool(int threads) : threads_(threads) {}

  int threads() {
    int threads = threads_.load(std::memory_order_relaxed);
    if (threads == 0) {
      threads = static_cast<int>(read_setting(Setting::threads).value_or(core_count()));
      int unknown = 0;
      if (!threads_.compare_exchange_strong(unknown, threads)) threads = unknown;
    }
    return threads;
  }

  void run(const ParallelWork& work);
  void resize(int threads);
  void shut_down();

 private:
  bool try_enter() { return busy_.exchange(1, std::memory_order_acquire) == 0; }
  void enter() {
    while (!try_enter()) busy_.wait(1, std::memory_order_relaxed);
  }
  void leave() {
    busy_.store(0, std::memory_order_release);
    busy_.notify_one();
  }
  bool spins() const { return threads_.load(std::memory_order_relaxed) <= core_count(); }
  std::size_t start_workers(std::size_t count);
  std::size_t awake(const ParallelWork& work, std::size_t helpers);
  void fork(const ParallelWork& work, std::size_t helpers);

  std::atomic<int> threads_;  // 0: not asked yet
  std::atomic<bool> closed_{false};
  alignas(64) std::atomic<std::uint32_t> busy_{0};  // held by the thread that forks or resizes
  std::vector<std::unique_ptr<Worker>> workers_;    // started when first needed
  double missed_ns_ = 0;  // work since a sleeper was last woken that was not worth waking it
};

// The pool is never destroyed, so work that static destructors do still finds it (and runs alone).
std::atomic<ThreadPool*> the_pool{nullptr};

struct Shutdown {
  ~Shutdown() { the_pool.load()->shut_down(); }
};

void ThreadPool::renew() {
  the_pool.store(new ThreadPool(the_pool.load()->threads_.load(std::memory_order_relaxed)));
}

ThreadPool& ThreadPool::instance() {
  ThreadPool* pool = the_pool.load(std::memory_order_acquire);
  if (pool != nullptr) [[likely]]
    return *pool;
  static const bool made = [] {
    the_pool.store(new ThreadPool(0));
    pthread_atfork(nullptr, nullptr, renew);
    static Shutdown at_exit;
    return true;
  }();
  static_cast<void>(made);
  return *the_pool.load(std::memory_order_acquire);
}

void ThreadPool::run(const ParallelWork& work) {
  if (work.units <= 0) return;
  const double shares = std::min(work.cost_ns / share_ns, static_cast<double>(threads()));
  const auto useful = std::min(static_cast<std::int64_t>(shares), work.units);
  if (useful < 2 || work.cost_ns < fork_ns || inside_work || closed_.load() || !try_enter())
    return work.run(work.context, 0, work.units);
  struct Leave {
    ThreadPool& pool;
    ~Leave() { pool.leave(); }
  } leave{*this};
  const std::size_t helpers = awake(work, start_workers(static_cast<std::size_t>(useful) - 1));
  if (helpers == 0) return work.run(work.context, 0, work.units);
  fork(work, helpers);
}

std::size_t ThreadPool::start_workers(std::size_t count) {
  count = std::min(count, static_cast<std::size_t>(threads()) - 1);  // others may have set it since
  try {
    while (workers_.size() < count) {
      const BlockSignals blocked;
      workers_.push_back(std::make_unique<Worker>(spins(), static_cast<int>(workers_.size()) + 1));
    }
  } catch (const std::exception& error) {  // of the system, or bad_alloc
    log(LogLevel::warn, std::string("no further thread: ") + error.what());
  }
  return std::min(count, workers_.size());
}

/// How many of the first workers take part: those awake, and sleepers where it pays to wake them.
/// One launch after another that is too short for that pays together.
std::size_t ThreadPool::awake(const ParallelWork& work, std::size_t helpers) {
  std::size_t count = 0;
  while (count < helpers && !workers_[count]->sleeps()) ++count;
  if (count == helpers) return count;
  if (work.cost_ns + work.ahead_ns < wake_ns && missed_ns_ < wake_after_ns) {
    missed_ns_ += work.cost_ns;
    return count;
  }
  missed_ns_ = 0;
  return helpers;
}

void ThreadPool::fork(const ParallelWork& work, std::size_t helpers) {
  const auto threads = static_cast<std::int64_t>(helpers) + 1;
  const auto ranges = std::min(work.units, threads * work.ranges_per_thread);
  const std::int64_t range = (work.units + ranges - 1) / ranges;
  helpers = std::min(helpers, static_cast<std::size_t>((work.units - 1) / range));
  Job job{work, range, static_cast<std::int64_t>(helpers + 1) * range};
  const FloatModes floats = FloatModes::current();
  for (std::size_t k = 0; k < helpers; ++k)
    workers_[k]->post({job, job.range_at(static_cast<std::int64_t>(k + 1) * range)}, floats);
  Task(job, job.range_at(0))();
  if (job.has_rest()) job.run_rest();
  for (std::size_t k = 0; k < helpers; ++k)
    if (const Task* left = workers_[k]->finish(spins()); left && !job.failed) (*left)();
  if (job.error) std::rethrow_exception(job.error);
}

void ThreadPool::resize(int threads) {
  enter();
  workers_.clear();
  threads_.store(threads, std::memory_order_relaxed);
  leave();
}

void ThreadPool::shut_down() {
  closed_.store(true);
  if (inside_work) return;  // exit() was called by a unit
  enter();
  workers_.clear();
  leave();
}

}  // namespace

void parallel_run(const ParallelWork& work) { ThreadPool::instance().run(work); }

int thread_count() { return ThreadPool::instance().threads(); }

std::optional<std::string> thread_count_problem(int threads) {
  const SettingDef& limits = def(Setting::threads);
  if (threads < limits.low || threads > limits.high)
    return "expected " + allowed_values(limits) + ", got " + std::to_string(threads);
  if (inside_work) return "called by a unit of parallel work";
  return std::nullopt;
}

void set_thread_count(int threads) {
  if (const auto problem = thread_count_problem(threads))
    throw Error("set_thread_count: " + *problem);
  ThreadPool::instance().resize(threads);
}

void* thread_scratch(std::size_t bytes) {
  thread_local Block scratch;
  if (bytes > scratch.bytes()) scratch = Block(bytes);
  return bytes == 0 ? nullptr : scratch.data();
}

}  // namespace weft::runtime
