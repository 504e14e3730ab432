// jit(f): records f once per signature of its arguments, compiles it, and afterwards only runs it.
#pragma once

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <typeinfo>
#include <vector>

#include <weft/autograd.h>
#include <weft/tree.h>

namespace weft {

enum class Backend : std::uint8_t {
  cpu,     ///< Machine code through LLVM.
  interp,  ///< The reference interpreter: slow, and equal to the bit.
};

struct CompileOptions {
  bool fuse = true;  ///< false: every operation is a kernel of its own.
  Backend backend = Backend::cpu;
};

/// The options of what is evaluated outside of jit, on all threads.
WEFT_API void set_compile_options(const CompileOptions& options);
WEFT_API CompileOptions compile_options();

/// Threads that kernels use; WEFT_THREADS or the number of cores unless set.
WEFT_API void set_num_threads(int threads, Here = {});
WEFT_API int get_num_threads();

/// What compiling the last called signature of a jitted function did.
struct JitReport {
  std::size_t recorded_operations = 0;
  std::size_t kernels = 0;           ///< Launches after fusion.
  std::size_t kernels_compiled = 0;  ///< Those that no cache held.
  double trace_ms = 0, passes_ms = 0, lower_ms = 0, codegen_ms = 0;
  double compile_ms = 0;  ///< All but tracing.
  std::size_t peak_bytes = 0, bound_bytes = 0;
  std::size_t signatures = 0;  ///< How many have been traced so far.
};

namespace detail {

/// What a call is recorded for: the C++ types of its arguments, their tensors, and, as bytes,
/// lengths, numbers, flags and texts.
class SignatureKey {
 public:
  explicit SignatureKey(const std::type_info& types) : types_(&types) {}
  template <class P>
  void plain(const P& value) {
    if constexpr (std::is_same_v<P, std::string>) {
      plain(value.size());
      bytes_.append(value);
    } else {
      char raw[sizeof(P)];
      std::memcpy(raw, &value, sizeof(P));
      bytes_.append(raw, sizeof(P));
    }
  }
  void tensor(const Tensor& t) {
    if (count_ < first_.size()) {
      first_[count_] = &t;
    } else {
      if (all_.empty()) all_.assign(first_.begin(), first_.end());
      all_.push_back(&t);
    }
    ++count_;
  }

  const std::type_info& types() const { return *types_; }
  std::string_view bytes() const { return bytes_; }
  std::span<const Tensor* const> tensors() const {
    return all_.empty() ? std::span(first_.data(), count_) : std::span(all_);
  }

 private:
  const std::type_info* types_;
  std::string bytes_;
  std::array<const Tensor*, 8> first_;  // few need no memory from elsewhere
  std::size_t count_ = 0;
  std::vector<const Tensor*> all_;
};

/// What a trace leaves behind: its tensors, and, where the result is not just one, the result tree
/// as an example.
struct TracedResult {
  std::shared_ptr<const void> example;
  std::vector<Tensor> tensors;
};

/// The tensors of a call's results; a single one needs no memory from elsewhere.
class JitResults {
 public:
  std::span<Tensor> resize(std::size_t count) {
    count_ = count;
    if (count > 1) many_.resize(count);
    return tensors();
  }
  std::span<Tensor> tensors() { return count_ > 1 ? std::span(many_) : std::span(&one_, count_); }

 private:
  Tensor one_;
  std::size_t count_ = 0;
  std::vector<Tensor> many_;
};

using TraceFunction = std::function<TracedResult(std::vector<Tensor>)>;

/// How an argument is kept: a string literal as its text.
template <class T>
struct ArgumentOf {
  using type = T;
};
template <std::size_t N>
struct ArgumentOf<char[N]> {
  using type = std::string;
};
template <class T>
using Argument = typename ArgumentOf<T>::type;

/// The signatures of one jitted function, each with its executable.
class WEFT_API JitCache {
 public:
  JitCache(const CompileOptions& options, const Location& where);
  ~JitCache();
  /// Fills `results`; returns the example tree of this signature.
  std::shared_ptr<const void> call(const SignatureKey& key, const TraceFunction& trace,
                                   JitResults& results);
  JitReport report() const;
  std::string explain() const;
  std::string dump(Stage stage) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// A function made by jit(). Copies share what has been compiled; threads may call it at once.
template <class F>
class Jitted {
 public:
  Jitted(F f, const CompileOptions& options, Here here)
      : f_(std::make_shared<F>(std::move(f))),
        cache_(std::make_shared<detail::JitCache>(options, here)) {}

  template <class... Args>
  auto operator()(const Args&... args) const {
    return call<detail::Argument<Args>...>(args...);
  }

  /// Figures, explanation and text of the signature called last.
  JitReport report() const { return cache_->report(); }
  std::string explain() const { return cache_->explain(); }
  std::string dump(Stage stage = Stage::graph) const { return cache_->dump(stage); }

 private:
  template <class... Args>
  auto call(const Args&... args) const {
    using Result = decltype((*f_)(std::declval<Args&>()...));
    detail::SignatureKey key(typeid(std::tuple<Args...>));
    (detail::walk(args, key), ...);
    auto trace = [&](std::vector<Tensor> inputs) {
      std::tuple<Args...> arguments(args...);
      arguments = detail::with_tensors(std::move(arguments), inputs);
      detail::TracedResult traced;
      if constexpr (std::is_void_v<Result>) {
        std::apply(*f_, arguments);
      } else if constexpr (std::is_same_v<Result, Tensor>) {
        traced.tensors.push_back(std::apply(*f_, arguments));
      } else {
        auto result = std::make_shared<Result>(std::apply(*f_, arguments));
        for (Tensor* t : detail::tensors_in(*result)) traced.tensors.push_back(*t);
        traced.example = std::move(result);
      }
      return traced;
    };
    detail::JitResults results;
    const auto example = cache_->call(key, std::cref(trace), results);
    if constexpr (std::is_same_v<Result, Tensor>) {
      return std::move(results.tensors()[0]);
    } else if constexpr (!std::is_void_v<Result>) {
      return detail::with_tensors(*static_cast<const Result*>(example.get()), results.tensors());
    }
  }

  std::shared_ptr<F> f_;
  std::shared_ptr<detail::JitCache> cache_;
};

/// Records f at its first call with arguments of new types, shapes, dtypes or structure. Tensors
/// that f captures are read anew at each call, and writes to them happen at each call; numbers that
/// f captures are fixed at the first. Where a captured tensor has become (or is no longer) a
/// variable, or where the handle that f captured by reference was given another tensor, f is
/// recorded anew; but that cannot be seen while other handles keep the tensor of before, so write
/// captured tensors in place (`w.sub_(...)`), or pass them as arguments. Looking at a value inside
/// f throws weft::Error. Positions that are not known while f is recorded are clamped to the
/// dimension instead of checked. Where f writes a tensor that it was given twice, or given and
/// captured, f is called twice to be recorded.
template <class F>
Jitted<std::decay_t<F>> jit(F&& f, const CompileOptions& options = {}, Here here = {}) {
  return Jitted<std::decay_t<F>>(std::forward<F>(f), options, here);
}

}  // namespace weft
