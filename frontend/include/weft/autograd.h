// Gradients by recording, as PyTorch's autograd: who records, and gradients without touching
// grad().
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <weft/tensor.h>

namespace weft {

WEFT_API bool is_grad_enabled();

namespace detail {
/// Sets the grad mode of this thread and restores it at the end of the scope.
class WEFT_API GradModeGuard {
 public:
  explicit GradModeGuard(bool enabled);
  ~GradModeGuard();
  GradModeGuard(const GradModeGuard&) = delete;
  GradModeGuard& operator=(const GradModeGuard&) = delete;

 private:
  bool before_;
};
}  // namespace detail

/// While one is alive on this thread, results do not require grad.
class NoGradGuard {
 private:
  detail::GradModeGuard guard_{false};
};
class EnableGradGuard {
 private:
  detail::GradModeGuard guard_{true};
};

/// Calls f without recording gradients: `no_grad([&] { w -= 0.1 * w.grad(); })`.
template <class F>
decltype(auto) no_grad(F&& f) {
  NoGradGuard guard;
  return std::forward<F>(f)();
}

namespace autograd {

struct GradOptions {
  std::vector<Tensor> grad_outputs{};  ///< Ones for scalar outputs unless given.
  std::optional<bool> retain_graph{};  ///< create_graph unless given.
  bool create_graph = false;           ///< The gradients can be differentiated again.
  bool allow_unused = false;           ///< Undefined for inputs that do not matter, not an error.
};

/// The gradients of the sum of `outputs` with respect to each of `inputs`.
WEFT_API std::vector<Tensor> grad(const std::vector<Tensor>& outputs,
                                  const std::vector<Tensor>& inputs,
                                  const GradOptions& options = {}, Here = {});
inline std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs,
                                const GradOptions& options = {}, Here here = {}) {
  return grad(std::vector<Tensor>{output}, inputs, options, here);
}
WEFT_API void backward(const std::vector<Tensor>& tensors,
                       const std::vector<Tensor>& grad_tensors = {},
                       std::optional<bool> retain_graph = {}, bool create_graph = false, Here = {});

}  // namespace autograd
}  // namespace weft
