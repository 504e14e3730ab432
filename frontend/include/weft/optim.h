// Optimizers with torch.optim's formulas. step() updates the parameters in place, without recording
// gradients; inside jit the update becomes part of the compiled step, and so do the options as they
// are when the step is recorded: what options() changes afterwards counts outside of jit only, or
// where a number among the arguments makes jit record the step anew.
#pragma once

#include <vector>

#include <weft/tensor.h>

namespace weft::optim {

class WEFT_API Optimizer {
 public:
  explicit Optimizer(std::vector<Tensor> parameters, const char* name, const Location& where);
  virtual ~Optimizer() = default;
  /// Parameters whose grad() is undefined are left alone.
  virtual void step(Here = {}) = 0;
  /// Leaves every grad() undefined.
  void zero_grad();
  const std::vector<Tensor>& parameters() const { return parameters_; }

 protected:
  std::vector<Tensor> parameters_;
};

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
};

class WEFT_API SGD : public Optimizer {
 public:
  SGD(std::vector<Tensor> parameters, const SGDOptions& options, Here = {});
  void step(Here = {}) override;
  SGDOptions& options() { return options_; }

 private:
  SGDOptions options_;
  std::vector<Tensor> momentum_;  // one buffer for each parameter, and how often it was updated
  std::vector<Tensor> steps_;
};

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
};

/// weight_decay is added to the gradient.
class WEFT_API Adam : public Optimizer {
 public:
  Adam(std::vector<Tensor> parameters, const AdamOptions& options = {}, Here = {});
  void step(Here = {}) override;
  AdamOptions& options() { return options_; }

 protected:
  Adam(std::vector<Tensor> parameters, const AdamOptions& options, bool decoupled, const char* name,
       const Location& where);

 private:
  AdamOptions options_;
  bool decoupled_ = false;
  std::vector<Tensor> mean_, square_;
  std::vector<Tensor> steps_;
};

/// weight_decay shrinks the parameter itself.
class WEFT_API AdamW : public Adam {
 public:
  AdamW(std::vector<Tensor> parameters, AdamOptions options = {.weight_decay = 1e-2}, Here = {});
};

}  // namespace weft::optim
