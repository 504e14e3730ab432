// Compares analytic gradients with finite differences, for any number of inputs of any shape.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <weft/tensor.h>

namespace weft {

struct GradcheckOptions {
  double eps = 0;    ///< Step of the differences; 0 chooses it from dtype and magnitude.
  double atol = -1;  ///< Negative: 1e-5 for f64, 1e-2 for f32.
  double rtol = -1;  ///< Negative: 1e-3 for f64, 2e-2 for f32.
  bool raise_exception = false;  ///< Throw weft::Error with the report instead of returning it.
};

struct GradcheckReport {
  bool ok = true;
  double worst_error = 0;  ///< |analytic - numeric|, where it is largest against its bound.
  double analytic = 0, numeric = 0;
  std::size_t worst_output = 0;  ///< Which output, and which element of it (row-major).
  std::size_t worst_input = 0;
  std::int64_t worst_output_element = 0, worst_input_element = 0;
  double eps = 0;             ///< The step used there.
  std::int64_t compared = 0;  ///< Elements of all Jacobians.
  std::string message;        ///< One paragraph for people.
  explicit operator bool() const { return ok; }
};

using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// Every float input that requires grad is varied, element by element, by central differences.
WEFT_API GradcheckReport gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                                   const GradcheckOptions& options = {}, Here = {});
/// The same for the gradients of f, along random cotangents.
WEFT_API GradcheckReport gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                                       const GradcheckOptions& options = {}, Here = {});

namespace detail {
template <class F, std::size_t... K>
TensorFunction as_tensor_function(F f, std::index_sequence<K...>) {
  return [f](const std::vector<Tensor>& x) { return std::vector<Tensor>{f(x[K]...)}; };
}
}  // namespace detail

/// `gradcheck([](Tensor a, Tensor b) { return a * b; }, a, b)`, tolerances as chosen by default.
template <class F, class... Inputs>
requires std::is_invocable_r_v<Tensor, F, Tensor, Inputs...> GradcheckReport
gradcheck(F f, const TensorHere& first, const Inputs&... others) {
  return gradcheck(detail::as_tensor_function(f, std::index_sequence_for<Tensor, Inputs...>()),
                   std::vector<Tensor>{first.tensor(), others...}, {}, first.where());
}
template <class F, class... Inputs>
requires std::is_invocable_r_v<Tensor, F, Tensor, Inputs...> GradcheckReport
gradgradcheck(F f, const TensorHere& first, const Inputs&... others) {
  return gradgradcheck(detail::as_tensor_function(f, std::index_sequence_for<Tensor, Inputs...>()),
                       std::vector<Tensor>{first.tensor(), others...}, {}, first.where());
}

}  // namespace weft
