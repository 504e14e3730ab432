#include "tests/cuda/emulator.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <random>

#include <weft/error.h>
#include "tests/support/places.h"

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __asan_unpoison_memory_region(void const volatile*, std::size_t);
#endif
#if defined(__SANITIZE_THREAD__)
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned);
}
#endif

// Stores the callee-saved registers and the stack pointer of one fiber, loads those of another.
extern "C" void weft_test_switch(void** save, void* load);
#if defined(__x86_64__)
asm(R"(
.text
.globl weft_test_switch
.hidden weft_test_switch
weft_test_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");
#endif

namespace weft::test {
namespace {

constexpr unsigned warp_size = 32;
constexpr unsigned most_threads = 1024;
constexpr std::size_t stack_bytes = std::size_t{64} << 10;

// The interface with shim.h.
struct Dim {
  unsigned x, y, z;
};
struct PublicThread {
  Dim thread, block, block_size, grid_size;
};
struct PublicMachine {
  PublicThread* current;
  unsigned long long (*warp)(int what, unsigned mask, unsigned long long value, int argument,
                             int width);
  void (*block)(int line);
};
enum Collective : int { sync_warp, shuffle, shuffle_down };
// What a lane reads from one that takes no part.
constexpr unsigned long long poison = 0x7fc0dead7fc0dead;

using Entry = void (*)(void**);

struct Thread {
  enum class State : unsigned char { ready, at_warp, at_block, done } state = State::ready;
  PublicThread shown{};
  void* stack = nullptr;
  void* sanitizer_fiber = nullptr;
  int what = 0, argument = 0, width = 0;
  unsigned mask = 0;
  unsigned long long value = 0, result = 0;
};

/// Runs the threads of one block after the other. One at a time in the process.
class Machine {
 public:
  static Machine& instance() {
    static Machine only;
    return only;
  }

  struct Launch {
    Entry entry;
    void** arguments;
    unsigned blocks, threads;
    Schedule schedule;
    bool collectives;  // does the kernel have any? Without, threads need no stacks of their own
    char *shared_begin, *shared_end;
  };

  std::string run(const Launch& launch, PublicMachine** seen_by_kernel) {
    *seen_by_kernel = &shown_;
    launch_ = &launch;
    error_.clear();
    threads_.assign(launch.threads, Thread());
    order_.resize(launch.threads);
    std::iota(order_.begin(), order_.end(), 0u);
    if (launch.schedule == Schedule::reverse) std::reverse(order_.begin(), order_.end());
    prepare_stacks();
    for (unsigned block = 0; block < launch.blocks && error_.empty(); ++block) run_block(block);
    return error_;
  }

 private:
  using State = Thread::State;

  Machine() {
    shown_.warp = [](int what, unsigned mask, unsigned long long value, int argument, int width) {
      return instance().meet_warp(what, mask, value, argument, width);
    };
    shown_.block = [](int line) { instance().meet_block(line); };
  }

  unsigned number(const Thread& thread) const {
    return static_cast<unsigned>(&thread - threads_.data());
  }

  void prepare_stacks() {
    if (!launch_->collectives) return;
    if (!stacks_) {
      void* memory = mmap(nullptr, most_threads * stack_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED) throw Error("emulator: no memory for stacks");
      stacks_ = static_cast<char*>(memory);
    }
#if defined(__SANITIZE_THREAD__)
    main_fiber_ = __tsan_get_current_fiber();
    while (fibers_.size() < threads_.size()) fibers_.push_back(__tsan_create_fiber(0));
    for (Thread& thread : threads_) thread.sanitizer_fiber = fibers_[number(thread)];
#endif
  }

  void run_block(unsigned block) {
    const unsigned count = launch_->threads;
    std::fill(launch_->shared_begin, launch_->shared_end, static_cast<char>(0xff));
    if (launch_->schedule == Schedule::random)
      std::shuffle(order_.begin(), order_.end(), std::mt19937(block));
    for (Thread& thread : threads_) {
      thread.state = State::ready;
      thread.shown = {
          {number(thread), 0, 0}, {block, 0, 0}, {count, 1, 1}, {launch_->blocks, 1, 1}};
    }
    done_ = waiting_ = 0;
    if (!launch_->collectives) {
      for (unsigned k : order_) {
        shown_.current = &threads_[k].shown;
        launch_->entry(launch_->arguments);
      }
      return;
    }
    for (Thread& thread : threads_) lay_stack(thread);
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(stacks_, count * stack_bytes);
#endif
    while (done_ < count && error_.empty())
      if (!run_round()) error_ = deadlock(block);
  }

  /// A stack that starts in body(): the address it returns to, below it the six saved registers.
  void lay_stack(Thread& thread) {
    void** top = reinterpret_cast<void**>(stacks_ + (number(thread) + 1) * stack_bytes - 64);
    *--top = nullptr;
    *--top = reinterpret_cast<void*>(&Machine::body);
    for (int saved = 0; saved < 6; ++saved) *--top = nullptr;
    thread.stack = top;
  }

  static void body() {
    Machine& machine = instance();
    machine.launch_->entry(machine.launch_->arguments);
    machine.current_->state = State::done;
    machine.pause();
  }

  void pause() {
    Thread* self = current_;
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(main_fiber_, 0);
#endif
    weft_test_switch(&self->stack, main_stack_);
    current_ = self;
  }

  bool step(Thread& thread) {
    if (thread.state != State::ready || !error_.empty()) return false;
    current_ = &thread;
    shown_.current = &thread.shown;
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(thread.sanitizer_fiber, 0);
#endif
    weft_test_switch(&main_stack_, thread.stack);
    if (thread.state == State::done) {
      ++done_;
      check_nobody_waits_for(thread);
      release_block();
    }
    return true;
  }

  void check_nobody_waits_for(const Thread& left) {
    const unsigned lane = number(left) % warp_size, first = number(left) - lane;
    for (unsigned k = first; k < std::min(first + warp_size, launch_->threads); ++k)
      if (threads_[k].state == State::at_warp && (threads_[k].mask >> lane & 1) && error_.empty())
        error_ = "thread " + std::to_string(k) + " waits at a collective of the warp for lane " +
                 std::to_string(lane) + ", which has left";
  }

  /// Every thread that can goes on once; or one warp as far as it can go before the next.
  bool run_round() {
    bool moved = false;
    const bool by_warp =
        launch_->schedule == Schedule::first_warp || launch_->schedule == Schedule::last_warp;
    if (!by_warp) {
      for (unsigned k : order_) moved |= step(threads_[k]);
      return moved;
    }
    const unsigned warps = (launch_->threads + warp_size - 1) / warp_size;
    for (unsigned w = 0; w < warps; ++w) {
      const unsigned first =
          warp_size * (launch_->schedule == Schedule::first_warp ? w : warps - 1 - w);
      for (bool any = true; any;) {
        any = false;
        for (unsigned k = first; k < std::min(first + warp_size, launch_->threads); ++k)
          any |= step(threads_[k]);
        moved |= any;
      }
    }
    return moved;
  }

  std::string where() const {
    return "block " + std::to_string(current_->shown.block.x) + ", thread " +
           std::to_string(number(*current_)) + ": ";
  }
  /// Ends the launch: the thread never goes on.
  void fail(const std::string& what) {
    if (error_.empty()) error_ = where() + what;
    current_->state = State::done;
    pause();
  }

  unsigned long long meet_warp(int what, unsigned mask, unsigned long long value, int argument,
                               int width) {
    Thread& self = *current_;
    const unsigned lane = number(self) % warp_size;
    if (!(mask >> lane & 1)) fail("a collective of the warp whose mask lacks the lane itself");
    self.what = what;
    self.mask = mask;
    self.value = value;
    self.argument = argument;
    self.width = width;
    self.state = State::at_warp;
    Thread* warp = &threads_[number(self) - lane];
    const unsigned lanes = std::min(warp_size, launch_->threads - number(*warp));
    if (all_met(warp, lanes, self))
      collect(warp, lanes, mask);
    else
      pause();
    return current_->result;
  }

  bool all_met(Thread* warp, unsigned lanes, const Thread& self) {
    bool all = true;
    for (unsigned l = 0; l < lanes; ++l) {
      if (!(self.mask >> l & 1)) continue;
      const Thread& other = warp[l];
      if (other.state == State::done)
        fail("a collective of the warp names lane " + std::to_string(l) + ", which has left");
      const bool met = other.state == State::at_warp;
      if (met && (other.mask != self.mask || other.what != self.what))
        fail("a collective of the warp diverges from lane " + std::to_string(l));
      all &= met;
    }
    return all;
  }

  static void collect(Thread* warp, unsigned lanes, unsigned mask) {
    for (unsigned l = 0; l < lanes; ++l) {
      if (!(mask >> l & 1)) continue;
      Thread& thread = warp[l];
      const auto width = static_cast<unsigned>(thread.width);
      const unsigned base = l / width * width;
      unsigned source = l;
      if (thread.what == shuffle) source = base + static_cast<unsigned>(thread.argument) % width;
      if (thread.what == shuffle_down) source = l + static_cast<unsigned>(thread.argument);
      if (source >= base + width) source = l;
      thread.result = source < lanes && (mask >> source & 1) ? warp[source].value : poison;
      thread.state = State::ready;
    }
  }

  void meet_block(int line) {
    if (waiting_ == 0) line_ = line;
    if (line != line_)
      fail("__syncthreads of line " + std::to_string(line) + ", while others wait at line " +
           std::to_string(line_));
    current_->state = State::at_block;
    ++waiting_;
    release_block();
    if (current_->state == State::at_block) pause();
  }

  void release_block() {
    if (waiting_ == 0 || waiting_ < launch_->threads) {
      if (waiting_ == 0 || waiting_ + done_ < launch_->threads) return;
      error_ =
          "a thread has left while others wait at __syncthreads of line " + std::to_string(line_);
      return;
    }
    waiting_ = 0;
    for (Thread& thread : threads_)
      if (thread.state == State::at_block) thread.state = State::ready;
  }

  std::string deadlock(unsigned block) const {
    const auto count = [&](State state) {
      return std::to_string(std::count_if(threads_.begin(), threads_.end(),
                                          [&](const Thread& t) { return t.state == state; }));
    };
    return "block " + std::to_string(block) + " stands still: " + count(State::at_block) +
           " threads at __syncthreads, " + count(State::at_warp) +
           " at a collective of the warp, " + count(State::done) + " have left";
  }

  PublicMachine shown_{};
  const Launch* launch_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<unsigned> order_;
  Thread* current_ = nullptr;
  char* stacks_ = nullptr;
  void* main_stack_ = nullptr;
  unsigned done_ = 0, waiting_ = 0;
  int line_ = 0;
  std::string error_;
#if defined(__SANITIZE_THREAD__)
  void* main_fiber_ = nullptr;
  std::vector<void*> fibers_;
#endif
};

/// A folder that goes with the object.
struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weft-emulator-XXXXXX").string();
    if (!mkdtemp(name.data())) throw Error("emulator: no temporary folder");
    path = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

std::string host_flags() {
  std::string flags = " -std=c++17 -O0 -fPIC -shared -w -ffp-contract=off -fno-strict-aliasing";
#if defined(__SANITIZE_ADDRESS__)
  flags += " -fsanitize=address,alignment -fno-sanitize-recover=all";
#endif
  return flags;
}

void build(const std::filesystem::path& source, const std::filesystem::path& library) {
  const std::string command = host_compiler() + host_flags() + " -include " + source_dir() +
                              "/tests/cuda/shim.h -x c++ " + source.string() + " -o " +
                              library.string() + " 2>&1";
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw Error("emulator: cannot run " + command);
  std::array<char, 4096> part;
  while (std::fgets(part.data(), part.size(), pipe)) output += part.data();
  if (pclose(pipe) != 0) throw Error("emulator: " + command + "\n" + output.substr(0, 4000));
}

}  // namespace

std::string emulator_missing() {
#if !defined(__x86_64__)
  return "the emulator switches fibers on x86-64 only";
#else
  static const bool runs =
      std::system((host_compiler() + " --version >/dev/null 2>&1").c_str()) == 0;
  return runs ? "" : "no host compiler: " + host_compiler();
#endif
}

struct EmulatedModule::Impl {
  void* library = nullptr;
  std::map<std::string, std::pair<Entry, bool>> kernels;  // and whether it has collectives
  PublicMachine** machine = nullptr;
  char *shared_begin = nullptr, *shared_end = nullptr;

  ~Impl() {
    if (library) dlclose(library);
  }
  template <class F>
  F symbol(const std::string& name) const {
    void* found = dlsym(library, name.c_str());
    if (!found) throw Error("emulator: the library lacks " + name);
    return reinterpret_cast<F>(found);
  }
};

EmulatedModule::EmulatedModule(const std::string& text, std::span<const std::string> names)
    : impl_(std::make_unique<Impl>()) {
  const TemporaryFolder folder;
  const auto source = folder.path / "kernels.cu", library = folder.path / "kernels.so";
  {
    std::ofstream file(source);
    file << text << "\n";
    for (const std::string& name : names) file << "WEFT_ENTRY(" << name << ")\n";
  }
  build(source, library);
  impl_->library = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!impl_->library) throw Error(std::string("emulator: ") + dlerror());
  impl_->machine = impl_->symbol<PublicMachine**>("weft_emulated");
  impl_->symbol<void (*)(char**, char**)>("weft_emulated_shared")(&impl_->shared_begin,
                                                                  &impl_->shared_end);
  for (const std::string& name : names) {
    const std::size_t begin = text.find("void " + name + "("), end = text.find("\n}\n", begin);
    const std::string_view own = std::string_view(text).substr(begin, end - begin);
    const bool collectives = own.find("sync") != own.npos || own.find("__shared__") != own.npos;
    impl_->kernels[name] = {impl_->symbol<Entry>(name + "_entry"), collectives};
  }
}
EmulatedModule::~EmulatedModule() = default;
EmulatedModule::EmulatedModule(EmulatedModule&&) noexcept = default;

std::string EmulatedModule::launch(const std::string& name, unsigned blocks, unsigned threads,
                                   void** arguments, Schedule schedule) {
  if (threads == 0 || threads > most_threads || blocks == 0)
    return "a grid of " + std::to_string(blocks) + " blocks of " + std::to_string(threads);
  const auto& [entry, collectives] = impl_->kernels.at(name);
  return Machine::instance().run({entry, arguments, blocks, threads, schedule, collectives,
                                  impl_->shared_begin, impl_->shared_end},
                                 impl_->machine);
}

}  // namespace weft::test
