#include <weft/jit.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "frontend/compile_options.h"
#include "frontend/dump.h"
#include "frontend/jit_program.h"

namespace weft {
namespace {

std::atomic<bool> fuse_by_default{true};
std::atomic<Backend> default_backend{Backend::cpu};

}  // namespace

void set_compile_options(const CompileOptions& options) {
  fuse_by_default = options.fuse;
  default_backend = options.backend;
}
CompileOptions compile_options() { return {fuse_by_default, default_backend}; }

void set_num_threads(int threads, Here here) {
  const detail::OpScope scope("set_num_threads", here);
  if (const auto problem = runtime::thread_count_problem(threads)) detail::fail(*problem);
  runtime::set_thread_count(threads);
}
int get_num_threads() { return runtime::thread_count(); }

namespace detail {

// Programs form a list that calls search without a lock. Those that are dead leave the list at the
// next recording, and are deleted once no other call can be looking at them.
struct JitCache::State {
  CompileOptions options;
  Location where;
  std::mutex tracing;
  std::atomic<int> calls{0};  // going on
  std::atomic<JitProgram*> newest{nullptr};
  std::atomic<JitProgram*> latest{nullptr};  // called last
  std::atomic<std::size_t> signatures{0};
  std::string reasons;                             // guarded by `tracing`
  std::vector<std::unique_ptr<JitProgram>> ended;  // too

  struct Call {
    explicit Call(State& state) : state_(state) { ++state_.calls; }
    ~Call() { --state_.calls; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    State& state_;
  };

  ~State() {
    for (JitProgram* p = newest; p != nullptr;) delete std::exchange(p, p->next.load());
  }

  JitProgram* find(const SignatureKey& key, bool grad_mode) const {
    JitProgram* recent = latest;
    if (recent != nullptr && recent->matches(key, grad_mode)) return recent;
    for (JitProgram* p = newest; p != nullptr; p = p->next) {
      if (p->matches(key, grad_mode)) return p;
    }
    return nullptr;
  }

  void check_defined(const Tensor& t, const char* role) const {
    if (t.defined()) return;
    const OpScope scope("jit", where);
    fail(std::string("expected a tensor as ") + role + ", got an undefined Tensor");
  }

  void remove_dead() {
    for (std::atomic<JitProgram*>* link = &newest; JitProgram* p = *link;) {
      if (!p->is_dead()) {
        link = &p->next;
        continue;
      }
      link->store(p->next);
      ended.emplace_back(p);
    }
    if (calls != 1) return;
    // This call is the only one, and those to come find none of them.
    for (const auto& program : ended) {
      JitProgram* dead = program.get();
      latest.compare_exchange_strong(dead, nullptr);
    }
    ended.clear();
  }

  JitProgram* add(const SignatureKey& key, const TraceFunction& function, bool grad_mode) {
    for (const Tensor* t : key.tensors()) check_defined(*t, "argument");
    const std::lock_guard lock(tracing);
    if (JitProgram* made = find(key, grad_mode)) return made;
    const JitProgram* before = newest;
    reasons += "signature " + std::to_string(signatures + 1) + ": " +
               (before == nullptr ? "first call" : before->difference(key, grad_mode)) + "\n";
    const auto checked = [&](std::vector<Tensor> arguments) {
      TracedResult traced = function(std::move(arguments));
      for (const Tensor& t : traced.tensors) check_defined(t, "result");
      return traced;
    };
    std::unique_ptr<JitProgram> program = JitProgram::make(key, checked, options);
    remove_dead();
    program->next = newest.load();
    ++signatures;
    newest.store(program.get(), std::memory_order_release);
    return program.release();
  }

  const JitProgram& called() const {
    const JitProgram* program = latest;
    if (program == nullptr) fail("expected a jitted function that has been called, got none yet");
    return *program;
  }
};

JitCache::JitCache(const CompileOptions& options, const Location& where)
    : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->where = where;
}

JitCache::~JitCache() = default;

std::shared_ptr<const void> JitCache::call(const SignatureKey& key, const TraceFunction& trace,
                                           JitResults& results) {
  if (Trace::current() != nullptr) {
    // Inside another function that is being recorded, this one becomes part of it.
    std::vector<Tensor> arguments;
    for (const Tensor* t : key.tensors()) arguments.push_back(*t);
    TracedResult traced = trace(std::move(arguments));
    const std::span<Tensor> made = results.resize(traced.tensors.size());
    std::move(traced.tensors.begin(), traced.tensors.end(), made.begin());
    return traced.example;
  }
  const bool grad_mode = grad_enabled();
  const State::Call call(*state_);
  for (;;) {
    JitProgram* program = nullptr;
    {
      const OpScope scope("jit", state_->where);
      program = state_->find(key, grad_mode);
    }
    if (program == nullptr) program = state_->add(key, trace, grad_mode);
    if (state_->latest.load(std::memory_order_relaxed) != program) {
      state_->latest.store(program, std::memory_order_release);
    }
    const OpScope scope("jit", state_->where);
    if (program->run(key, grad_mode, results)) return program->example();
  }
}

JitReport JitCache::report() const {
  const OpScope scope("report", state_->where);
  const State::Call call(*state_);
  const JitProgram& program = state_->called();
  const runtime::CompileReport& made = program.executable().report();
  JitReport report;
  report.recorded_operations = made.recorded_operations;
  report.kernels = made.kernels;
  report.kernels_compiled = made.kernels_compiled;
  report.trace_ms = program.trace_ms();
  report.passes_ms = made.passes_ms;
  report.lower_ms = made.lower_ms;
  report.codegen_ms = made.codegen_ms;
  report.compile_ms = made.total_ms;
  report.peak_bytes = made.peak_bytes;
  report.bound_bytes = made.bound_bytes;
  report.signatures = state_->signatures;
  return report;
}

std::string JitCache::explain() const {
  const OpScope scope("explain", state_->where);
  const State::Call call(*state_);
  const JitProgram& program = state_->called();
  std::string text = explain_program(program.graph(), program.executable());
  const std::lock_guard lock(state_->tracing);
  return text + "traced:\n" + state_->reasons;
}

std::string JitCache::dump(Stage stage) const {
  const OpScope scope("dump", state_->where);
  const State::Call call(*state_);
  const JitProgram& program = state_->called();
  return dump_stage(program.graph(), program.executable(), stage);
}

}  // namespace detail
}  // namespace weft
