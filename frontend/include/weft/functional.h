// Derivatives of C++ functions of tensors: grad, value_and_grad, vjp, jvp. They compose with each
// other and with jit. Arguments and results may be any tree of tensors (weft/tree.h).
#pragma once

#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include <weft/autograd.h>
#include <weft/tree.h>

namespace weft {

namespace detail {

/// Makes some tensors fresh variables while a function is called, then differentiates its results.
class WEFT_API Differentiation {
 public:
  /// Replaces each of `inputs` (the float ones) by a variable of the same value.
  Differentiation(std::vector<Tensor*> inputs, const char* transform, const Location& where);
  ~Differentiation();
  Differentiation(const Differentiation&) = delete;
  Differentiation& operator=(const Differentiation&) = delete;

  /// outputs[0] is a scalar: its gradients; undefined for inputs of no float dtype. Both the
  /// outputs and the gradients no longer depend on the variables, but on what stood there before.
  std::vector<Tensor> gradients(const std::vector<Tensor*>& outputs);
  /// The tangents of the outputs along those of the inputs.
  std::vector<Tensor> tangents(const std::vector<Tensor*>& outputs,
                               const std::vector<Tensor>& input_tangents);
  /// A function from cotangents of the outputs to those of the inputs.
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)> pullback(
      const std::vector<Tensor*>& outputs);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Rebuilds the chosen arguments with gradients in place of tensors: one bare, several as a tuple.
template <std::size_t... Arg, class Arguments>
auto choose(const Arguments& arguments, const std::vector<Tensor>& gradients) {
  std::tuple chosen{std::get<Arg>(arguments)...};
  chosen = with_tensors(std::move(chosen), gradients);
  if constexpr (sizeof...(Arg) == 1)
    return std::get<0>(std::move(chosen));
  else
    return chosen;
}

template <std::size_t... Arg, class Arguments>
std::vector<Tensor*> chosen_tensors(Arguments& arguments) {
  std::vector<Tensor*> all;
  (
      [&] {
        for (Tensor* t : tensors_in(std::get<Arg>(arguments))) all.push_back(t);
      }(),
      ...);
  return all;
}

template <class F, std::size_t... Arg>
class ValueAndGrad {
 public:
  explicit ValueAndGrad(F f, Here here) : f_(std::move(f)), here_(here) {}

  template <class... Args>
  auto operator()(const Args&... args) const {
    std::tuple<std::decay_t<Args>...> arguments(args...);
    auto before = arguments;
    Differentiation d(chosen_tensors<Arg...>(arguments), "grad", here_);
    auto value = std::apply(f_, arguments);
    std::vector<Tensor> gradients = d.gradients(tensors_in(value));
    return std::pair{std::move(value), choose<Arg...>(before, gradients)};
  }

 private:
  F f_;
  Here here_;
};

}  // namespace detail

/// (value, gradient) of f. f returns a scalar tensor, or a tree whose first tensor is that scalar
/// and whose rest is passed on. Differentiates the arguments numbered Arg..., the first unless
/// given: `value_and_grad<0, 1>(f)` gives a tuple of two gradients.
template <std::size_t... Arg, class F>
auto value_and_grad(F f, Here here = {}) {
  if constexpr (sizeof...(Arg) == 0)
    return detail::ValueAndGrad<F, 0>(std::move(f), here);
  else
    return detail::ValueAndGrad<F, Arg...>(std::move(f), here);
}

/// The gradient of f, as value_and_grad gives it.
template <std::size_t... Arg, class F>
auto grad(F f, Here here = {}) {
  return [both = value_and_grad<Arg...>(std::move(f), here)](const auto&... args) {
    return both(args...).second;
  };
}

namespace detail {
template <class F, class... Primals>
auto vjp_at(const Location& where, F f, const Primals&... primals) {
  std::tuple<std::decay_t<Primals>...> arguments(primals...);
  auto before = arguments;
  detail::Differentiation d(detail::tensors_in(arguments), "vjp", where);
  auto value = std::apply(f, arguments);
  auto back = d.pullback(detail::tensors_in(value));
  auto pullback = [back = std::move(back), before](const decltype(value)& cotangent) {
    std::vector<Tensor> flat;
    for (const Tensor* t : detail::tensors_in(cotangent)) flat.push_back(*t);
    auto result = detail::with_tensors(before, back(flat));
    if constexpr (sizeof...(Primals) == 1)
      return std::get<0>(std::move(result));
    else
      return result;
  };
  return std::pair{std::move(value), std::move(pullback)};
}
}  // namespace detail

/// f's result at the primals, and a function from a cotangent of that result (a tree like it) to
/// the cotangents of the primals (one bare, several as a tuple).
template <class F, class... Primals>
auto vjp(F f, const TensorHere& first, const Primals&... others) {
  return detail::vjp_at(first.where(), std::move(f), first.tensor(), others...);
}
/// The same where the first primal is a tree.
template <class F, class First, class... Primals>
requires(!std::is_same_v<First, Tensor>) auto vjp(F f, const First& first,
                                                  const Primals&... others) {
  return detail::vjp_at(Location(), std::move(f), first, others...);
}

/// (value, tangent of the value) of f at a tuple of primals along a tuple of tangents.
template <class F, class... Primals>
auto jvp(F f, const std::tuple<Primals...>& primals, const std::tuple<Primals...>& tangents,
         Here here = {}) {
  std::tuple<Primals...> arguments = primals;
  detail::Differentiation d(detail::tensors_in(arguments), "jvp", here);
  auto value = std::apply(f, arguments);
  std::vector<Tensor> flat;
  for (const Tensor* t : detail::tensors_in(tangents)) flat.push_back(*t);
  auto tangent = detail::with_tensors(value, d.tangents(detail::tensors_in(value), flat));
  return std::pair{std::move(value), std::move(tangent)};
}
template <class F>
auto jvp(F f, const Tensor& primal, const Tensor& tangent, Here here = {}) {
  return jvp(std::move(f), std::tuple{primal}, std::tuple{tangent}, here);
}

}  // namespace weft
