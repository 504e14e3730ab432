#include "runtime/schedule.h"

#include <algorithm>
#include <set>
#include <utility>

namespace weft::runtime {
namespace {

using Role = codegen::ProgramBuffer::Role;

constexpr double worth_it = 0.95;  // a new order's peak over the old one's, at most

std::size_t index(int k) { return static_cast<std::size_t>(k); }

class Scheduler {
 public:
  explicit Scheduler(const codegen::Program& program)
      : program_(program),
        next_(program.launches.size()),
        missing_(program.launches.size(), 0),
        touched_(program.launches.size()),
        growth_(program.launches.size(), 0),
        done_(program.launches.size(), false),
        buffers_(program.buffers.size()) {
    for (const int k : program.results) buffers_[index(k)].stays = true;
    for (int step = 0; step < count(); ++step) depend(step);
  }

  std::vector<int> run() {
    for (int step = 0; step < count(); ++step) {
      growth_[index(step)] = grows(step);
      if (missing_[index(step)] == 0) ready_.emplace(growth_[index(step)], step);
    }
    std::vector<int> order;
    while (!ready_.empty()) {
      const int step = ready_.begin()->second;
      ready_.erase(ready_.begin());
      order.push_back(step);
      finish(step);
    }
    return order;
  }

 private:
  struct Buffer {
    int writer = -1;           // the last launch so far that writes it
    std::vector<int> readers;  // since then
    std::vector<int> users;    // all launches that touch it, each once
    int left = 0;              // users that have not run
    bool alive = false;
    bool stays = false;  // a result
  };

  int count() const { return static_cast<int>(program_.launches.size()); }

  /// Adds a launch behind those that write what it reads or touch what it writes.
  void depend(int step) {
    const codegen::Launch& launch = program_.launches[index(step)];
    std::set<int> before;
    for (std::size_t k = 0; k < launch.arguments.size(); ++k) {
      Buffer& buffer = buffers_[index(launch.arguments[k].buffer)];
      if (buffer.writer >= 0) before.insert(buffer.writer);
      if (launch.kernel->accesses[k].written)
        before.insert(buffer.readers.begin(), buffer.readers.end());
    }
    before.erase(step);
    for (const int earlier : before) next_[index(earlier)].push_back(step);
    missing_[index(step)] = static_cast<int>(before.size());
    for (std::size_t k = 0; k < launch.arguments.size(); ++k) {
      const int number = launch.arguments[k].buffer;
      Buffer& buffer = buffers_[index(number)];
      if (launch.kernel->accesses[k].written) {
        buffer.writer = step;
        buffer.readers.clear();
      } else if (buffer.writer != step) {
        buffer.readers.push_back(step);
      }
      if (!buffer.users.empty() && buffer.users.back() == step) continue;
      buffer.users.push_back(step);
      ++buffer.left;
      touched_[index(step)].push_back(number);
    }
  }

  /// Bytes alive behind a launch, over those before it.
  std::int64_t grows(int step) const {
    std::int64_t bytes = 0;
    for (const int k : touched_[index(step)]) {
      const codegen::ProgramBuffer& described = program_.buffers[index(k)];
      const Buffer& buffer = buffers_[index(k)];
      if (described.role != Role::temporary) continue;
      const auto size = static_cast<std::int64_t>(described.type.bytes());
      if (!buffer.alive) bytes += size;
      if (buffer.left == 1 && !buffer.stays) bytes -= size;
    }
    return bytes;
  }

  void finish(int step) {
    done_[index(step)] = true;
    for (const int k : touched_[index(step)]) {
      Buffer& buffer = buffers_[index(k)];
      const bool born = !std::exchange(buffer.alive, true);
      if (--buffer.left == 1 || born) look_again(buffer);
    }
    for (const int later : next_[index(step)])
      if (--missing_[index(later)] == 0) ready_.emplace(growth_[index(later)], later);
  }

  /// Launches that touch a buffer whose state has changed.
  void look_again(const Buffer& buffer) {
    for (const int user : buffer.users) {
      if (done_[index(user)]) continue;
      const std::int64_t before = std::exchange(growth_[index(user)], grows(user));
      if (missing_[index(user)] > 0 || before == growth_[index(user)]) continue;
      ready_.erase({before, user});
      ready_.emplace(growth_[index(user)], user);
    }
  }

  const codegen::Program& program_;
  std::vector<std::vector<int>> next_;     // by launch: those that wait for it
  std::vector<int> missing_;               // by launch: how many it waits for
  std::vector<std::vector<int>> touched_;  // by launch: buffers, each once
  std::vector<std::int64_t> growth_;       // by launch
  std::vector<bool> done_;
  std::vector<Buffer> buffers_;
  std::set<std::pair<std::int64_t, int>> ready_;
};

/// What any order needs: all results at the end, and at each launch what it touches.
std::size_t least_peak(const codegen::Program& program) {
  const auto bytes_of = [&](std::vector<int> numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    std::size_t bytes = 0;
    for (const int k : numbers)
      if (program.buffers[index(k)].role == Role::temporary)
        bytes += program.buffers[index(k)].type.bytes();
    return bytes;
  };
  std::size_t least = bytes_of(program.results);
  for (const codegen::Launch& launch : program.launches) {
    std::vector<int> touched;
    for (const codegen::Argument& argument : launch.arguments) touched.push_back(argument.buffer);
    least = std::max(least, bytes_of(std::move(touched)));
  }
  return least;
}

bool pays(std::size_t peak, std::size_t now) {
  return static_cast<double>(peak) <= worth_it * static_cast<double>(now);
}

}  // namespace

std::vector<int> memory_order(const codegen::Program& program) { return Scheduler(program).run(); }

Plan plan_launches(codegen::Program& program) {
  Plan plan = plan_memory(program);
  if (!pays(least_peak(program), plan.peak_bytes)) return plan;
  const std::vector<int> order = memory_order(program);
  std::vector<codegen::Launch> recorded = program.launches;
  for (std::size_t k = 0; k < order.size(); ++k) program.launches[k] = recorded[index(order[k])];
  Plan other = plan_memory(program);
  if (pays(other.peak_bytes, plan.peak_bytes)) return other;
  program.launches = std::move(recorded);
  return plan;
}

}  // namespace weft::runtime
