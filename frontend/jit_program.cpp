#include "frontend/jit_program.h"

#include <algorithm>
#include <chrono>

#include "frontend/compile_options.h"
#include "frontend/evaluate.h"
#include "frontend/random_key.h"

namespace weft::detail {
namespace {

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace

std::unique_ptr<JitProgram> JitProgram::make(const SignatureKey& key, const TraceFunction& function,
                                             const CompileOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  auto program = std::make_unique<JitProgram>();
  program->key_ = key.bytes();
  program->grad_mode_ = grad_enabled();
  std::vector<Ref> values;
  {
    Trace trace;
    std::vector<Tensor> arguments;
    for (const Tensor* t : key.tensors()) {
      Argument argument{type_of(*t), t->shape(), t->requires_grad(), nullptr};
      argument.placeholder = record_placeholder(argument.type);
      argument.placeholder->requires_grad = argument.requires_grad;
      arguments.push_back(wrap(argument.placeholder));
      program->arguments_.push_back(std::move(argument));
    }
    const TracedResult traced = function(arguments);
    program->find_outputs(arguments, traced, trace, values);
    program->example_ = traced.example;
    program->captures_ = trace.captures();
    program->variables_ = trace.variables();
    program->random_key_ = trace.random_key();
    program->random_streams_ = trace.random_streams();
  }
  Collected collected = graph_of(values, "jit");
  program->find_inputs(collected.inputs);
  program->graph_ = std::move(collected.graph);
  program->output_values_ = std::move(values);
  program->trace_ms_ = milliseconds_since(start);
  program->executable_ = runtime::compile(program->graph_, runtime_options(options));
  return program;
}

/// Results, and what the function changed outside: arguments, captures, gradients.
void JitProgram::find_outputs(const std::vector<Tensor>& arguments, const TracedResult& traced,
                              const Trace& trace, std::vector<Ref>& values) {
  const auto add = [&](Output::To to, std::size_t index, Ref value) {
    outputs_.push_back({to, index, value->type});
    values.push_back(std::move(value));
  };
  for (const Tensor& t : traced.tensors) {
    Ref value = read(t);
    differentiable_ |= value->requires_grad && !value->freed;
    add(Output::To::result, result_count_++, std::move(value));
  }
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    Ref value = Access::impl(arguments[k])->storage->current();
    if (value != arguments_[k].placeholder) add(Output::To::argument, k, std::move(value));
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
  if (grad_mode != grad_mode_ || key.tensors().size() != arguments_.size() || key.bytes() != key_) {
    return false;
  }
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    const Tensor& t = *key.tensors()[k];
    const Argument& expected = arguments_[k];
    const TensorImpl& impl = impl_of(t);
    if (impl.dtype != expected.type.dtype || impl.shape != expected.shape ||
        t.requires_grad() != expected.requires_grad) {
      return false;
    }
  }
  for (const GradGuard& guard : grads_) {
    if (!guard.looked_at) continue;
    const Tensor& grad = guard.slot->grad;
    if (grad.defined() != guard.was_defined) return false;
    if (guard.was_defined && type_of(grad) != guard.type) return false;
  }
  return true;
}

std::string JitProgram::difference(const SignatureKey& key, bool grad_mode) const {
  if (key.tensors().size() != arguments_.size() || key.bytes() != key_) {
    return "the arguments' structure or a number among them";
  }
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    const Tensor& t = *key.tensors()[k];
    const std::string which = "tensor " + std::to_string(k) + " of the arguments ";
    if (type_of(t) != arguments_[k].type) {
      return which + "is " + type_of(t).str() + ", not " + arguments_[k].type.str();
    }
    if (t.requires_grad() != arguments_[k].requires_grad) {
      return which + (t.requires_grad() ? "requires grad" : "does not require grad");
    }
  }
  if (grad_mode != grad_mode_) return grad_mode ? "grad mode is on" : "grad mode is off";
  return "a gradient that the function reads is defined or not";
}

Ref JitProgram::value_of_input(const Input& input, std::span<const Tensor* const> arguments) const {
  switch (input.from) {
    case Input::From::argument:
      return read(*arguments[input.index]);
    case Input::From::capture:
      return captures_[input.index].storage->value();
    case Input::From::grad:
      return read(grads_[input.index].slot->grad);
    case Input::From::random:
      return record_random_key(take_random_streams(random_streams_));
    case Input::From::constant:
      break;
  }
  return constants_[input.index];
}

void JitProgram::run(std::span<const Tensor* const> arguments, std::vector<Tensor>& results) const {
  results.resize(result_count_);
  differentiable_ ? run_recorded(arguments, results) : run_compiled(arguments, results);
  for (const auto& slot : cleared_grads_) slot->grad = Tensor();
}

/// Captured memory that the call replaces, and that nobody else refers to, may be written in place.
JitProgram::Donations JitProgram::donations(const std::vector<Ref>& values) const {
  Donations donated;
  if (!writes_captures_) return donated;
  donated.count = inputs_.size();
  donated.given = std::make_unique<bool[]>(donated.count);
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    if (inputs_[k].from != Input::From::capture) continue;
    const Trace::Capture& capture = captures_[inputs_[k].index];
    const Ref& value = values[k];
    // One reference is the storage's, the other is in `values`.
    donated.given[k] = capture.written() && !capture.storage->is_external() &&
                       value == capture.storage->value() && value.use_count() == 2 &&
                       value->buffer.memory.use_count() == 1;
  }
  return donated;
}

void JitProgram::run_compiled(std::span<const Tensor* const> arguments,
                              std::vector<Tensor>& results) const {
  std::vector<Ref> values;
  values.reserve(inputs_.size());
  bool ready = true;
  for (const Input& input : inputs_) {
    values.push_back(value_of_input(input, arguments));
    ready = ready && is_evaluated(values.back());
  }
  if (!ready) evaluate(values);
  const Donations donated = donations(values);
  std::vector<runtime::Buffer> outputs = run_on(*executable_, values, donated.flags());
  values.clear();
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    deliver(outputs_[k], record_input(std::move(outputs[k]), outputs_[k].type), arguments, results);
  }
}

// Gradients go through the results: the program is recorded once more on what the call is given,
// and autograd sees its operations.
void JitProgram::run_recorded(std::span<const Tensor* const> arguments,
                              std::vector<Tensor>& results) const {
  std::unordered_map<const Record*, Ref> replaced;
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    replaced[arguments_[k].placeholder.get()] = read(*arguments[k]);
  }
  for (const Trace::Capture& capture : captures_) {
    replaced[capture.placeholder.get()] = capture.storage->value();
  }
  for (const Trace::Variable& variable : variables_) {
    replaced[variable.record.get()] = read_chain(*variable.storage, variable.chain);
  }
  for (const GradGuard& guard : grads_) {
    if (guard.placeholder != nullptr) replaced[guard.placeholder.get()] = read(guard.slot->grad);
  }
  if (random_key_ != nullptr) {
    replaced[random_key_.get()] = record_random_key(take_random_streams(random_streams_));
  }
  const std::vector<Ref> values = record_again(output_values_, std::move(replaced));
  for (std::size_t k = 0; k < values.size(); ++k) {
    deliver(outputs_[k], values[k], arguments, results);
  }
}

void JitProgram::deliver(const Output& output, Ref value, std::span<const Tensor* const> arguments,
                         std::vector<Tensor>& results) const {
  switch (output.to) {
    case Output::To::result:
      results[output.index] = wrap(std::move(value));
      break;
    case Output::To::argument:
      write(*arguments[output.index], std::move(value));
      break;
    case Output::To::capture:
      captures_[output.index].storage->replace(std::move(value));
      break;
    case Output::To::grad_value:
      write(grads_[output.index].slot->grad, std::move(value));
      break;
    case Output::To::grad_set:
      grads_[output.index].slot->grad = wrap(std::move(value));
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
