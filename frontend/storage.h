// Storages and views. A storage holds the current value of some memory; a tensor reads it through a
// chain of view steps, and writes by replacing the value, so that every alias sees the write.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <weft/tensor.h>
#include "frontend/record.h"

namespace weft::detail {

/// Memory of others behind a storage.
struct External {
  std::shared_ptr<void> memory;  ///< Its deleter is the owner's.
  ir::Type type;
  std::vector<std::int64_t> strides;  ///< In elements.
  bool row_major = true;

  /// A record that reads the memory as it is when it runs.
  Ref read() const;
  /// Copies row-major values into the memory.
  void write(const void* values) const;
  /// Whether the memory holds these row-major values.
  bool holds(const void* values) const;
};

/// Live storages of one thread whose values may still have to be computed.
class PendingList;

/// A lock of one word for a few instructions: copying or exchanging a pointer.
class PointerLock {
 public:
  void lock() {
    if (held_.exchange(true, std::memory_order_acquire)) [[unlikely]]
      wait();
  }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  void wait();
  std::atomic<bool> held_{false};
};

class Storage;
using StorageRef = std::shared_ptr<Storage>;

/// Any threads may read and replace the value at once; each sees one that was there.
class Storage {
 public:
  explicit Storage(Ref value);
  explicit Storage(External external);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  /// The value as this thread sees it: inside a trace, that of the trace.
  static Ref current(const StorageRef& storage);
  static void replace(const StorageRef& storage, Ref value);
  /// Whether gradients reach a variable through that value.
  static bool requires_grad(const StorageRef& storage);

  Ref value();  ///< Regardless of traces. Waits while it is lent.
  /// The value's elements, where they lie in memory of our own already; else null.
  const void* elements_in_place();
  void set_value(Ref value);  ///< Regardless of traces. Ends a loan.
  /// Takes the value out until set_value if it is `value` and nobody else has it or its memory, so
  /// that its memory may be written over. The caller holds one reference.
  bool lend(const Ref& value);
  bool is_lent() const { return lent_.load(std::memory_order_relaxed); }
  /// Held by calls of jitted functions that write the storage, from reading to writing, so that
  /// each sees the result of the one before. Several are locked in the order of their addresses,
  /// and all of them before any value is lent.
  std::mutex& calls() { return calls_; }
  bool is_external() const { return external_ != nullptr; }
  std::uint64_t trace_id() const { return trace_id_; }

 private:
  friend class PendingList;
  void write_external(Ref value);

  PointerLock lock_;  // of value_ and pending_
  Ref value_;         // null while lent
  std::atomic<bool> lent_{false};
  std::mutex calls_;
  std::unique_ptr<External> external_;
  std::uint64_t trace_id_;  // of the trace that made it, or 0
  std::shared_ptr<PendingList> pending_;
  Storage* next_ = nullptr;
  Storage* previous_ = nullptr;
};

/// Values not yet computed of the live storages of this thread.
std::vector<Ref> pending_values();

/// Remembers the storages that this thread writes while it lives.
class WriteLog {
 public:
  WriteLog();
  ~WriteLog();
  WriteLog(const WriteLog&) = delete;
  WriteLog& operator=(const WriteLog&) = delete;
  static void note(const StorageRef& storage);
  const std::vector<std::weak_ptr<Storage>>& written() const { return written_; }

 private:
  WriteLog* outer_;
  std::vector<std::weak_ptr<Storage>> written_;
};

/// Where a leaf's gradient gathers.
struct GradSlot {
  Tensor grad;
  std::mutex mutex;  ///< Of `grad`: several threads may run backward() into one leaf.
  std::mutex calls;  ///< As Storage::calls().

  Tensor now() {
    const std::lock_guard lock(mutex);
    return grad;
  }
  void set(Tensor to) {
    const std::lock_guard lock(mutex);
    std::swap(grad, to);
  }
};

/// One step from a storage to a tensor: a view operation or an identity.
struct Step {
  std::shared_ptr<const Step> parent;
  RecordKind kind = RecordKind::operation;  // operation, variable, detached
  ir::Op op = ir::Op::reshape;
  ir::Attributes attrs;
  ir::Type type;  // of the result
  const char* label = "";
  Location where;
  std::shared_ptr<GradSlot> slot;  // of a variable

  ~Step();
  /// The step's value on its parent's; the same record as long as that one is in use, or, where
  /// others may write to the memory, until it has been computed.
  Ref apply(const Ref& from, bool is_external) const;
  Ref make(const Ref& from) const;

 private:
  mutable std::mutex mutex_;
  mutable std::weak_ptr<Record> cached_, cached_from_;
};
using Chain = std::shared_ptr<const Step>;

struct TensorImpl {
  TensorImpl();

  const std::uint64_t trace_id;  // as of storages
  StorageRef storage;
  Chain chain;
  LayoutRef layout;
  std::shared_ptr<GradSlot> slot;  // of a leaf that requires grad, or after retain_grad
  Ref watched;                     // the record that retain_grad waits at: a view's lives by it
  Ref looked_at;                   // keeps the memory of a view, or the host copy, that data() gave
  std::weak_ptr<Record> copied;    // the storage's value when the host copy was made

  const Shape& shape() const { return layout->shape; }
};

/// The door from handles to what is behind them.
struct Access {
  static const std::shared_ptr<TensorImpl>& impl(const Tensor& t) { return t.impl_; }
  static Tensor make(std::shared_ptr<TensorImpl> impl) { return Tensor(std::move(impl)); }
};

/// The implementation, or an error for an undefined tensor.
inline TensorImpl& impl_of(const Tensor& t) {
  if (TensorImpl* impl = Access::impl(t).get()) return *impl;
  fail("expected a tensor, got an undefined Tensor (default-constructed)");
}
/// The same for what is asked of a tensor without recording: the error names `function`.
const TensorImpl& impl_of(const Tensor& t, const char* function, const Location& where);

/// A tensor of its own storage.
Tensor wrap(Ref value);
/// The value in another place: copied there, unless it is still to be computed and any place does.
/// Gradients come back the same way. Throws weft::Unsupported inside a jit trace.
Ref moved(const Ref& value, Place to);
/// The tensor's current value.
Ref read(const Tensor& t);
/// The value at the end of a chain of views.
Ref read_chain(const StorageRef& storage, const Chain& chain);
/// Writes through the tensor's views; `value` has its shape and dtype.
void write(const Tensor& t, Ref value);
/// The checks that come before any in-place operation, with PyTorch's wording.
void check_writable(const Tensor& t);

/// A tensor on the same storage, one step further.
Tensor extend(const Tensor& t, std::shared_ptr<Step> step, std::vector<std::int64_t> strides);

/// A tensor of its own storage, with the value as it is now.
Tensor copy_now(const Ref& value);

const ir::Type& type_of(const Tensor& t);
/// The type of a tensor to be made; refuses negative sizes and what no memory can hold.
ir::Type checked_type(const Shape& shape, DType dtype);

}  // namespace weft::detail
