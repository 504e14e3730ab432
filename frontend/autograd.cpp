// requires_grad, backward, grad(): PyTorch's autograd, with its wording where people search for it.
#include <weft/autograd.h>

#include <weft/factories.h>
#include <weft/ops.h>
#include "frontend/autograd_graph.h"
#include "frontend/expr.h"
#include "frontend/storage.h"
#include "frontend/trace.h"

namespace weft {

using detail::impl_of;
using detail::OpScope;
using detail::RecordKind;
using detail::Ref;

bool is_grad_enabled() { return detail::grad_enabled(); }

namespace detail {
GradModeGuard::GradModeGuard(bool enabled) : before_(grad_enabled()) { set_grad_enabled(enabled); }
GradModeGuard::~GradModeGuard() { set_grad_enabled(before_); }
}  // namespace detail

namespace {

bool is_variable(const detail::TensorImpl& impl) {
  return impl.chain != nullptr && impl.chain->kind == RecordKind::variable;
}

/// Numbers that a program makes itself fit any place.
bool lies_with(const Tensor& gradient, const Tensor& t) {
  const detail::Place a = impl_of(gradient).layout->place, b = impl_of(t).layout->place;
  return a.is_any() || b.is_any() || a == b;
}

/// The cotangents of the outputs: those given, and ones for scalars.
std::vector<Ref> checked_cotangents(const std::vector<Tensor>& outputs,
                                    const std::vector<Tensor>& given) {
  if (!given.empty() && given.size() != outputs.size()) {
    detail::fail("got " + std::to_string(outputs.size()) + " tensors and " +
                 std::to_string(given.size()) + " gradients");
  }
  std::vector<Ref> cotangents;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const Tensor& y = outputs[k];
    if (!y.requires_grad()) {
      detail::fail_plain("element " + std::to_string(k) +
                         " of tensors does not require grad and does not have a grad_fn");
    }
    const ir::Type type = detail::type_of(y);
    if (given.empty() || !given[k].defined()) {
      if (y.numel() != 1) {
        detail::fail_plain("grad can be implicitly created only for scalar outputs");
      }
      cotangents.push_back(detail::expr::full(type, 1));
      continue;
    }
    if (given[k].shape() != y.shape()) {
      detail::fail_plain("Mismatch in shape: grad_output[" + std::to_string(k) +
                         "] has a shape of " + given[k].shape().str() + " and output[" +
                         std::to_string(k) + "] has a shape of " + y.shape().str() + ".");
    }
    if (!lies_with(given[k], y)) {
      detail::fail_plain("Mismatch in device: grad_output[" + std::to_string(k) + "] is on " +
                         given[k].device().str() + " and output[" + std::to_string(k) + "] is on " +
                         y.device().str() + "; move one with to().");
    }
    cotangents.push_back(detail::expr::convert(detail::read(given[k]), type.dtype));
  }
  return cotangents;
}

std::vector<Ref> values_of(const std::vector<Tensor>& tensors) {
  std::vector<Ref> values;
  for (const Tensor& t : tensors) values.push_back(detail::read(t));
  return values;
}

/// Whether a gradient noted at the record would be that of another tensor, too: of a variable, or
/// of one that an operation without effect returned as it was.
bool belongs_to_others(const Ref& r, const std::shared_ptr<detail::GradSlot>& slot) {
  const std::shared_ptr<detail::GradSlot> noted = r->slot.lock();
  return r->is_identity() || r->holders.load() > 1 || (noted != nullptr && noted != slot);
}

/// A jitted function's argument has no gradient to gather in.
void check_no_argument(const detail::Record& input) {
  if (input.kind != RecordKind::placeholder) return;
  detail::fail_unsupported(
      "reaches an argument of a jitted function that requires grad (" + input.type.str() +
      "); use grad() or autograd::grad inside the function, or let it capture the tensor");
}

/// Outputs whose gradients are to be followed to the next records that they stop at.
struct Round {
  std::vector<Ref> outputs, cotangents;

  /// Behind a moved record gradients go on where its operand lies.
  void go_on(const Ref& moved_record, const Ref& gradient) {
    const Ref& from = moved_record->operands[0];
    outputs.push_back(from);
    cotangents.push_back(detail::moved(gradient, from->place().or_cpu()));
  }
};

/// Adds to a slot as PyTorch does: in place, unless the sum itself is to be differentiated.
void accumulate(const std::shared_ptr<detail::GradSlot>& slot, const Ref& gradient,
                bool create_graph) {
  const std::lock_guard lock(slot->mutex);
  Tensor& grad = detail::grad_of(slot, true);
  if (!grad.defined()) {
    grad = detail::wrap(gradient);
  } else if (create_graph) {
    grad = grad + detail::wrap(gradient);
  } else {
    grad.add_(detail::wrap(gradient));
  }
}

}  // namespace

bool Tensor::requires_grad(Here here) const {
  const detail::TensorImpl& impl = impl_of(*this, "requires_grad", here);
  detail::Trace::note(*this);
  if (!is_float(impl.layout->type.dtype)) return false;
  for (const detail::Step* step = impl.chain.get(); step != nullptr; step = step->parent.get()) {
    if (step->kind == RecordKind::variable) return true;
    if (step->kind == RecordKind::detached) return false;
  }
  return detail::Storage::requires_grad(impl.storage);
}

bool Tensor::is_leaf(Here here) const {
  const detail::TensorImpl& impl = impl_of(*this, "is_leaf", here);
  return !requires_grad() || is_variable(impl);
}

Tensor& Tensor::requires_grad_(bool on, Here here) {
  const OpScope scope("requires_grad_", here);
  detail::TensorImpl& impl = impl_of(*this);
  if (requires_grad() == on) return *this;
  if (on) {
    if (!is_float(impl.layout->type.dtype)) {
      detail::fail_plain(
          "only Tensors of floating point and complex dtype can require gradients, got " +
          std::string(name(impl.layout->type.dtype)));
    }
    auto step = std::make_shared<detail::Step>();
    step->kind = RecordKind::variable;
    step->type = detail::type_of(*this);
    step->label = "variable";
    if (impl.slot == nullptr) impl.slot = std::make_shared<detail::GradSlot>();
    step->slot = impl.slot;
    step->parent = std::move(impl.chain);
    impl.chain = std::move(step);
  } else if (is_variable(impl)) {
    impl.chain = impl.chain->parent;
  } else {
    detail::fail_plain(
        "you can only change requires_grad flags of leaf variables. If you want to use a computed "
        "variable in a subgraph that doesn't require differentiation use var_no_grad = "
        "var.detach().");
  }
  return *this;
}

Tensor Tensor::grad(Here here) const {
  const detail::TensorImpl& impl = impl_of(*this, "grad", here);
  if (impl.slot == nullptr) return Tensor();
  const std::lock_guard lock(impl.slot->mutex);
  return detail::grad_of(impl.slot, true);
}

void Tensor::set_grad(const Tensor& grad, Here here) {
  const OpScope scope("set_grad", here);
  detail::TensorImpl& impl = impl_of(*this);
  if (grad.defined() && (grad.shape() != impl.shape() || grad.dtype() != impl.layout->type.dtype)) {
    detail::fail("assigned grad has type " + detail::type_of(grad).str() + ", expected " +
                 detail::type_of(*this).str());
  }
  if (grad.defined() && !lies_with(grad, *this)) {
    detail::fail("assigned grad is on " + grad.device().str() + ", expected " + device().str() +
                 ", where the tensor is; move it with to()");
  }
  Tensor own = grad;
  if (grad.defined() && impl_of(grad).layout->place.is_any())
    own = detail::wrap(detail::placed(detail::read(grad), impl.layout->place.or_cpu()));
  if (impl.slot == nullptr) impl.slot = std::make_shared<detail::GradSlot>();
  const std::lock_guard lock(impl.slot->mutex);
  detail::grad_of(impl.slot, false) = own;
}

void Tensor::zero_grad(Here here) {
  const OpScope scope("zero_grad", here);
  detail::TensorImpl& impl = impl_of(*this);
  if (impl.slot == nullptr) return;
  const std::lock_guard lock(impl.slot->mutex);
  detail::grad_of(impl.slot, false) = Tensor();
}

Tensor& Tensor::retain_grad(Here here) {
  const OpScope scope("retain_grad", here);
  detail::TensorImpl& impl = impl_of(*this);
  if (!requires_grad()) {
    detail::fail_plain("can't retain_grad on Tensor that has requires_grad=False");
  }
  if (is_leaf()) return *this;
  if (impl.slot == nullptr) impl.slot = std::make_shared<detail::GradSlot>();
  if (impl.chain == nullptr &&
      belongs_to_others(detail::Storage::current(impl.storage), impl.slot)) {
    const detail::GradModeGuard recording(true);
    detail::Storage::replace(impl.storage,
                             detail::expr::same(detail::Storage::current(impl.storage)));
  }
  const Ref value = detail::read(*this);
  const std::lock_guard lock(detail::graph_mutex());
  value->slot = impl.slot;
  impl.watched = value;
  return *this;
}

Tensor Tensor::detach(Here here) const {
  const OpScope scope("detach", here);
  auto step = std::make_shared<detail::Step>();
  step->kind = RecordKind::detached;
  step->type = detail::type_of(*this);
  return detail::extend(*this, std::move(step), stride());
}

Tensor& Tensor::detach_(Here here) {
  const OpScope scope("detach_", here);
  detail::TensorImpl& impl = impl_of(*this);
  const Tensor detached = detach();
  impl.chain = impl_of(detached).chain;
  return *this;
}

void Tensor::backward(BackwardOptions options, Here here) const {
  autograd::backward({*this}, {}, options.retain_graph, options.create_graph, here);
}

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph, bool create_graph,
                      Here here) const {
  std::vector<Tensor> gradients;
  if (gradient.defined()) gradients.push_back(gradient);
  autograd::backward({*this}, gradients, retain_graph, create_graph, here);
}

namespace autograd {

void backward(const std::vector<Tensor>& tensors, const std::vector<Tensor>& grad_tensors,
              std::optional<bool> retain_graph, bool create_graph, Here here) {
  const OpScope scope("backward", here);
  const detail::GradModeGuard guard(create_graph);
  std::vector<detail::GradientGraph> walked;
  Round round{values_of(tensors), checked_cotangents(tensors, grad_tensors)};
  while (!round.outputs.empty()) {
    const detail::GradientGraph& graph = walked.emplace_back(round.outputs, std::vector<Ref>());
    const std::vector<Ref> gradients = graph.pull(round.cotangents);
    Round next;
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      const Ref& input = graph.inputs()[k];
      check_no_argument(*input);
      if (gradients[k] == nullptr) continue;
      if (const std::shared_ptr<detail::GradSlot> slot = input->slot.lock())
        accumulate(slot, detail::placed(gradients[k], input->place().or_cpu()), create_graph);
      if (input->kind == RecordKind::moved) next.go_on(input, gradients[k]);
    }
    round = std::move(next);
  }
  if (retain_graph.value_or(create_graph)) return;
  for (detail::GradientGraph& graph : walked) graph.free_saved();
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options, Here here) {
  const OpScope scope("grad", here);
  const detail::GradModeGuard guard(options.create_graph);
  if (inputs.empty()) detail::fail_plain("grad requires non-empty inputs.");
  for (const Tensor& x : inputs) {
    if (!x.requires_grad()) {
      detail::fail_plain("One of the differentiated Tensors does not require grad");
    }
  }
  const std::vector<Ref> wanted = values_of(inputs);
  std::vector<Ref> gradients(inputs.size());
  std::vector<detail::GradientGraph> walked;
  Round round{values_of(outputs), checked_cotangents(outputs, options.grad_outputs)};
  while (!round.outputs.empty()) {
    std::vector<Ref> stops = wanted;
    for (Ref& r : detail::moves_behind(round.outputs)) stops.push_back(std::move(r));
    const std::vector<Ref> found = walked.emplace_back(round.outputs, stops).pull(round.cotangents);
    Round next;
    for (std::size_t k = 0; k < found.size(); ++k) {
      if (found[k] == nullptr) continue;
      if (k >= wanted.size())
        next.go_on(stops[k], found[k]);
      else
        gradients[k] = gradients[k] ? detail::expr::add(gradients[k], found[k]) : found[k];
    }
    round = std::move(next);
  }
  std::vector<Tensor> results;
  for (const Ref& gradient : gradients) {
    if (gradient == nullptr && !options.allow_unused) {
      detail::fail_plain(
          "One of the differentiated Tensors appears to not have been used in the graph. Set "
          "allow_unused=True if this is the desired behavior.");
    }
    const detail::Place place = impl_of(inputs[results.size()]).layout->place.or_cpu();
    results.push_back(gradient == nullptr ? Tensor()
                                          : detail::wrap(detail::placed(gradient, place)));
  }
  if (!options.retain_graph.value_or(options.create_graph))
    for (detail::GradientGraph& graph : walked) graph.free_saved();
  return results;
}

}  // namespace autograd
}  // namespace weft
