#include "codegen/llvm/issue_order.h"

#include <algorithm>

#include "codegen/llvm/plan.h"

namespace weft::codegen::cpu {
namespace {

using ir::ScalarOp;

// Cycles, as on recent x86 processors.
int latency(const ir::ScalarInst& inst) {
  switch (inst.op) {
    case ScalarOp::constant:
    case ScalarOp::bitcast:
      return 0;
    case ScalarOp::param:
      return 7;
    case ScalarOp::div:
    case ScalarOp::rem:
      return 14;
    case ScalarOp::sqrt:
      return 20;
    default:
      return is_float(inst.dtype) && inst.op != ScalarOp::select ? 4 : 1;
  }
}

// A list scheduler: time goes on by one for each instruction that takes any.
class Scheduler {
 public:
  Scheduler(const BodyPlan& plan, int registers)
      : plan_(plan),
        most_alive_(registers * 3 / 4),
        users_(plan.facts.size()),
        height_(plan.facts.size(), 0),
        waits_for_(plan.facts.size(), 0),
        unread_(plan.facts.size(), 0),
        ready_at_(plan.facts.size(), 0) {
    for (int id = 0; id < count(); ++id) {
      if (!takes_part(id)) continue;
      for (int arg : args(id)) {
        users_[at(arg)].push_back(id);
        ++waits_for_[at(id)];
        ++unread_[at(arg)];
      }
      if (waits_for_[at(id)] == 0) ready_.push_back(id);
    }
    for (int id = count(); id-- > 0;) {
      for (int user : users_[at(id)])
        height_[at(id)] = std::max(height_[at(id)], height_[at(user)]);
      height_[at(id)] += latency(plan.inst(id));
    }
  }

  std::vector<int> run() {
    std::vector<int> order;
    while (!ready_.empty()) {
      const auto chosen = choose();
      const int id = *chosen;
      ready_.erase(chosen);
      order.push_back(id);
      issue(id);
    }
    return order;
  }

 private:
  static std::size_t at(int id) { return static_cast<std::size_t>(id); }
  int count() const { return static_cast<int>(plan_.facts.size()); }
  bool takes_part(int id) const {
    const BodyPlan::Fact& fact = plan_.facts[at(id)];
    return fact.live && fact.moving && plan_.inst(id).op != ScalarOp::constant;
  }
  /// Each operand once.
  std::vector<int> args(int id) const {
    std::vector<int> all;
    for (std::int32_t arg : plan_.inst(id).args)
      if (arg >= 0 && takes_part(arg) && std::find(all.begin(), all.end(), arg) == all.end())
        all.push_back(arg);
    return all;
  }
  int freed_by(int id) const {
    int freed = 0;
    for (int arg : args(id)) freed += unread_[at(arg)] == 1;
    return freed;
  }

  std::vector<int>::iterator choose() {
    // With all registers in use, what frees some, else what was written first.
    if (alive_ >= most_alive_)
      return std::min_element(ready_.begin(), ready_.end(), [&](int a, int b) {
        const int frees_a = freed_by(a), frees_b = freed_by(b);
        return frees_a != frees_b ? frees_a > frees_b : a < b;
      });
    for (;; ++now_) {
      auto best = ready_.end();
      for (auto id = ready_.begin(); id != ready_.end(); ++id)
        if (ready_at_[at(*id)] <= now_ && (best == ready_.end() || goes_before(*id, *best)))
          best = id;
      if (best != ready_.end()) return best;
    }
  }
  bool goes_before(int a, int b) const {
    return height_[at(a)] != height_[at(b)] ? height_[at(a)] > height_[at(b)] : a < b;
  }

  void issue(int id) {
    alive_ += 1 - freed_by(id);
    for (int arg : args(id)) --unread_[at(arg)];
    if (unread_[at(id)] == 0) --alive_;  // read outside only
    const int done = now_ + latency(plan_.inst(id));
    if (latency(plan_.inst(id)) > 1) ++now_;
    for (int user : users_[at(id)]) {
      ready_at_[at(user)] = std::max(ready_at_[at(user)], done);
      if (--waits_for_[at(user)] == 0) ready_.push_back(user);
    }
  }

  const BodyPlan& plan_;
  int most_alive_, alive_ = 0, now_ = 0;
  std::vector<std::vector<int>> users_;
  std::vector<int> height_, waits_for_, unread_, ready_at_;
  std::vector<int> ready_;
};

}  // namespace

std::vector<int> issue_order(const BodyPlan& plan, int registers) {
  return Scheduler(plan, registers).run();
}

}  // namespace weft::codegen::cpu
