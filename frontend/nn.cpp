#include <weft/nn.h>

#include <cmath>

#include <weft/autograd.h>
#include <weft/factories.h>
#include "frontend/promote.h"
#include "frontend/storage.h"
#include "frontend/views.h"

namespace weft::nn {

using detail::OpScope;
using Named = std::vector<std::pair<std::string, Tensor>>;

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> all;
  for (auto& [name, tensor] : named_parameters()) all.push_back(tensor);
  return all;
}

void Module::zero_grad() const {
  for (Tensor& parameter : parameters()) parameter.zero_grad();
}

// PyTorch: kaiming_uniform_(weight, a = sqrt(5)), which is +-1/sqrt(in), as is the bias.
Linear::Linear(std::int64_t in_features, std::int64_t out_features, bool with_bias,
               const Options& options, Here here) {
  const OpScope scope("Linear", here);
  weight = empty({out_features, in_features}, options);
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  weight.requires_grad_();
  if (!with_bias) return;
  const double bound = in_features > 0 ? 1 / std::sqrt(static_cast<double>(in_features)) : 0;
  bias = empty({out_features}, options);
  init::uniform_(bias, -bound, bound);
  bias.requires_grad_();
}

Tensor Linear::forward(const Tensor& x, Here here) const { return linear(x, weight, bias, here); }

Named Linear::named_parameters() const {
  Named all{{"weight", weight}};
  if (bias.defined()) all.emplace_back("bias", bias);
  return all;
}

LayerNorm::LayerNorm(const Shape& normalized_shape, double eps, const Options& options, Here here)
    : weight(ones(normalized_shape, options, here)),
      bias(zeros(normalized_shape, options, here)),
      shape_(normalized_shape),
      eps_(eps) {
  weight.requires_grad_();
  bias.requires_grad_();
}

Tensor LayerNorm::forward(const Tensor& x, Here here) const {
  return layer_norm(x, shape_, weight, bias, eps_, here);
}

Named LayerNorm::named_parameters() const { return {{"weight", weight}, {"bias", bias}}; }

Tensor ReLU::forward(const Tensor& x, Here here) const { return relu(x, here); }
Tensor GELU::forward(const Tensor& x, Here here) const { return gelu(x, here); }
Tensor SiLU::forward(const Tensor& x, Here here) const { return silu(x, here); }
Tensor Tanh::forward(const Tensor& x, Here here) const { return tanh(x, here); }
Tensor Sigmoid::forward(const Tensor& x, Here here) const { return sigmoid(x, here); }

Tensor Sequential::forward(const Tensor& x, Here here) const {
  Tensor y = x;
  for (const auto& layer : layers_) y = layer->forward(y, here);
  return y;
}

Named Sequential::named_parameters() const {
  Named all;
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    for (auto& [name, tensor] : layers_[k]->named_parameters()) {
      all.emplace_back(std::to_string(k) + "." + name, tensor);
    }
  }
  return all;
}

namespace {

Tensor reduced(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::sum ? losses.sum() : losses.mean();
}

void check_same_shape(const Tensor& input, const Tensor& target) {
  if (input.shape() != target.shape()) {
    detail::fail("expected input and target of one shape, got " + input.shape().str() + " and " +
                 target.shape().str());
  }
}

/// x[target] for each row of x [N, C] or [C].
Tensor picked(const Tensor& x, const Tensor& target) {
  if (!is_int(target.dtype())) {
    detail::fail("expected target of class numbers (i64), got " +
                 std::string(name(target.dtype())));
  }
  const bool fits =
      x.dim() == target.dim() + 1 && x.dim() <= 2 && (x.dim() == 1 || x.size(0) == target.size(0));
  if (!fits) {
    detail::fail("expected input [N, C] with target [N], or [C] with [], got " + x.shape().str() +
                 " and " + target.shape().str());
  }
  return where(detail::is_class(target, x.size(-1), "target class"), x, 0).sum(-1);
}

/// -log_softmax(x)[target], with the class picked before the sum is known: in one pass over the row
/// less, and in the gradient as well.
Tensor class_losses(const Tensor& x, const Tensor& target) {
  const Tensor z = x - x.detach().amax({-1}, true);
  return z.exp().sum(-1).log() - picked(z, target);
}

}  // namespace

Tensor cross_entropy(const Tensor& input, const Tensor& target, Reduction reduction, Here here) {
  const OpScope scope("cross_entropy", here);
  if (!is_float(target.dtype())) return reduced(class_losses(input, target), reduction);
  check_same_shape(input, target);
  return reduced(-(log_softmax(input, -1) * target).sum(-1), reduction);
}

Tensor nll_loss(const Tensor& input, const Tensor& target, Reduction reduction, Here here) {
  const OpScope scope("nll_loss", here);
  return reduced(-picked(input, target), reduction);
}

Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction, Here here) {
  const OpScope scope("mse_loss", here);
  check_same_shape(input, target);
  return reduced(square(input - target), reduction);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction, Here here) {
  const OpScope scope("l1_loss", here);
  check_same_shape(input, target);
  return reduced(abs(input - target), reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        Reduction reduction, Here here) {
  const OpScope scope("binary_cross_entropy_with_logits", here);
  check_same_shape(input, target);
  return reduced((1 - target) * input - logsigmoid(input), reduction);
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Here here) {
  const OpScope scope("linear", here);
  if (weight.dim() != 2 || x.dim() == 0 || x.size(-1) != weight.size(1)) {
    detail::fail("expected input [..., in] and weight [out, in], got " + x.shape().str() + " and " +
                 weight.shape().str());
  }
  const Tensor product = matmul(x, weight.t());
  return bias.defined() ? product + bias : product;
}

namespace init {

void uniform_(Tensor x, double low, double high, Here here) {
  const NoGradGuard guard;
  x.uniform_(low, high, here);
}

void normal_(Tensor x, double mean, double std, Here here) {
  const NoGradGuard guard;
  x.normal_(mean, std, here);
}

void constant_(Tensor x, double value, Here here) {
  const OpScope scope("constant_", here);
  const NoGradGuard guard;
  x.fill_(value);
}

void kaiming_uniform_(Tensor x, double a, Here here) {
  const OpScope scope("kaiming_uniform_", here);
  if (x.dim() < 2) detail::fail("expected at least 2 dimensions, got " + x.shape().str());
  const double fan_in = static_cast<double>(x.numel()) / static_cast<double>(x.size(0));
  const double bound = std::sqrt(6 / ((1 + a * a) * (fan_in > 0 ? fan_in : 1)));
  uniform_(x, -bound, bound, here);
}

void xavier_uniform_(Tensor x, double gain, Here here) {
  const OpScope scope("xavier_uniform_", here);
  if (x.dim() != 2) detail::fail("expected a matrix, got " + x.shape().str());
  const double bound = gain * std::sqrt(6 / static_cast<double>(x.size(0) + x.size(1)));
  uniform_(x, -bound, bound, here);
}

}  // namespace init
}  // namespace weft::nn
