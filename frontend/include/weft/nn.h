// A small torch.nn: layers with parameters, activations, Sequential, and losses.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <weft/ops.h>
#include <weft/options.h>
#include <weft/tensor.h>

namespace weft::nn {

/// A layer: a function of a tensor, with parameters that an optimizer updates in place.
class WEFT_API Module {
 public:
  virtual ~Module() = default;
  virtual Tensor forward(const Tensor& x, Here here = {}) const = 0;
  Tensor operator()(const Tensor& x, Here here = {}) const { return forward(x, here); }
  /// "weight", "0.bias", ... in declaration order.
  virtual std::vector<std::pair<std::string, Tensor>> named_parameters() const { return {}; }
  std::vector<Tensor> parameters() const;
  void zero_grad() const;
};

/// x @ weight.T + bias; weight [out, in] and bias uniform in +-1/sqrt(in), as PyTorch initialises.
class WEFT_API Linear : public Module {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, bool bias = true,
         const Options& options = {}, Here = {});
  Tensor forward(const Tensor& x, Here here = {}) const override;
  std::vector<std::pair<std::string, Tensor>> named_parameters() const override;

  Tensor weight;
  Tensor bias;  ///< Undefined without one.
};

/// Normalises over the last dimensions.
class WEFT_API LayerNorm : public Module {
 public:
  explicit LayerNorm(const Shape& normalized_shape, double eps = 1e-5, const Options& options = {},
                     Here = {});
  Tensor forward(const Tensor& x, Here here = {}) const override;
  std::vector<std::pair<std::string, Tensor>> named_parameters() const override;

  Tensor weight;
  Tensor bias;

 private:
  Shape shape_;
  double eps_;
};

class WEFT_API ReLU : public Module {
 public:
  Tensor forward(const Tensor& x, Here here = {}) const override;
};
class WEFT_API GELU : public Module {
 public:
  Tensor forward(const Tensor& x, Here here = {}) const override;
};
class WEFT_API SiLU : public Module {
 public:
  Tensor forward(const Tensor& x, Here here = {}) const override;
};
class WEFT_API Tanh : public Module {
 public:
  Tensor forward(const Tensor& x, Here here = {}) const override;
};
class WEFT_API Sigmoid : public Module {
 public:
  Tensor forward(const Tensor& x, Here here = {}) const override;
};

/// Layers one after another: `nn::Sequential net(nn::Linear(64, 32), nn::ReLU(), ...)`.
class WEFT_API Sequential : public Module {
 public:
  template <std::derived_from<Module>... Layers>
  explicit Sequential(Layers... layers) : layers_{std::make_shared<Layers>(std::move(layers))...} {}

  void push_back(std::shared_ptr<Module> layer) { layers_.push_back(std::move(layer)); }
  std::size_t size() const { return layers_.size(); }
  const Module& operator[](std::size_t k) const { return *layers_[k]; }
  Tensor forward(const Tensor& x, Here here = {}) const override;
  std::vector<std::pair<std::string, Tensor>> named_parameters() const override;

 private:
  std::vector<std::shared_ptr<Module>> layers_;
};

enum class Reduction : std::uint8_t { mean, sum, none };

/// -log_softmax(input)[target] for input [N, C] (or [C]) and class numbers i64 [N] (or []); targets
/// of input's own shape and dtype are class probabilities.
WEFT_API Tensor cross_entropy(const Tensor& input, const Tensor& target,
                              Reduction reduction = Reduction::mean, Here = {});
/// -input[target] for log-probabilities [N, C].
WEFT_API Tensor nll_loss(const Tensor& input, const Tensor& target,
                         Reduction reduction = Reduction::mean, Here = {});
WEFT_API Tensor mse_loss(const Tensor& input, const Tensor& target,
                         Reduction reduction = Reduction::mean, Here = {});
WEFT_API Tensor l1_loss(const Tensor& input, const Tensor& target,
                        Reduction reduction = Reduction::mean, Here = {});
WEFT_API Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                                 Reduction reduction = Reduction::mean, Here = {});
/// x @ weight.T + bias.
WEFT_API Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Here = {});

namespace init {
WEFT_API void uniform_(Tensor x, double low = 0, double high = 1, Here = {});
WEFT_API void normal_(Tensor x, double mean = 0, double std = 1, Here = {});
WEFT_API void constant_(Tensor x, double value, Here = {});
WEFT_API void kaiming_uniform_(Tensor x, double a = 0, Here = {});
WEFT_API void xavier_uniform_(Tensor x, double gain = 1, Here = {});
}  // namespace init

}  // namespace weft::nn
