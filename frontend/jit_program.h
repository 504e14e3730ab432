// One traced and compiled signature of a jitted function: what goes in, what comes out, and how the
// outside world changes at each call.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <weft/jit.h>
#include "frontend/trace.h"

namespace weft::detail {

class JitProgram {
 public:
  /// Calls the function once with placeholders and compiles what it recorded.
  static std::unique_ptr<JitProgram> make(const SignatureKey& key, const TraceFunction& function,
                                          const CompileOptions& options);

  bool matches(const SignatureKey& key, bool grad_mode) const;
  /// False, and nothing done, where another thread's call has changed what matches() looked at.
  bool run(const SignatureKey& key, bool grad_mode, JitResults& results) const;

  /// Never again: a tensor that the function captured is no more.
  bool is_dead() const;

  const std::shared_ptr<const void>& example() const { return example_; }
  const ir::Graph& graph() const { return graph_; }
  const runtime::Executable& executable() const { return *executable_; }
  double trace_ms() const { return trace_ms_; }
  /// In which respect a call with `key` is another signature: "argument 1 is f32[3], not f32[2]".
  std::string difference(const SignatureKey& key, bool grad_mode) const;

  std::atomic<JitProgram*> next{nullptr};  // the one made before

 private:
  using Tensors = std::span<const Tensor* const>;

  struct Argument {
    LayoutRef layout;
    bool requires_grad;
    Ref placeholder;                   // null when shared
    std::size_t shared = Trace::none;  // the capture that its storage is
    Chain chain = nullptr;             // from there, when shared
    bool written = false;
  };
  /// A storage that is written and that several arguments, or an argument and a capture, refer to.
  /// The function gets these arguments as views of one capture.
  struct Shared {
    StorageRef storage;
    bool captured;  // by the function too: every call must come with this very storage
  };
  struct GradGuard {
    std::shared_ptr<GradSlot> slot;
    bool was_defined;
    ir::Type type;
    Ref placeholder;  // null when it is not read
    bool looked_at = false;
  };
  struct Input {
    enum class From : std::uint8_t { argument, capture, grad, random, constant } from;
    std::size_t index;
  };
  struct Output {
    enum class To : std::uint8_t { result, argument, capture, grad_value, grad_set } to;
    std::size_t index;
    LayoutRef layout;
  };

  /// Which inputs a call may write over: their storages lend them until they get what the call
  /// makes, or their values back where it fails.
  struct Loans {
    explicit Loans(std::span<const Ref> inputs) : values(inputs) {}
    ~Loans();
    Loans(const Loans&) = delete;
    Loans& operator=(const Loans&) = delete;
    std::span<const bool> flags() const { return {given.get(), given ? values.size() : 0}; }

    std::span<const Ref> values;
    std::unique_ptr<bool[]> given;
    std::vector<std::pair<Storage*, std::size_t>> lent;  // and which input
  };

  std::vector<Ref> trace(Tensors given, const TraceFunction& function,
                         const std::vector<Shared>& shared);
  static Tensor placeholder_for(Argument& argument, const TensorImpl& impl,
                                const std::vector<Shared>& shared);
  void find_outputs(const std::vector<Tensor>& arguments, const TracedResult& traced,
                    const Trace& trace, std::vector<Ref>& values);
  void release_shared(const std::vector<Shared>& shared);
  bool add_shared(Tensors given, std::vector<Shared>& shared) const;
  bool shares_as_traced(Tensors given) const;
  const StorageRef& storage_of(const Trace::Capture& capture, Tensors arguments) const;
  void find_inputs(const std::vector<Ref>& inputs);
  Ref value_of_input(const Input& input, Tensors arguments) const;
  std::vector<std::unique_lock<std::mutex>> lock_written(Tensors arguments) const;
  void lend_inputs(Loans& loans, Tensors arguments) const;
  void run_compiled(Tensors arguments, std::span<Tensor> results) const;
  void run_recorded(Tensors arguments, std::span<Tensor> results) const;
  void deliver(const Output& output, Ref value, Tensors arguments, std::span<Tensor> results) const;

  std::string key_;
  const std::type_info* types_ = nullptr;
  bool grad_mode_ = true;
  std::vector<Argument> arguments_;
  std::vector<Trace::Capture> captures_;
  std::vector<Trace::Variable> variables_;
  std::vector<Trace::Seen> seen_;
  std::vector<GradGuard> grads_;
  std::vector<std::shared_ptr<GradSlot>> cleared_grads_;
  Ref random_key_;
  std::int64_t random_streams_ = 0;
  std::vector<Ref> constants_;  // values known when tracing
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<Ref> output_values_;  // as traced
  std::size_t result_count_ = 0;
  bool writes_captures_ = false;
  bool writes_arguments_ = false;
  bool writes_ = false;          // captures, arguments or gradients: calls on them take turns
  bool differentiable_ = false;  // a result carries gradients out of the call
  std::shared_ptr<const void> example_;
  ir::Graph graph_;
  std::shared_ptr<const runtime::Executable> executable_;
  double trace_ms_ = 0;
};

/// The records that `values` are made of, recorded anew with some of them replaced.
std::vector<Ref> record_again(const std::vector<Ref>& values,
                              std::unordered_map<const Record*, Ref> replaced);

}  // namespace weft::detail
