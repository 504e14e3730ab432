#include "frontend/jit_program.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "frontend/compile_options.h"
#include "frontend/evaluate.h"
#include "frontend/random_key.h"
#include "runtime/stack_array.h"

namespace weft::detail {
namespace {

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

bool same_step(const Step& a, const Step& b) {
  // A variable is itself: the trace may have put a gradient into its slot.
  if (a.kind == RecordKind::variable || a.kind != b.kind) return false;
  return a.type == b.type &&
         (a.kind != RecordKind::operation || (a.op == b.op && a.attrs == b.attrs));
}

/// Whether two chains make the same view of a storage.
bool same_chain(const Chain& a, const Chain& b) {
  const Step *x = a.get(), *y = b.get();
  for (; x != y; x = x->parent.get(), y = y->parent.get()) {
    if (x == nullptr || y == nullptr || !same_step(*x, *y)) return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<JitProgram> JitProgram::make(const SignatureKey& key, const TraceFunction& function,
                                             const CompileOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  auto program = std::make_unique<JitProgram>();
  // Arguments are traced apart from each other and from captures, so that calls with any views of
  // any storages match; only if that is wrong here, the function is traced once more.
  std::vector<Shared> shared;
  std::vector<Ref> values = program->trace(key.tensors(), function, shared);
  while (program->add_shared(key.tensors(), shared)) {
    program = std::make_unique<JitProgram>();
    values = program->trace(key.tensors(), function, shared);
  }
  program->release_shared(shared);
  program->writes_ = program->writes_captures_ || program->writes_arguments_ ||
                     !program->grads_.empty() || !program->cleared_grads_.empty();
  program->key_ = key.bytes();
  program->types_ = &key.types();
  Collected collected = graph_of(values, "jit");
  program->find_inputs(collected.inputs);
  program->graph_ = std::move(collected.graph);
  const Place place = common_place(values);
  for (Output& output : program->outputs_)
    if (output.layout->place != place) output.layout = layout_of(output.layout->type, place);
  program->output_values_ = std::move(values);
  program->trace_ms_ = milliseconds_since(start);
  program->executable_ = runtime::compile(program->graph_, runtime_options(options, place));
  return program;
}

/// Calls the function with placeholders; the values of the outputs.
std::vector<Ref> JitProgram::trace(Tensors given, const TraceFunction& function,
                                   const std::vector<Shared>& shared) {
  grad_mode_ = grad_enabled();
  for (const Tensor* t : given) {
    arguments_.push_back({impl_of(*t).layout, t->requires_grad(), nullptr});
  }
  Trace trace;
  for (const Shared& s : shared) trace.read(s.storage);  // the first captures
  std::vector<Tensor> arguments;
  for (std::size_t k = 0; k < given.size(); ++k) {
    arguments.push_back(placeholder_for(arguments_[k], impl_of(*given[k]), shared));
  }
  const TracedResult traced = function(arguments);
  std::vector<Ref> values;
  find_outputs(arguments, traced, trace, values);
  example_ = traced.example;
  captures_ = trace.captures();
  variables_ = trace.variables();
  seen_ = trace.seen();
  random_key_ = trace.random_key();
  random_streams_ = trace.random_streams();
  return values;
}

/// What the function gets for an argument: a tensor of its own, or a view of a capture.
Tensor JitProgram::placeholder_for(Argument& argument, const TensorImpl& impl,
                                   const std::vector<Shared>& shared) {
  const auto storage = std::find_if(shared.begin(), shared.end(),
                                    [&](const Shared& s) { return s.storage == impl.storage; });
  auto inner = std::make_shared<TensorImpl>();
  if (storage != shared.end()) {
    argument.shared = static_cast<std::size_t>(storage - shared.begin());
    argument.chain = impl.chain;
    inner->storage = impl.storage;
    inner->chain = impl.chain;
    if (impl.chain != nullptr) inner->slot = impl.chain->slot;
  } else {
    argument.placeholder =
        record_placeholder(layout_of(argument.layout->type, argument.layout->place));
    argument.placeholder->requires_grad = argument.requires_grad;
    inner->storage = std::make_shared<Storage>(argument.placeholder);
  }
  inner->layout = impl.layout;
  return Access::make(std::move(inner));
}

/// Adds the storages that the trace wrote in one way and that the call reaches in another, too.
bool JitProgram::add_shared(Tensors given, std::vector<Shared>& shared) const {
  const std::size_t before = shared.size();
  const auto add = [&](const StorageRef& storage, bool captured) {
    for (const Shared& s : shared) {
      if (s.storage == storage) return;
    }
    shared.push_back({storage, captured});
  };
  for (std::size_t k = 0; k < given.size(); ++k) {
    if (arguments_[k].shared != Trace::none) continue;
    const StorageRef& storage = impl_of(*given[k]).storage;
    for (const Trace::Capture& c : captures_) {
      if (c.storage == storage && (arguments_[k].written || c.written())) add(storage, true);
    }
    for (std::size_t j = 0; j < k; ++j) {
      const bool written = arguments_[k].written || arguments_[j].written;
      if (!written || impl_of(*given[j]).storage != storage) continue;
      const bool captured =
          std::any_of(captures_.begin(), captures_.end(),
                      [&](const Trace::Capture& c) { return c.storage == storage; });
      add(storage, captured);
    }
  }
  return shared.size() > before;
}

/// Storages that only arguments brought are let go: each call brings its own.
void JitProgram::release_shared(const std::vector<Shared>& shared) {
  for (std::size_t c = 0; c < shared.size(); ++c) {
    if (shared[c].captured) continue;
    const auto first = std::find_if(arguments_.begin(), arguments_.end(),
                                    [&](const Argument& a) { return a.shared == c; });
    captures_[c].argument = static_cast<std::size_t>(first - arguments_.begin());
    captures_[c].storage = nullptr;
  }
}

const StorageRef& JitProgram::storage_of(const Trace::Capture& capture, Tensors arguments) const {
  return capture.argument == Trace::none ? capture.storage
                                         : impl_of(*arguments[capture.argument]).storage;
}

/// Whether arguments and captures share what is written exactly where they did in the trace.
bool JitProgram::shares_as_traced(Tensors given) const {
  for (std::size_t k = 0; k < given.size(); ++k) {
    const Argument& argument = arguments_[k];
    const TensorImpl& impl = impl_of(*given[k]);
    if (argument.shared != Trace::none) {
      const Trace::Capture& c = captures_[argument.shared];
      const Ref value = impl.storage->value();
      if (impl.storage != storage_of(c, given) || value->type != c.placeholder->type ||
          value->requires_grad != c.placeholder->requires_grad ||
          !same_chain(impl.chain, argument.chain)) {
        return false;
      }
      continue;
    }
    for (const Trace::Capture& c : captures_) {
      if (impl.storage == storage_of(c, given) && (argument.written || c.written())) {
        return false;
      }
    }
    for (std::size_t j = 0; j < k; ++j) {
      const bool written = argument.written || arguments_[j].written;
      if (written && impl_of(*given[j]).storage == impl.storage) return false;
    }
  }
  return true;
}

/// Results, and what the function changed outside: arguments, captures, gradients.
void JitProgram::find_outputs(const std::vector<Tensor>& arguments, const TracedResult& traced,
                              const Trace& trace, std::vector<Ref>& values) {
  const auto add = [&](Output::To to, std::size_t index, Ref value) {
    outputs_.push_back({to, index, value->layout});
    values.push_back(std::move(value));
  };
  for (const Tensor& t : traced.tensors) {
    Ref value = read(t);
    differentiable_ |= value->requires_grad && !value->freed;
    add(Output::To::result, result_count_++, std::move(value));
  }
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (arguments_[k].shared != Trace::none) continue;
    Ref value = Storage::current(Access::impl(arguments[k])->storage);
    if (value == arguments_[k].placeholder) continue;
    arguments_[k].written = writes_arguments_ = true;
    add(Output::To::argument, k, std::move(value));
  }
  for (std::size_t k = 0; k < trace.captures().size(); ++k) {
    const Trace::Capture& capture = trace.captures()[k];
    if (!capture.written()) continue;
    writes_captures_ = true;
    add(Output::To::capture, k, capture.current);
  }
  for (const Trace::TouchedGrad& touched : trace.touched_grads()) {
    GradGuard guard{touched.slot, touched.was_defined, {}, touched.placeholder};
    if (guard.placeholder != nullptr) guard.type = guard.placeholder->type;
    const bool unchanged = touched.looked_at && touched.current.defined() == touched.was_defined &&
                           (!touched.was_defined || read(touched.current) == touched.placeholder);
    if (!touched.current.defined()) {
      if (!unchanged) cleared_grads_.push_back(touched.slot);
    } else if (!unchanged) {
      const bool same_tensor =
          touched.placeholder != nullptr && touched.current.is_same(touched.initial);
      add(same_tensor ? Output::To::grad_value : Output::To::grad_set, grads_.size(),
          read(touched.current));
    }
    guard.looked_at = touched.looked_at;
    grads_.push_back(std::move(guard));
  }
}

void JitProgram::find_inputs(const std::vector<Ref>& inputs) {
  std::unordered_map<const Record*, Input> known;
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    if (arguments_[k].shared != Trace::none) continue;
    known[arguments_[k].placeholder.get()] = {Input::From::argument, k};
  }
  for (std::size_t k = 0; k < captures_.size(); ++k) {
    known[captures_[k].placeholder.get()] = {Input::From::capture, k};
  }
  for (std::size_t k = 0; k < grads_.size(); ++k) {
    if (grads_[k].placeholder != nullptr) {
      known[grads_[k].placeholder.get()] = {Input::From::grad, k};
    }
  }
  if (random_key_ != nullptr) known[random_key_.get()] = {Input::From::random, 0};
  for (const Ref& r : inputs) {
    const auto found = known.find(r.get());
    if (found != known.end()) {
      inputs_.push_back(found->second);
    } else if (r->kind == RecordKind::placeholder) {
      fail("uses a value of another jit trace that has ended: " + r->type.str());
    } else {
      inputs_.push_back({Input::From::constant, constants_.size()});
      constants_.push_back(r);
    }
  }
}

bool JitProgram::matches(const SignatureKey& key, bool grad_mode) const {
  if (grad_mode != grad_mode_ || key.tensors().size() != arguments_.size() || key.bytes() != key_ ||
      key.types() != *types_) {
    return false;
  }
  for (const Trace::Seen& seen : seen_) {
    if (!seen.is_as_it_was()) return false;
  }
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    const Tensor& t = *key.tensors()[k];
    const Argument& expected = arguments_[k];
    if (!t.defined() || !same_layout(impl_of(t).layout, expected.layout) ||
        t.requires_grad() != expected.requires_grad) {
      return false;
    }
  }
  if ((writes_arguments_ || writes_captures_) && !shares_as_traced(key.tensors())) return false;
  for (const GradGuard& guard : grads_) {
    if (!guard.looked_at) continue;
    const Tensor grad = guard.slot->now();
    if (grad.defined() != guard.was_defined) return false;
    if (guard.was_defined && type_of(grad) != guard.type) return false;
  }
  return true;
}

bool JitProgram::is_dead() const {
  return std::any_of(seen_.begin(), seen_.end(),
                     [](const Trace::Seen& seen) { return seen.tensor.expired(); });
}

std::string JitProgram::difference(const SignatureKey& key, bool grad_mode) const {
  if (key.types() != *types_) return "the arguments have other C++ types";
  if (key.tensors().size() != arguments_.size() || key.bytes() != key_) {
    return "the arguments' structure or a number among them";
  }
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    const Tensor& t = *key.tensors()[k];
    const std::string which = "tensor " + std::to_string(k) + " of the arguments ";
    const Layout& expected = *arguments_[k].layout;
    if (type_of(t) != expected.type) {
      return which + "is " + type_of(t).str() + ", not " + expected.type.str();
    }
    if (t.stride() != expected.strides) return which + "has other strides";
    if (t.requires_grad() != arguments_[k].requires_grad) {
      return which + (t.requires_grad() ? "requires grad" : "does not require grad");
    }
  }
  if (is_dead()) return "a captured tensor was replaced by another one";
  for (const Trace::Seen& seen : seen_) {
    if (!seen.is_as_it_was()) return "a captured tensor's requires_grad changed";
  }
  if (grad_mode != grad_mode_) return grad_mode ? "grad mode is on" : "grad mode is off";
  if ((writes_arguments_ || writes_captures_) && !shares_as_traced(key.tensors())) {
    return "the arguments and captured tensors share other memory with each other";
  }
  return "a gradient that the function reads is defined or not";
}

Ref JitProgram::value_of_input(const Input& input, Tensors arguments) const {
  switch (input.from) {
    case Input::From::argument:
      return read(*arguments[input.index]);
    case Input::From::capture:
      return storage_of(captures_[input.index], arguments)->value();
    case Input::From::grad:
      return read(grads_[input.index].slot->now());
    case Input::From::random:
      return record_random_key(take_random_streams(random_streams_));
    case Input::From::constant:
      break;
  }
  return constants_[input.index];
}

/// The locks of what the call writes, in the order of their addresses.
std::vector<std::unique_lock<std::mutex>> JitProgram::lock_written(Tensors arguments) const {
  std::vector<std::mutex*> written;
  for (const Trace::Capture& capture : captures_) {
    if (capture.written()) written.push_back(&storage_of(capture, arguments)->calls());
  }
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    if (arguments_[k].written) written.push_back(&impl_of(*arguments[k]).storage->calls());
  }
  for (const GradGuard& guard : grads_) written.push_back(&guard.slot->calls);
  for (const auto& slot : cleared_grads_) written.push_back(&slot->calls);
  std::sort(written.begin(), written.end(), std::less<>());
  written.erase(std::unique(written.begin(), written.end()), written.end());
  std::vector<std::unique_lock<std::mutex>> locks;
  locks.reserve(written.size());
  for (std::mutex* mutex : written) locks.emplace_back(*mutex);
  return locks;
}

bool JitProgram::run(const SignatureKey& key, bool grad_mode, JitResults& room) const {
  const Tensors arguments = key.tensors();
  std::vector<std::unique_lock<std::mutex>> locks;
  if (writes_) {
    locks = lock_written(arguments);
    if (!matches(key, grad_mode)) return false;
  }
  const std::span<Tensor> results = room.resize(result_count_);
  differentiable_ ? run_recorded(arguments, results) : run_compiled(arguments, results);
  for (const auto& slot : cleared_grads_) slot->set(Tensor());
  return true;
}

JitProgram::Loans::~Loans() {
  for (const auto& [storage, k] : lent) {
    if (storage->is_lent()) storage->set_value(values[k]);
  }
}

/// Captured memory that the call replaces, and that nobody else refers to, may be written in place.
void JitProgram::lend_inputs(Loans& loans, Tensors arguments) const {
  if (!writes_captures_) return;
  loans.given = std::make_unique<bool[]>(inputs_.size());
  loans.lent.reserve(inputs_.size());
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    if (inputs_[k].from != Input::From::capture) continue;
    const Trace::Capture& capture = captures_[inputs_[k].index];
    if (!capture.written()) continue;
    Storage& storage = *storage_of(capture, arguments);
    loans.given[k] = storage.lend(loans.values[k]);
    if (loans.given[k]) loans.lent.emplace_back(&storage, k);
  }
}

void JitProgram::run_compiled(Tensors arguments, std::span<Tensor> results) const {
  runtime::StackArray<Ref, 16> values(inputs_.size());
  bool ready = true;
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    values[k] = value_of_input(inputs_[k], arguments);
    ready = ready && is_evaluated(values[k]);
  }
  if (!ready) evaluate(values);
  // What the call makes is there before it runs, so that it either happens or does not: once memory
  // may have been overwritten, nothing is allocated but for writes through views.
  runtime::StackArray<Ref, 8> made(outputs_.size());
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    made[k] = record_input({}, outputs_[k].layout);
    if (outputs_[k].to == Output::To::result) deliver(outputs_[k], made[k], arguments, results);
  }
  runtime::StackArray<runtime::Buffer, 8> buffers(outputs_.size());
  Loans loans(values);
  lend_inputs(loans, arguments);
  run_on(*executable_, values, loans.flags(), buffers);
  for (std::size_t k = 0; k < outputs_.size(); ++k) made[k]->buffer = std::move(buffers[k]);
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    if (outputs_[k].to != Output::To::result)
      deliver(outputs_[k], std::move(made[k]), arguments, results);
  }
}

// Gradients go through the results: the program is recorded once more on what the call is given,
// and autograd sees its operations.
void JitProgram::run_recorded(Tensors arguments, std::span<Tensor> results) const {
  std::unordered_map<const Record*, Ref> replaced;
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    if (arguments_[k].shared != Trace::none) continue;
    replaced[arguments_[k].placeholder.get()] = read(*arguments[k]);
  }
  for (const Trace::Capture& capture : captures_) {
    replaced[capture.placeholder.get()] = storage_of(capture, arguments)->value();
  }
  for (const Trace::Variable& variable : variables_) {
    const StorageRef& storage = storage_of(captures_[variable.capture], arguments);
    replaced[variable.record.get()] = read_chain(storage, variable.chain);
  }
  for (const GradGuard& guard : grads_) {
    if (guard.placeholder != nullptr) replaced[guard.placeholder.get()] = read(guard.slot->now());
  }
  if (random_key_ != nullptr) {
    replaced[random_key_.get()] = record_random_key(take_random_streams(random_streams_));
  }
  const std::vector<Ref> values = record_again(output_values_, std::move(replaced));
  for (std::size_t k = 0; k < values.size(); ++k) {
    deliver(outputs_[k], values[k], arguments, results);
  }
}

void JitProgram::deliver(const Output& output, Ref value, Tensors arguments,
                         std::span<Tensor> results) const {
  switch (output.to) {
    case Output::To::result:
      results[output.index] = wrap(std::move(value));
      break;
    case Output::To::argument:
      write(*arguments[output.index], std::move(value));
      break;
    case Output::To::capture:
      Storage::replace(storage_of(captures_[output.index], arguments), std::move(value));
      break;
    case Output::To::grad_value:
      write(grads_[output.index].slot->now(), std::move(value));
      break;
    case Output::To::grad_set:
      grads_[output.index].slot->set(wrap(std::move(value)));
      break;
  }
}

std::vector<Ref> record_again(const std::vector<Ref>& values,
                              std::unordered_map<const Record*, Ref> replaced) {
  struct Frame {
    Ref record;
    std::size_t next;
  };
  const GradModeGuard restore(grad_enabled());
  std::vector<Frame> stack;
  const auto enter = [&](const Ref& r) {
    if (replaced.contains(r.get())) return;
    if (!r->traced) {
      replaced[r.get()] = r;
    } else {
      stack.push_back({r, 0});
    }
  };
  for (const Ref& value : values) {
    enter(value);
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next < top.record->operands.size()) {
        enter(top.record->operands[top.next++]);
        continue;
      }
      const Ref r = std::move(top.record);
      stack.pop_back();
      if (replaced.contains(r.get())) continue;
      std::vector<Ref> operands;
      for (const Ref& operand : r->operands) operands.push_back(replaced.at(operand.get()));
      set_grad_enabled(r->requires_grad);
      Ref copy = r->is_identity()
                     ? record_identity(r->kind, operands[0])
                     : record_typed(r->op, std::move(operands), r->attrs, r->type, r->where);
      copy->label = r->label;
      copy->slot = r->slot;
      copy->freed = r->freed;
      replaced[r.get()] = std::move(copy);
    }
  }
  std::vector<Ref> again;
  for (const Ref& value : values) again.push_back(replaced.at(value.get()));
  return again;
}

}  // namespace weft::detail
