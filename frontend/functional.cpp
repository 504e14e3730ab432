// grad, vjp and jvp of functions: the arguments become variables while the function runs.
// Afterwards the variables let gradients pass to whatever stood there before, so that transforms
// nest.
#include <weft/functional.h>

#include <unordered_set>

#include "frontend/autograd_graph.h"
#include "frontend/expr.h"
#include "frontend/storage.h"

namespace weft::detail {

struct Differentiation::State {
  const char* transform;
  Location where;
  std::uint64_t first_id = next_record_id();
  bool outer_grad_mode = grad_enabled();
  GradModeGuard grad_mode{true};
  WriteLog log;
  std::vector<Tensor> before;       // the inputs
  std::vector<Ref> variables;       // null for inputs that are not floats
  std::vector<std::size_t> varied;  // positions of the others

  std::vector<Ref> given_variables() const {
    std::vector<Ref> given;
    for (std::size_t k : varied) given.push_back(variables[k]);
    return given;
  }
  void finish(std::vector<Ref> roots);
};

Differentiation::Differentiation(std::vector<Tensor*> inputs, const char* transform,
                                 const Location& where)
    : state_(std::make_unique<State>()) {
  state_->transform = transform;
  state_->where = where;
  const OpScope scope(transform, where);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    state_->before.push_back(*inputs[k]);
    state_->variables.push_back(nullptr);
    if (!inputs[k]->defined() || !is_float(inputs[k]->dtype())) continue;
    state_->variables[k] = record_identity(RecordKind::variable, read(*inputs[k]));
    state_->varied.push_back(k);
    *inputs[k] = wrap(state_->variables[k]);
  }
  if (state_->varied.empty()) fail("expected an argument with a tensor of a float dtype");
}

Differentiation::~Differentiation() = default;

/// Variables become passing; records made since then require grad only if what was there before
/// does.
void Differentiation::State::finish(std::vector<Ref> roots) {
  for (const std::weak_ptr<Storage>& written : log.written()) {
    if (const auto storage = written.lock()) roots.push_back(Storage::current(storage));
  }
  std::vector<Ref> garbage;
  const std::lock_guard lock(graph_mutex());
  for (const Ref& v : given_variables()) {
    v->kind = RecordKind::passing;
    v->requires_grad = outer_grad_mode && v->operands[0]->requires_grad;
  }
  struct Frame {
    Record* record;
    std::size_t next;
  };
  std::unordered_set<const Record*> seen;
  std::vector<Frame> stack;
  const auto enter = [&](const Ref& r) {
    if (r == nullptr || r->id < first_id || !r->requires_grad) return;
    const bool computed = r->kind == RecordKind::operation || r->kind == RecordKind::passing;
    if (computed && seen.insert(r.get()).second) stack.push_back({r.get(), 0});
  };
  for (const Ref& root : roots) {
    enter(root);
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next < top.record->operands.size()) {
        enter(top.record->operands[top.next++]);
        continue;
      }
      Record& r = *top.record;
      stack.pop_back();
      r.requires_grad = false;
      for (const Ref& operand : r.operands) r.requires_grad |= operand->requires_grad;
      if (r.requires_grad || r.is_identity() || !r.evaluated) continue;
      for (Ref& operand : r.operands) garbage.push_back(std::move(operand));
      r.operands.clear();
    }
  }
}

namespace {

std::vector<Ref> values_of(const std::vector<Tensor*>& tensors) {
  std::vector<Ref> values;
  for (const Tensor* t : tensors) values.push_back(t->defined() ? read(*t) : nullptr);
  return values;
}

std::vector<Ref> defined_only(const std::vector<Ref>& values) {
  std::vector<Ref> defined;
  for (const Ref& value : values) {
    if (value != nullptr) defined.push_back(value);
  }
  return defined;
}

/// Wraps what is there and zeros in place of what is not.
Tensor or_zeros(const Ref& value, const ir::Type& type) {
  return wrap(value != nullptr ? value : expr::full(type, 0));
}

}  // namespace

std::vector<Tensor> Differentiation::gradients(const std::vector<Tensor*>& outputs) {
  const OpScope scope(state_->transform, state_->where);
  if (outputs.empty() || !outputs[0]->defined()) {
    fail("expected the function to return a scalar tensor, got no tensor");
  }
  const Ref value = read(*outputs[0]);
  if (value->type.elements() != 1 || !is_float(value->type.dtype)) {
    fail("expected the function to return a scalar of a float dtype, got " + value->type.str());
  }
  const GradientGraph graph({value}, state_->given_variables());
  const std::vector<Ref> pulled = graph.pull({expr::full(value->type, 1)});
  std::vector<Ref> roots = defined_only(values_of(outputs));
  for (const Ref& gradient : pulled) roots.push_back(gradient);
  state_->finish(std::move(roots));
  std::vector<Tensor> gradients(state_->before.size());
  for (std::size_t k = 0; k < pulled.size(); ++k) {
    const std::size_t input = state_->varied[k];
    gradients[input] = or_zeros(pulled[k], state_->variables[input]->type);
  }
  return gradients;
}

std::vector<Tensor> Differentiation::tangents(const std::vector<Tensor*>& outputs,
                                              const std::vector<Tensor>& input_tangents) {
  const OpScope scope(state_->transform, state_->where);
  if (input_tangents.size() != state_->before.size()) {
    fail("expected " + std::to_string(state_->before.size()) + " tangents, got " +
         std::to_string(input_tangents.size()));
  }
  std::vector<Ref> along;
  for (std::size_t k : state_->varied) {
    const ir::Type& type = state_->variables[k]->type;
    if (!input_tangents[k].defined() || type_of(input_tangents[k]) != type) {
      fail("tangent " + std::to_string(k) + " expected type " + type.str() + ", got " +
           (input_tangents[k].defined() ? type_of(input_tangents[k]).str() : "undefined"));
    }
    along.push_back(read(input_tangents[k]));
  }
  const std::vector<Ref> values = defined_only(values_of(outputs));
  const GradientGraph graph(values, state_->given_variables());
  const std::vector<Ref> pushed = graph.push(along);
  std::vector<Ref> roots = values;
  for (const Ref& tangent : pushed) roots.push_back(tangent);
  state_->finish(std::move(roots));
  std::vector<Tensor> tangents;
  std::size_t next = 0;
  for (const Tensor* output : outputs) {
    if (!output->defined()) {
      tangents.emplace_back();
      continue;
    }
    const std::size_t k = next++;
    tangents.push_back(or_zeros(pushed[k], values[k]->type));
  }
  return tangents;
}

std::function<std::vector<Tensor>(const std::vector<Tensor>&)> Differentiation::pullback(
    const std::vector<Tensor*>& outputs) {
  const OpScope scope(state_->transform, state_->where);
  const std::vector<Ref> values = values_of(outputs);
  const auto graph =
      std::make_shared<const GradientGraph>(defined_only(values), state_->given_variables());
  state_->finish(defined_only(values));
  return [graph, values, varied = state_->varied, variables = state_->variables,
          name = state_->transform, where = state_->where](const std::vector<Tensor>& given) {
    const OpScope inner(name, where);
    if (given.size() != values.size()) {
      fail("expected " + std::to_string(values.size()) + " cotangents, got " +
           std::to_string(given.size()));
    }
    std::vector<Ref> cotangents;
    for (std::size_t k = 0; k < values.size(); ++k) {
      if (values[k] == nullptr) continue;
      const bool zero = !given[k].defined();
      if (!zero && type_of(given[k]) != values[k]->type) {
        fail("cotangent " + std::to_string(k) + " expected type " + values[k]->type.str() +
             ", got " + type_of(given[k]).str());
      }
      cotangents.push_back(zero ? nullptr : read(given[k]));
    }
    const std::vector<Ref> pulled = graph->pull(cotangents);
    std::vector<Tensor> gradients(variables.size());
    for (std::size_t k = 0; k < pulled.size(); ++k) {
      gradients[varied[k]] = or_zeros(pulled[k], variables[varied[k]]->type);
    }
    return gradients;
  };
}

}  // namespace weft::detail
