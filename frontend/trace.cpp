#include "frontend/trace.h"

#include "frontend/expr.h"

namespace weft::detail {
namespace {

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

constinit thread_local Trace* Trace::current_ = nullptr;

Trace::Trace() : id_(next_id()) {
  if (current_ != nullptr) throw InternalError("trace: one is being recorded already");
  current_ = this;
}

Trace::~Trace() { current_ = nullptr; }

Trace::Capture& Trace::capture(const StorageRef& storage) {
  const auto [known, added] = capture_of_.try_emplace(storage.get(), captures_.size());
  if (added) {
    const Ref value = storage->value();
    Ref placeholder = record_placeholder(value->layout);
    placeholder->requires_grad = value->requires_grad;
    captures_.push_back({storage, placeholder, placeholder});
  }
  return captures_[known->second];
}

void Trace::look_at(const std::shared_ptr<TensorImpl>& tensor) {
  if (tensor->trace_id != id_) seen_.try_emplace(tensor.get(), tensor);
}

std::vector<Trace::Seen> Trace::seen() const {
  std::vector<Seen> seen;
  for (const auto& [address, tensor] : seen_) {
    if (const auto impl = tensor.lock()) seen.push_back({tensor, impl->chain});
  }
  return seen;
}

Ref Trace::read(const StorageRef& storage) { return capture(storage).current; }

void Trace::write(const StorageRef& storage, Ref value) {
  capture(storage).current = std::move(value);
}

Tensor& Trace::grad(const std::shared_ptr<GradSlot>& slot, bool looks) {
  const auto [known, added] = grad_of_.try_emplace(slot.get(), grads_.size());
  if (added) {
    TouchedGrad touched{slot, {}, {}, looks, slot->grad.defined(), nullptr};
    if (looks && touched.was_defined) {
      touched.placeholder =
          record_placeholder(layout_of(type_of(slot->grad), impl_of(slot->grad).layout->place));
      touched.current = touched.initial = wrap(touched.placeholder);
    }
    grads_.push_back(std::move(touched));
  }
  return grads_[known->second].current;
}

Ref Trace::next_random_key() {
  const ir::Type type{DType::u64, {2}};
  if (random_key_ == nullptr) random_key_ = record_placeholder(layout_of(type, Place::any()));
  const Ref stream = expr::constant(ir::Literal::from<std::uint64_t>(
      type.shape, {0, static_cast<std::uint64_t>(random_streams_++)}));
  return expr::add(random_key_, stream);
}

Ref Trace::apply(const Chain& step, const Ref& from, const StorageRef& storage) {
  const auto known = steps_.find(step.get());
  if (known != steps_.end() && known->second.from == from) return known->second.result;
  Ref result = step->make(from);
  const bool outside = !owns(*storage) && !capture(storage).written();
  if (step->kind == RecordKind::variable && outside) {
    variables_.push_back({result, capture_of_.at(storage.get()), step});
  }
  steps_[step.get()] = {step, from, result};
  return result;
}

}  // namespace weft::detail
