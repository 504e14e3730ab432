#include "frontend/storage.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include <weft/autograd.h>
#include "frontend/evaluate.h"
#include "frontend/expr.h"
#include "frontend/trace.h"
#include "runtime/cuda/device.h"

namespace weft::detail {

class PendingList {
 public:
  void add(Storage& storage) {
    const std::lock_guard lock(mutex_);
    storage.next_ = first_;
    storage.previous_ = nullptr;
    if (first_ != nullptr) first_->previous_ = &storage;
    first_ = &storage;
  }
  void remove(Storage& storage) {
    const std::lock_guard lock(mutex_);
    unlink(storage);
  }
  /// Forgets those that are computed by now.
  std::vector<Ref> values() {
    const std::lock_guard lock(mutex_);
    std::vector<Ref> values;
    for (Storage* at = first_; at != nullptr;) {
      Storage* next = at->next_;
      const Ref& value = at->value_;
      if (is_evaluated(value)) {
        unlink(*at);
      } else {
        values.push_back(resolve(value));
      }
      at = next;
    }
    return values;
  }

 private:
  void unlink(Storage& storage) {
    if (storage.previous_ == nullptr && first_ != &storage) return;  // not in the list
    if (storage.next_ != nullptr) storage.next_->previous_ = storage.previous_;
    (storage.previous_ != nullptr ? storage.previous_->next_ : first_) = storage.next_;
    storage.next_ = storage.previous_ = nullptr;
  }

  std::mutex mutex_;
  Storage* first_ = nullptr;
};

namespace {

const std::shared_ptr<PendingList>& pending_of_this_thread() {
  static thread_local const auto list = std::make_shared<PendingList>();
  return list;
}

bool is_pending(const Ref& value) { return !value->traced && !is_evaluated(value); }

std::uint64_t current_trace_id() {
  const Trace* trace = Trace::current();
  return trace == nullptr ? 0 : trace->id();
}

}  // namespace

std::vector<Ref> pending_values() { return pending_of_this_thread()->values(); }

namespace {
thread_local WriteLog* innermost_log = nullptr;
}

WriteLog::WriteLog() : outer_(innermost_log) { innermost_log = this; }
WriteLog::~WriteLog() { innermost_log = outer_; }
void WriteLog::note(const StorageRef& storage) {
  for (WriteLog* log = innermost_log; log != nullptr; log = log->outer_) {
    log->written_.push_back(storage);
  }
}

Storage::Storage(Ref value) : value_(std::move(value)), trace_id_(current_trace_id()) {
  resolve(value_)->holders.fetch_add(1, std::memory_order_relaxed);
  if (!is_pending(value_)) return;
  pending_ = pending_of_this_thread();
  pending_->add(*this);
}

Storage::Storage(External external) : Storage(external.read()) {
  external_ = std::make_unique<External>(std::move(external));
}

Storage::~Storage() {
  if (pending_ != nullptr) pending_->remove(*this);
  resolve(value_)->holders.fetch_sub(1, std::memory_order_relaxed);
}

// The holder has a few instructions left, unless it was interrupted.
void PointerLock::wait() {
  for (int tries = 0; held_.exchange(true, std::memory_order_acquire); ++tries) {
    if (tries < 64) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }
}

void Storage::set_value(Ref value) {
  resolve(value)->holders.fetch_add(1, std::memory_order_relaxed);
  std::shared_ptr<PendingList> list;
  if (is_pending(value)) list = pending_of_this_thread();
  {
    const std::lock_guard lock(lock_);
    if (pending_ != nullptr) pending_->remove(*this);
    std::swap(pending_, list);
    std::swap(value_, value);
    if (pending_ != nullptr) pending_->add(*this);
  }
  if (value != nullptr) resolve(value)->holders.fetch_sub(1, std::memory_order_relaxed);
  if (lent_.load(std::memory_order_relaxed)) {
    lent_.store(false, std::memory_order_release);
    lent_.notify_all();
  }
}

bool Storage::lend(const Ref& value) {
  const Ref other = value;  // counts as an acquire of what others did before they let go
  const std::shared_ptr<void> memory = value->buffer.memory;
  const std::lock_guard lock(lock_);
  // The references: the storage's, the caller's, and those above.
  if (is_external() || value_ != value || value.use_count() != 3 || memory.use_count() != 2)
    return false;
  lent_.store(true, std::memory_order_relaxed);
  value_->holders.fetch_sub(1, std::memory_order_relaxed);
  value_ = nullptr;
  return true;
}

// Values gathered from strided memory of others are read again once the memory has changed.
const void* Storage::elements_in_place() {
  const std::lock_guard lock(lock_);
  if (value_ == nullptr) return nullptr;
  const Record& value = *resolve(value_);
  if (!value.evaluated.load(std::memory_order_acquire)) return nullptr;
  const bool elsewhere =
      value.external.load(std::memory_order_acquire) || value.buffer.device != nullptr;
  return elsewhere ? nullptr : value.buffer.data();
}

Ref Storage::value() {
  Ref value;
  for (;;) {
    {
      const std::lock_guard lock(lock_);
      value = value_;
    }
    if (value != nullptr) break;
    lent_.wait(true, std::memory_order_acquire);
  }
  const bool gathered = is_external() && !external_->row_major && !value->traced;
  if (gathered && is_evaluated(value) && !external_->holds(value_of(value).data())) {
    value = external_->read();
    set_value(value);
  }
  return value;
}

bool Storage::requires_grad(const StorageRef& storage) {
  if (Trace::current() == nullptr) {
    const std::lock_guard lock(storage->lock_);
    if (storage->value_ != nullptr) return storage->value_->requires_grad;
  }
  return current(storage)->requires_grad;
}

Ref Storage::current(const StorageRef& storage) {
  Trace* trace = Trace::current();
  return trace != nullptr && !trace->owns(*storage) ? trace->read(storage) : storage->value();
}

void Storage::replace(const StorageRef& storage, Ref value) {
  WriteLog::note(storage);
  if (Trace* trace = Trace::current(); trace != nullptr && !trace->owns(*storage)) {
    trace->write(storage, std::move(value));
  } else if (storage->is_external()) {
    storage->write_external(std::move(value));
  } else {
    storage->set_value(std::move(value));
  }
}

// The owner of the memory looks at it whenever they like, so it is written at once.
void Storage::write_external(Ref value) {
  const runtime::Buffer result = value_of(value);
  if (const Ref old = this->value(); old.use_count() > 2) {
    // Others still mean the memory as it was: they get a copy.
    runtime::Buffer before = value_of(old);
    runtime::Buffer copy = runtime::allocate(before.bytes);
    std::memcpy(copy.data(), before.data(), before.bytes);
    const std::lock_guard lock(graph_mutex());
    old->buffer = std::move(copy);
    old->external.store(false, std::memory_order_release);
    old->evaluated.store(true, std::memory_order_release);
  }
  external_->write(result.data());
  set_value(value->requires_grad ? std::move(value) : external_->read());
}

namespace {

/// Calls f(offset in the strided memory, in elements) for each element in row-major order.
template <class F>
void for_each_offset(const ir::Shape& shape, const std::vector<std::int64_t>& strides, F&& f) {
  const std::size_t rank = shape.size();
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t offset = 0;
  for (std::int64_t left = ir::elements(shape); left > 0; --left) {
    f(offset);
    for (std::size_t k = rank; k-- > 0;) {
      offset += strides[k];
      if (++index[k] < shape[k]) break;
      offset -= strides[k] * shape[k];
      index[k] = 0;
    }
  }
}

}  // namespace

Ref External::read() const {
  const auto input = [](std::shared_ptr<void> start, ir::Type as) {
    const std::size_t bytes = as.bytes();
    Ref r = record_input({std::move(start), bytes}, std::move(as));
    r->external = true;
    return r;
  };
  if (row_major) return input(memory, type);
  // The memory as one line of elements, from the lowest address that a stride reaches, gathered.
  std::int64_t lowest = 0, highest = 0;
  for (std::size_t k = 0; k < strides.size(); ++k) {
    if (type.shape[k] == 0) return expr::full(type, 0);
    const std::int64_t reach = strides[k] * (type.shape[k] - 1);
    (reach < 0 ? lowest : highest) += reach;
  }
  const auto size = static_cast<std::int64_t>(size_of(type.dtype));
  const std::int64_t count = highest - lowest + 1;
  const std::shared_ptr<void> start(memory, static_cast<char*>(memory.get()) + lowest * size);
  const Ref line = input(start, {type.dtype, {count}});
  Ref position = expr::full({DType::i64, type.shape}, static_cast<double>(-lowest));
  for (std::size_t k = 0; k < strides.size(); ++k) {
    const Ref along = expr::iota({DType::i64, type.shape}, static_cast<std::int64_t>(k));
    const Ref step = expr::scalar(DType::i64, static_cast<double>(strides[k]));
    position = expr::binary(ir::Op::add, position, expr::binary(ir::Op::mul, along, step));
  }
  return expr::gather(line, position, 0);
}

bool External::holds(const void* values) const {
  const auto size = static_cast<std::int64_t>(size_of(type.dtype));
  const char* expected = static_cast<const char*>(values);
  bool same = true;
  for_each_offset(type.shape, strides, [&](std::int64_t offset) {
    const char* at = static_cast<const char*>(memory.get()) + offset * size;
    same = same && std::memcmp(at, expected, static_cast<std::size_t>(size)) == 0;
    expected += size;
  });
  return same;
}

void External::write(const void* values) const {
  if (row_major) {
    std::memcpy(memory.get(), values, type.bytes());
    return;
  }
  const std::size_t size = size_of(type.dtype);
  const char* from = static_cast<const char*>(values);
  for_each_offset(type.shape, strides, [&](std::int64_t offset) {
    std::memcpy(static_cast<char*>(memory.get()) + offset * static_cast<std::int64_t>(size), from,
                size);
    from += size;
  });
}

Step::~Step() {
  // Long chains of views die one by one, not inside each other.
  while (parent != nullptr && parent.use_count() == 1) {
    auto next = std::move(const_cast<Step&>(*parent).parent);
    parent = std::move(next);
  }
}

Ref Step::make(const Ref& from) const {
  // Whether gradients pass was decided when the view was made, not when it is read.
  const GradModeGuard recording(true);
  Ref r = kind == RecordKind::operation ? record_typed(op, {from}, attrs, type, where)
                                        : record_identity(kind, from);
  r->label = label;
  r->slot = slot;
  return r;
}

Ref Step::apply(const Ref& from, bool is_external) const {
  const std::lock_guard lock(mutex_);
  Ref known = cached_.lock();
  const bool stale = is_external && known != nullptr && !known->is_identity() &&
                     known->evaluated.load(std::memory_order_acquire);
  if (known != nullptr && !stale && cached_from_.lock() == from) return known;
  known = make(from);
  cached_ = known;
  cached_from_ = from;
  return known;
}

TensorImpl::TensorImpl() : trace_id(current_trace_id()) {}

Tensor wrap(Ref value) {
  auto impl = std::make_shared<TensorImpl>();
  impl->layout = value->layout;
  impl->storage = std::make_shared<Storage>(std::move(value));
  return Access::make(std::move(impl));
}

Ref moved(const Ref& value, Place to) {
  if (value->place() == to) return value;
  if (value->place().is_any() && !is_evaluated(value)) return placed(value, to);
  if (value->traced) {
    fail_unsupported("cannot move a value that is not known while jit records a function from " +
                     value->place().or_cpu().device().str() + " to " + to.device().str() +
                     "; move it before the call, or what the function returns");
  }
  runtime::Buffer buffer = host_value_of(value);
  if (to.is_cuda()) {
    const auto& device = runtime::cuda::Device::get(to.device_number());
    buffer = device->to_device(buffer, "a tensor from the host");
  }
  Ref r = record_input(std::move(buffer), layout_of(value->type, to));
  if (value->requires_grad && grad_enabled()) {
    r->kind = RecordKind::moved;
    r->operands = {value};
    r->requires_grad = true;
  }
  return r;
}

Tensor copy_now(const Ref& value) {
  const runtime::Buffer now = host_value_of(value);
  runtime::Buffer copy = runtime::allocate(now.bytes);
  std::memcpy(copy.data(), now.data(), now.bytes);
  return wrap(record_input(std::move(copy), value->layout));
}

namespace {

/// From the storage to the tensor.
std::vector<Chain> steps_of(const Chain& last) {
  std::vector<Chain> steps;
  for (Chain at = last; at != nullptr; at = at->parent) steps.push_back(at);
  std::reverse(steps.begin(), steps.end());
  return steps;
}

Ref apply_step(const Chain& step, const Ref& from, const StorageRef& storage) {
  Trace* trace = Trace::current();
  return trace != nullptr ? trace->apply(step, from, storage)
                          : step->apply(from, storage->is_external());
}

/// The step's input, given what stood there before and the step's new output.
Ref undo(const Step& step, const Ref& before, const Ref& after) {
  if (step.kind != RecordKind::operation) return after;
  switch (step.op) {
    case ir::Op::reshape:
      return expr::reshape(after, before->type.shape);
    case ir::Op::transpose: {
      const ir::Ints& permutation = step.attrs.ints("permutation");
      ir::Ints inverse(permutation.size());
      for (std::size_t k = 0; k < permutation.size(); ++k) {
        inverse[static_cast<std::size_t>(permutation[k])] = static_cast<std::int64_t>(k);
      }
      return expr::transpose(after, inverse);
    }
    case ir::Op::slice:
      return expr::update_slice(before, after, step.attrs);
    default:
      throw InternalError("write: a view step that cannot be undone");
  }
}

bool is_expansion(const Step& step) {
  return step.kind == RecordKind::operation && step.op == ir::Op::broadcast_in_dim;
}

}  // namespace

Ref read_chain(const StorageRef& storage, const Chain& chain) {
  Ref value = Storage::current(storage);
  if (chain == nullptr) return value;
  if (chain->parent == nullptr) return apply_step(chain, value, storage);
  for (const Chain& step : steps_of(chain)) value = apply_step(step, value, storage);
  return value;
}

Ref read(const Tensor& t) {
  const TensorImpl& impl = impl_of(t);
  Trace::note(t);
  return read_chain(impl.storage, impl.chain);
}

void check_writable(const Tensor& t) {
  const TensorImpl& impl = impl_of(t);
  Trace::note(t);
  for (const Step* step = impl.chain.get(); step != nullptr; step = step->parent.get()) {
    if (is_expansion(*step)) {
      fail_plain(
          "unsupported operation: more than one element of the written-to tensor refers to a "
          "single "
          "memory location. Please clone() the tensor before performing the operation.");
    }
    if (step->kind == RecordKind::detached) return;
    if (step->kind == RecordKind::variable && grad_enabled()) {
      fail_plain(step == impl.chain.get()
                     ? "a leaf Variable that requires grad is being used in an in-place operation."
                     : "a view of a leaf Variable that requires grad is being used in an in-place "
                       "operation.");
    }
  }
}

void write(const Tensor& t, Ref value) {
  check_writable(t);
  TensorImpl& impl = impl_of(t);
  const std::vector<Chain> steps = steps_of(impl.chain);
  std::vector<Ref> before{Storage::current(impl.storage)};
  for (const Chain& step : steps) {
    before.push_back(apply_step(step, before.back(), impl.storage));
  }
  value = placed(value, impl.layout->place.or_cpu());
  if (value->place() != impl.layout->place.or_cpu())
    fail_mixed(impl.layout->place.or_cpu(), value->place());
  for (std::size_t k = steps.size(); k-- > 0;) value = undo(*steps[k], before[k], value);
  before.clear();
  Storage::replace(impl.storage, std::move(value));
}

Tensor extend(const Tensor& t, std::shared_ptr<Step> step, std::vector<std::int64_t> strides) {
  const TensorImpl& from = impl_of(t);
  Trace::note(t);
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = from.storage;
  impl->layout = layout_of(step->type, std::move(strides), from.layout->place);
  step->parent = from.chain;
  step->label = OpScope::name();
  step->where = OpScope::where();
  if (step->kind == RecordKind::operation && !grad_enabled() && t.requires_grad()) {
    auto detached = std::make_shared<Step>();
    detached->kind = RecordKind::detached;
    detached->type = step->type;
    detached->parent = std::move(step);
    step = std::move(detached);
  }
  impl->chain = std::move(step);
  return Access::make(std::move(impl));
}

const ir::Type& type_of(const Tensor& t) { return impl_of(t).layout->type; }

}  // namespace weft::detail
