// The update rules, written with in-place tensor operations, so that they are one with the program
// around them. What changes from step to step is a tensor: every step has the same graph.
#include <weft/optim.h>

#include <weft/autograd.h>
#include <weft/factories.h>
#include <weft/ops.h>
#include "frontend/scope.h"

namespace weft::optim {

using detail::OpScope;

namespace {

void check(bool good, const char* name, double value) {
  if (!good) detail::fail(std::string("invalid ") + name + ": " + std::to_string(value));
}

/// How often each parameter was updated; f64, so that what is computed from it is exact enough.
std::vector<Tensor> counters(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> all;
  for (const Tensor& p : parameters) all.push_back(zeros({}, dtype(f64).device(p.device())));
  return all;
}

void check_options(const SGDOptions& options) {
  check(options.lr >= 0, "learning rate", options.lr);
  check(options.momentum >= 0, "momentum value", options.momentum);
  check(options.weight_decay >= 0, "weight_decay value", options.weight_decay);
  if (options.nesterov && (options.momentum <= 0 || options.dampening != 0)) {
    detail::fail_plain("Nesterov momentum requires a momentum and zero dampening");
  }
}

void check_options(const AdamOptions& options) {
  check(options.lr >= 0, "learning rate", options.lr);
  check(options.eps >= 0, "epsilon value", options.eps);
  check(options.beta1 >= 0 && options.beta1 < 1, "beta parameter at index 0", options.beta1);
  check(options.beta2 >= 0 && options.beta2 < 1, "beta parameter at index 1", options.beta2);
  check(options.weight_decay >= 0, "weight_decay value", options.weight_decay);
}

}  // namespace

Optimizer::Optimizer(std::vector<Tensor> parameters, const char* name, const Location& where)
    : parameters_(std::move(parameters)) {
  const OpScope scope(name, where);
  if (parameters_.empty()) detail::fail_plain("optimizer got an empty parameter list");
  for (const Tensor& p : parameters_) {
    if (!p.is_leaf()) detail::fail_plain("can't optimize a non-leaf Tensor");
    if (!is_float(p.dtype())) {
      detail::fail("expected parameters of a float dtype, got " +
                   std::string(weft::name(p.dtype())));
    }
  }
}

void Optimizer::zero_grad() {
  for (Tensor& p : parameters_) p.zero_grad();
}

SGD::SGD(std::vector<Tensor> parameters, const SGDOptions& options, Here here)
    : Optimizer(std::move(parameters), "SGD", here), options_(options) {
  const OpScope scope("SGD", here);
  check_options(options);
  // Zeros take no memory before they are used: momentum may be turned on later.
  for (const Tensor& p : parameters_) momentum_.push_back(zeros_like(p));
  steps_ = counters(parameters_);
}

void SGD::step(Here here) {
  const OpScope scope("SGD::step", here);
  check_options(options_);
  const NoGradGuard guard;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    Tensor p = parameters_[k];
    Tensor g = p.grad();
    if (!g.defined()) continue;
    if (options_.weight_decay != 0) g = g + options_.weight_decay * p;
    if (options_.momentum != 0) {
      // The first gradient enters the buffer undampened.
      Tensor& buffer = momentum_[k];
      Tensor fresh = g;
      if (options_.dampening != 0) {
        const Tensor dampening = options_.dampening * (steps_[k] != 0).to(f64);
        fresh = g * (1 - dampening).to(g.dtype());
      }
      buffer.copy_(options_.momentum * buffer + fresh);
      if (options_.dampening != 0) steps_[k].add_(1);
      g = options_.nesterov ? g + options_.momentum * buffer : buffer;
    }
    p.sub_(options_.lr * g);
  }
}

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options, Here here)
    : Adam(std::move(parameters), options, false, "Adam", here) {}

Adam::Adam(std::vector<Tensor> parameters, const AdamOptions& options, bool decoupled,
           const char* name, const Location& where)
    : Optimizer(std::move(parameters), name, where), options_(options), decoupled_(decoupled) {
  const OpScope scope(name, where);
  check_options(options);
  for (const Tensor& p : parameters_) {
    mean_.push_back(zeros_like(p));
    square_.push_back(zeros_like(p));
  }
  steps_ = counters(parameters_);
}

void Adam::step(Here here) {
  const OpScope scope("Adam::step", here);
  check_options(options_);
  const NoGradGuard guard;
  const AdamOptions& o = options_;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    Tensor p = parameters_[k];
    Tensor g = p.grad();
    if (!g.defined()) continue;
    Tensor& step = steps_[k];
    Tensor value = p.detach();
    step.add_(1);
    if (o.weight_decay != 0 && decoupled_) value = value * (1 - o.lr * o.weight_decay);
    if (o.weight_decay != 0 && !decoupled_) g = g + o.weight_decay * value;
    mean_[k].copy_(o.beta1 * mean_[k] + (1 - o.beta1) * g);
    square_[k].copy_(o.beta2 * square_[k] + (1 - o.beta2) * g * g);
    const Tensor bias1 = 1 - pow(o.beta1, step), bias2 = 1 - pow(o.beta2, step);
    const Tensor rate = (o.lr / bias1).to(p.dtype()), root = sqrt(bias2).to(p.dtype());
    p.copy_(value - rate * (mean_[k] / (sqrt(square_[k]) / root + o.eps)));
  }
}

AdamW::AdamW(std::vector<Tensor> parameters, AdamOptions options, Here here)
    : Adam(std::move(parameters), options, true, "AdamW", here) {}

}  // namespace weft::optim
