#include "frontend/evaluate.h"

#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "frontend/compile_options.h"
#include "frontend/storage.h"
#include "frontend/trace.h"
#include "ir/builder.h"

namespace weft::detail {
namespace {

/// Walks records from results to operands, each once, operands first.
class Collector {
 public:
  /// Adds the records that `root` needs and that are not evaluated.
  void add(const Ref& root) {
    std::vector<Frame> stack;
    enter(resolve(root), stack);
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next < top.record->operands.size()) {
        enter(resolve(top.record->operands[top.next++]), stack);
      } else {
        order_.push_back(top.record);
        stack.pop_back();
      }
    }
  }

  bool knows(const Record* r) const { return seen_.contains(r); }
  const std::vector<Ref>& inputs() const { return inputs_; }
  const std::vector<Ref>& order() const { return order_; }
  std::size_t size() const { return seen_.size(); }

 private:
  struct Frame {
    Ref record;
    std::size_t next;
  };

  void enter(const Ref& r, std::vector<Frame>& stack) {
    if (!seen_.insert(r.get()).second) return;
    if (r->evaluated.load(std::memory_order_acquire) || r->kind == RecordKind::placeholder) {
      inputs_.push_back(r);
    } else {
      stack.push_back({r, 0});
    }
  }

  std::unordered_set<const Record*> seen_;
  std::vector<Ref> inputs_, order_;
};

/// Whether a pending value shares work or inputs with what is collected: then it is computed with
/// it, as in a training step, where the new parameters belong to the loss that is looked at. Looks
/// at no more than `budget` records.
bool shares_work(const Ref& value, const Collector& collected, std::size_t& budget) {
  std::unordered_set<const Record*> seen;
  std::vector<const Record*> stack{value.get()};
  while (!stack.empty() && budget > 0) {
    const Record* r = stack.back();
    stack.pop_back();
    if (!seen.insert(r).second) continue;
    --budget;
    if (collected.knows(r)) return true;
    if (r->evaluated.load(std::memory_order_acquire)) continue;
    for (const Ref& operand : r->operands) stack.push_back(resolve(operand).get());
  }
  return false;
}

/// Values that others will ask for: they are stored although nobody asked now.
bool is_kept(const Record& r) {
  if (r.op == ir::Op::constant) return false;
  const bool saved_for_backward =
      r.requires_grad && !r.freed && ir::def(r.op).kind == ir::Kind::contract;
  return r.holders.load(std::memory_order_relaxed) > 0 || saved_for_backward;
}

ir::Graph build(const Collector& collected, const std::vector<Ref>& outputs, const char* name) {
  ir::Builder b(name);
  std::unordered_map<const Record*, ir::Value> values;
  for (std::size_t k = 0; k < collected.inputs().size(); ++k) {
    const Ref& r = collected.inputs()[k];
    values[r.get()] = b.parameter(r->type, "p" + std::to_string(k), r->where);
  }
  std::vector<ir::Value> operands;
  for (const Ref& r : collected.order()) {
    operands.clear();
    for (const Ref& operand : r->operands) operands.push_back(values.at(resolve(operand).get()));
    b.set_location(r->where);
    values[r.get()] = b.add_node(r->op, operands, r->attrs);
  }
  std::vector<ir::Value> results;
  for (const Ref& r : outputs) results.push_back(values.at(r.get()));
  return b.finish(std::move(results));
}

/// Results become the values of their records. What gradients do not need is let go; the caller
/// destroys it without the mutex.
std::vector<Ref> store(const std::vector<Ref>& outputs, std::vector<runtime::Buffer> buffers) {
  std::vector<Ref> garbage;
  const std::lock_guard lock(graph_mutex());
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    Record& r = *outputs[k];
    if (r.evaluated.load(std::memory_order_acquire)) continue;  // another thread was faster
    r.buffer = std::move(buffers[k]);
    r.depth = 0;
    r.evaluated.store(true, std::memory_order_release);
    if (r.requires_grad && !r.freed) continue;
    for (Ref& operand : r.operands) garbage.push_back(std::move(operand));
    r.operands.clear();
  }
  return garbage;
}

[[noreturn]] void fail_traced(const Record& r) {
  const std::string what = r.type.str() + (r.where.known() ? ", recorded at " + r.where.str() : "");
  if (Trace::current() != nullptr) {
    fail("looks at a value that is not known while jit records a function: " + what +
         "; return it from the function, or choose with where()");
  }
  fail("the value belongs to a jit trace that has ended: " + what +
       "; return it from the jitted function, or write it in place");
}

}  // namespace

Collected collect(std::span<const Ref> asked) {
  const std::vector<Ref> pending = pending_values();
  Collector collector;
  std::vector<Ref> outputs;
  std::unordered_set<const Record*> chosen;
  const auto choose = [&](const Ref& r) {
    if (chosen.insert(r.get()).second) outputs.push_back(r);
  };

  const std::lock_guard lock(graph_mutex());
  for (const Ref& r : asked) {
    const Ref& behind = resolve(r);
    if (behind->evaluated.load(std::memory_order_acquire)) continue;
    collector.add(behind);
    choose(behind);
  }
  std::size_t budget = 1024 + 4 * collector.size();
  for (const Ref& value : pending) {
    if (!value->traced && !collector.knows(value.get()) && shares_work(value, collector, budget)) {
      collector.add(value);
      choose(value);
    }
  }
  for (const Ref& r : collector.order()) {
    if (is_kept(*r)) choose(r);
  }
  ir::Graph graph = build(collector, outputs, "eval");
  return {std::move(graph), collector.inputs(), std::move(outputs)};
}

Collected graph_of(std::span<const Ref> results, const char* name) {
  Collector collector;
  std::vector<Ref> outputs;
  const std::lock_guard lock(graph_mutex());
  for (const Ref& r : results) {
    collector.add(r);
    outputs.push_back(resolve(r));
  }
  ir::Graph graph = build(collector, outputs, name);
  return {std::move(graph), collector.inputs(), std::move(outputs)};
}

std::vector<runtime::Buffer> run_on(const runtime::Executable& executable,
                                    std::span<const Ref> inputs) {
  std::vector<runtime::Buffer> buffers;
  buffers.reserve(inputs.size());
  bool external = false;
  for (const Ref& r : inputs) {
    const Ref& behind = resolve(r);
    external = external || behind->external;
    buffers.push_back(behind->buffer);
  }
  std::vector<runtime::Buffer> results = executable.run(buffers);
  if (!external) return results;
  for (const Ref& r : inputs) {
    if (!resolve(r)->external) continue;
    for (runtime::Buffer& result : results) {
      if (result.data() != resolve(r)->buffer.data()) continue;
      runtime::Buffer copy = runtime::allocate(result.bytes);
      std::memcpy(copy.data(), result.data(), result.bytes);
      result = std::move(copy);
    }
  }
  return results;
}

void evaluate(std::span<const Ref> asked) {
  bool missing = false;
  for (const Ref& r : asked) {
    if (is_evaluated(r)) continue;
    if (r->traced) fail_traced(*resolve(r));
    missing = true;
  }
  if (!missing) return;
  const Collected collected = collect(asked);
  const auto executable = runtime::compile(collected.graph, runtime_options(compile_options()));
  const std::vector<Ref> garbage = store(collected.outputs, run_on(*executable, collected.inputs));
}

runtime::Buffer value_of(const Ref& r) {
  evaluate({&r, 1});
  const std::lock_guard lock(graph_mutex());
  return resolve(r)->buffer;
}

}  // namespace weft::detail
