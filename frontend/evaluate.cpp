#include "frontend/evaluate.h"

#include <cstring>
#include <unordered_set>

#include "frontend/compile_options.h"
#include "frontend/literals.h"
#include "frontend/numbering.h"
#include "frontend/storage.h"
#include "frontend/trace.h"
#include "ir/builder.h"
#include "runtime/cuda/device.h"
#include "runtime/stack_array.h"

namespace weft::detail {
namespace {

/// Walks records from results to operands, each once, operands first. The graph mutex is held.
class Collector {
 public:
  /// Adds the records that `root` needs and that are not evaluated.
  void add(const Ref& root) {
    enter(resolve(root));
    while (!stack_.empty()) {
      Frame& top = stack_.back();
      if (top.next < top.record->operands.size()) {
        enter(resolve(top.record->operands[top.next++]));
      } else {
        order_.push_back(*top.from);
        stack_.pop_back();
      }
    }
  }

  bool knows(const Record* r) const { return numbers_.find(r) != Numbering::none; }
  const Numbering& numbers() const { return numbers_; }
  const std::vector<Ref>& inputs() const { return inputs_; }
  const std::vector<Ref>& order() const { return order_; }
  std::size_t size() const { return numbers_.size(); }

 private:
  struct Frame {
    const Ref* from;
    const Record* record;
    std::size_t next;
  };

  void enter(const Ref& r) {
    if (!numbers_.add(r.get())) return;
    if (r->evaluated.load(std::memory_order_acquire) || r->kind == RecordKind::placeholder) {
      inputs_.push_back(r);
    } else {
      stack_.push_back({&r, r.get(), 0});
    }
  }

  Numbering numbers_;
  std::vector<Frame> stack_;
  std::vector<Ref> inputs_, order_;
};

/// Whether a pending value shares work or inputs with what is collected: then it is computed with
/// it, as in a training step, where the new parameters belong to the loss that is looked at. Looks
/// at no more than `budget` records.
bool shares_work(const Ref& value, const Collector& collected, std::size_t& budget) {
  Numbering seen(16);
  std::vector<const Record*> stack{value.get()};
  while (!stack.empty() && budget > 0) {
    const Record* r = stack.back();
    stack.pop_back();
    if (!seen.add(r)) continue;
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
      r.requires_grad && !r.freed &&
      (ir::def(r.op).kind == ir::Kind::contract || ir::def(r.op).kind == ir::Kind::attention);
  return r.holders.load(std::memory_order_relaxed) > 0 || saved_for_backward;
}

/// The graph of the collected records. Lifted numbers become parameters behind the inputs.
Collected build(const Collector& collected, std::vector<Ref> outputs, const char* name,
                const std::vector<LiftedNumber>& lifted = {}) {
  ir::Builder b(name, collected.size());
  std::vector<Ref> inputs = collected.inputs();
  std::vector<ir::Value> values(collected.size());  // by number
  std::vector<bool> known(collected.size(), false);
  const auto parameter = [&](const Ref& r) {
    return b.parameter(r->type, "p" + std::to_string(b.size()), r->where);
  };
  const auto know = [&](const Ref& r, ir::Value value) {
    const std::uint32_t number = collected.numbers().find(r.get());
    known[number] = true;
    values[number] = value;
  };
  for (const Ref& r : inputs) know(r, parameter(r));
  std::vector<std::uint64_t> numbers;
  for (const LiftedNumber& number : lifted) {
    const ir::Value value = parameter(collected.order()[number.places.front()]);
    for (const std::size_t place : number.places) know(collected.order()[place], value);
    numbers.push_back(number.bits);
  }
  std::vector<ir::Value> operands;
  for (const Ref& r : collected.order()) {
    const std::uint32_t number = collected.numbers().find(r.get());
    if (known[number]) continue;
    operands.clear();
    for (const Ref& operand : r->operands) {
      operands.push_back(values[collected.numbers().find(resolve(operand).get())]);
    }
    b.set_location(r->where);
    values[number] = b.add_node(r->op, operands, r->attrs);
  }
  std::vector<ir::Value> results;
  for (const Ref& r : outputs) results.push_back(values[collected.numbers().find(r.get())]);
  return {b.finish(std::move(results)), std::move(inputs), std::move(numbers), std::move(outputs)};
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
    r.evaluated.store(true, std::memory_order_release);
    if (r.requires_grad && !r.freed) continue;
    for (Ref& operand : r.operands) garbage.push_back(std::move(operand));
    r.operands.clear();
  }
  return garbage;
}

/// Where a slice starts in its operand's elements, if it takes consecutive ones.
std::optional<std::int64_t> start_of_run(const Record& slice) {
  const ir::Ints& start = slice.attrs.ints("start");
  const ir::Shape& from = slice.operands[0]->type.shape;
  const std::vector<std::int64_t> strides = ir::row_major_strides(from);
  std::int64_t offset = 0;
  bool inside = false;  // an outer axis has more than one position: the rest must be whole
  for (std::size_t k = 0; k < from.size(); ++k) {
    const std::int64_t size = slice.type.shape[k];
    if (inside && size != from[k]) return std::nullopt;
    if (size > 1 && slice.attrs.ints("stride")[k] != 1) return std::nullopt;
    inside = inside || size > 1;
    offset += start[k] * strides[k];
  }
  return offset;
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

Collected collect(std::span<const Ref> asked, Extent extent) {
  const std::vector<Ref> pending = extent == Extent::live ? pending_values() : std::vector<Ref>();
  std::vector<Ref> outputs;
  std::unordered_set<const Record*> chosen;
  const auto choose = [&](const Ref& r) {
    if (chosen.insert(r.get()).second) outputs.push_back(r);
  };

  const std::lock_guard lock(graph_mutex());
  Collector collector;
  for (const Ref& r : asked) {
    const Ref& behind = resolve(r);
    if (behind->evaluated.load(std::memory_order_acquire)) continue;
    collector.add(behind);
    choose(behind);
  }
  std::size_t budget = 1024 + 4 * collector.size();
  const Place place = asked.empty() ? Place::cpu() : resolve(asked[0])->place().or_cpu();
  const auto lies_here = [&](const Record& r) { return r.place().or_cpu() == place; };
  for (const Ref& value : pending) {
    if (!value->traced && lies_here(*value) && !collector.knows(value.get()) &&
        shares_work(value, collector, budget)) {
      collector.add(value);
      choose(value);
    }
  }
  for (const Ref& r : collector.order()) {
    if (is_kept(*r) && lies_here(*r)) choose(r);
  }
  // A device gets each argument by a copy.
  const Lifting lifting = place == Place::cpu() ? Lifting::any : Lifting::changed;
  const std::vector<LiftedNumber> lifted =
      lifted_numbers(collector.order(), outputs, collector.numbers(), lifting);
  return build(collector, std::move(outputs), "eval", lifted);
}

Collected graph_of(std::span<const Ref> results, const char* name) {
  std::vector<Ref> outputs;
  const std::lock_guard lock(graph_mutex());
  Collector collector;
  for (const Ref& r : results) {
    collector.add(r);
    outputs.push_back(resolve(r));
  }
  return build(collector, std::move(outputs), name);
}

namespace {

/// Numbers in memory, since a program may return them.
class NumberBuffers {
 public:
  NumberBuffers(const runtime::Executable& executable, std::size_t first,
                std::span<const std::uint64_t> numbers)
      : buffers_(numbers.size()) {
    if (numbers.empty()) return;
    const ir::Graph& graph = executable.fused_graph();
    const runtime::Buffer all = runtime::allocate(numbers.size_bytes());
    std::memcpy(all.data(), numbers.data(), numbers.size_bytes());
    for (std::size_t k = 0; k < numbers.size(); ++k)
      buffers_[k] = {{all.memory, static_cast<std::uint64_t*>(all.data()) + k},
                     graph.type(graph.param(first + k)).bytes()};
  }
  const runtime::Buffer& operator[](std::size_t k) const { return buffers_[k]; }

 private:
  std::vector<runtime::Buffer> buffers_;
};

/// Memory of others may get another buffer during the call, where somebody writes to it: the call
/// keeps the one that it began with, and copies what it returns of it. `pointers`: of inputs, and
/// behind them of what else the program gets.
void run_on_external(const runtime::Executable& executable, std::span<const Ref> inputs,
                     std::span<const runtime::Buffer*> pointers, std::span<const bool> donated,
                     std::span<runtime::Buffer> results) {
  std::vector<runtime::Buffer> kept(inputs.size());
  std::vector<bool> external(inputs.size());
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Ref& r = resolve(inputs[k]);
    pointers[k] = &r->buffer;
    external[k] = r->external.load(std::memory_order_acquire);
    if (!external[k]) continue;
    const std::lock_guard lock(graph_mutex());
    kept[k] = r->buffer;
    pointers[k] = &kept[k];
  }
  executable.run_into(pointers, donated, results);
  for (runtime::Buffer& result : results) {
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (!external[k] || result.data() != kept[k].data()) continue;
      runtime::Buffer copy = runtime::allocate(result.bytes);
      std::memcpy(copy.data(), result.data(), result.bytes);
      result = std::move(copy);
      break;
    }
  }
}

}  // namespace

void run_on(const runtime::Executable& executable, std::span<const Ref> inputs,
            std::span<const bool> donated, std::span<runtime::Buffer> results,
            std::span<const std::uint64_t> numbers) {
  const NumberBuffers values(executable, inputs.size(), numbers);
  runtime::StackArray<const runtime::Buffer*, 32> pointers(inputs.size() + numbers.size());
  for (std::size_t k = 0; k < numbers.size(); ++k) pointers[inputs.size() + k] = &values[k];
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Ref& r = resolve(inputs[k]);
    if (r->external.load(std::memory_order_acquire))
      return run_on_external(executable, inputs, pointers, donated, results);
    pointers[k] = &r->buffer;
  }
  executable.run_into(pointers, donated, results);
}

void evaluate(std::span<const Ref> asked) {
  bool missing = false;
  for (const Ref& r : asked) {
    if (is_evaluated(r)) continue;
    if (r->traced) fail_traced(*resolve(r));
    missing = true;
  }
  if (!missing) return;
  const auto place_of_first = resolve(asked[0])->place().or_cpu();
  std::vector<Ref> here, elsewhere;
  for (const Ref& r : asked)
    (resolve(r)->place().or_cpu() == place_of_first ? here : elsewhere).push_back(r);
  if (!elsewhere.empty()) {
    evaluate(elsewhere);
    return evaluate(here);
  }
  const auto compute = [&](Extent extent) {
    const Collected collected = collect(asked, extent);
    const auto executable =
        runtime::compile(collected.graph, runtime_options(compile_options(), place_of_first));
    std::vector<runtime::Buffer> results(collected.outputs.size());
    run_on(*executable, collected.inputs, {}, results, collected.numbers);
    const std::vector<Ref> garbage = store(collected.outputs, std::move(results));
  };
  try {
    compute(Extent::live);
  } catch (const Error&) {
    // Nobody asked for what else is live: if that is what failed, it fails when it is looked at.
    compute(Extent::asked);
  }
}

std::optional<MemoryView> memory_of_view(const Ref& r) {
  const std::lock_guard lock(graph_mutex());
  std::size_t offset = 0;
  const Ref* at = &resolve(r);
  while (!(*at)->evaluated.load(std::memory_order_acquire)) {
    const Record& step = **at;
    if (step.kind != RecordKind::operation) return std::nullopt;
    if (step.op == ir::Op::slice) {
      const auto start = start_of_run(step);
      if (!start) return std::nullopt;
      offset += static_cast<std::size_t>(*start) * size_of(step.type.dtype);
    } else if (step.op != ir::Op::reshape) {
      return std::nullopt;
    }
    at = &resolve(step.operands[0]);
  }
  if ((*at)->buffer.device != nullptr) return std::nullopt;
  return MemoryView{*at, static_cast<const std::byte*>((*at)->buffer.data()) + offset};
}

runtime::Buffer host_value_of(const Ref& r) {
  runtime::Buffer buffer = value_of(r);
  return buffer.device == nullptr ? buffer : buffer.device->device().to_host(buffer);
}

Place common_place(std::span<const Ref> values) {
  Place place;
  for (const Ref& value : values) {
    if (value->place().is_any() || value->place() == place) continue;
    if (!place.is_any()) fail_mixed(place, value->place());
    place = value->place();
  }
  return place.or_cpu();
}

runtime::Buffer value_of(const Ref& r) {
  evaluate({&r, 1});
  const Record& value = *resolve(r);
  // Only memory of others is ever exchanged for other memory.
  if (!value.external.load(std::memory_order_acquire)) return value.buffer;
  const std::lock_guard lock(graph_mutex());
  return value.buffer;
}

}  // namespace weft::detail
