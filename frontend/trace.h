// A jit trace being recorded on this thread: placeholders for arguments, for the storages it
// captures from outside, and for the random key; and what it wrote to them.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "frontend/storage.h"

namespace weft::detail {

class Trace {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// A storage from outside that the traced function reads or writes.
  struct Capture {
    StorageRef storage;  // keeps it alive as long as the compiled function
    Ref placeholder;
    Ref current;                  // after the writes so far
    std::size_t argument = none;  // where the storage is this argument's, another at each call
    bool written() const { return current != placeholder; }
  };
  /// A leaf whose grad() the traced function reads, sets or clears.
  struct TouchedGrad {
    std::shared_ptr<GradSlot> slot;
    Tensor current;
    Tensor initial;          // what stands for its value before the call
    bool looked_at = false;  // before it was set: then later calls must find it alike
    bool was_defined = false;
    Ref placeholder;  // its value before the call, if it was looked at and defined
  };

  /// Makes itself the current trace of this thread; one at a time.
  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// Null outside of traces.
  static Trace* current() { return current_; }

  /// Remembers a tensor from outside that the traced function looks at, if there is a trace.
  static void note(const Tensor& t) {
    if (current_ != nullptr) [[unlikely]]
      current_->look_at(Access::impl(t));
  }

  std::uint64_t id() const { return id_; }
  bool owns(const Storage& storage) const { return storage.trace_id() == id_; }
  Ref read(const StorageRef& storage);
  void write(const StorageRef& storage, Ref value);
  /// The slot's gradient in this trace, where the slot itself stays as it was. `looks`: not only to
  /// set it.
  Tensor& grad(const std::shared_ptr<GradSlot>& slot, bool looks);
  /// A u64[2] record {seed, stream}, another stream at each call of this function.
  Ref next_random_key();
  /// The step's record on `from`, in this trace only.
  Ref apply(const Chain& step, const Ref& from, const StorageRef& storage);

  /// What a variable step over an unwritten capture became, with the way to the variable.
  struct Variable {
    Ref record;
    std::size_t capture;
    Chain chain;
  };
  const std::vector<Variable>& variables() const { return variables_; }

  /// A tensor from outside as the traced function found it: which views it is of its storage, and
  /// whether it is a variable.
  struct Seen {
    std::weak_ptr<TensorImpl> tensor;  // ended: the function can only have another one by now
    Chain chain;
    bool is_as_it_was() const {
      const auto impl = tensor.lock();
      return impl != nullptr && impl->chain == chain;
    }
  };
  /// As they are now.
  std::vector<Seen> seen() const;

  const std::vector<Capture>& captures() const { return captures_; }
  const std::vector<TouchedGrad>& touched_grads() const { return grads_; }
  const Ref& random_key() const { return random_key_; }  // null when unused
  std::int64_t random_streams() const { return random_streams_; }

 private:
  struct AppliedStep {
    Chain step;  // keeps it, so that its address means it
    Ref from, result;
  };

  Capture& capture(const StorageRef& storage);
  void look_at(const std::shared_ptr<TensorImpl>& tensor);

  static constinit thread_local Trace* current_;

  std::uint64_t id_;
  std::vector<Capture> captures_;
  std::unordered_map<const Storage*, std::size_t> capture_of_;
  std::unordered_map<const TensorImpl*, std::weak_ptr<TensorImpl>> seen_;
  std::vector<TouchedGrad> grads_;
  std::unordered_map<const GradSlot*, std::size_t> grad_of_;
  std::unordered_map<const Step*, AppliedStep> steps_;
  std::vector<Variable> variables_;
  Ref random_key_;
  std::int64_t random_streams_ = 0;
};

}  // namespace weft::detail
