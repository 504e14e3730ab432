// Analytic Jacobians, row by row by reverse mode, against central differences, column by column.
#include <weft/gradcheck.h>

#include <cmath>
#include <cstdio>

#include <weft/autograd.h>
#include <weft/factories.h>
#include <weft/ops.h>
#include <weft/random.h>
#include "frontend/scope.h"

namespace weft {

using detail::OpScope;

namespace {

bool is_varied(const Tensor& t) { return is_float(t.dtype()) && t.requires_grad(); }

std::vector<double> doubles(const Tensor& t) { return t.detach().to(f64).to_vector<double>(); }

Tensor from_doubles(const std::vector<double>& values, const Tensor& like) {
  return tensor(values).to(like.dtype()).reshape(like.shape());
}

/// About the cube root of the precision, scaled by the element: the best step of central
/// differences.
double automatic_step(DType dtype, double at) {
  const double base = dtype == DType::f64 ? 1e-6 : 5e-3;
  return base * std::max(1.0, std::abs(at));
}

double tolerance(double given, DType dtype, double for_f64, double for_f32) {
  return given >= 0 ? given : dtype == DType::f64 ? for_f64 : for_f32;
}

/// Outputs of a float dtype as doubles, with the chosen input element moved.
std::vector<std::vector<double>> outputs_at(const TensorFunction& f, std::vector<Tensor> inputs,
                                            std::size_t input, const std::vector<double>& values) {
  inputs[input] = from_doubles(values, inputs[input]).requires_grad_();
  std::vector<std::vector<double>> all;
  for (const Tensor& y : f(inputs)) {
    if (is_float(y.dtype())) all.push_back(doubles(y));
  }
  return all;
}

/// jacobian[output][element of output][input][element of input]
using Rows = std::vector<std::vector<std::vector<double>>>;

Rows analytic_rows(const Tensor& output, const std::vector<Tensor>& varied) {
  Rows rows;
  for (std::int64_t k = 0; k < output.numel(); ++k) {
    rows.emplace_back();
    std::vector<Tensor> gradients(varied.size());
    if (output.requires_grad()) {
      std::vector<double> one(static_cast<std::size_t>(output.numel()), 0.0);
      one[static_cast<std::size_t>(k)] = 1;
      gradients = autograd::grad({output}, varied,
                                 {.grad_outputs = {from_doubles(one, output)},
                                  .retain_graph = true,
                                  .allow_unused = true});
    }
    for (std::size_t i = 0; i < varied.size(); ++i) {
      rows.back().push_back(
          gradients[i].defined()
              ? doubles(gradients[i])
              : std::vector<double>(static_cast<std::size_t>(varied[i].numel()), 0.0));
    }
  }
  return rows;
}

class Comparison {
 public:
  Comparison(GradcheckReport& report, const GradcheckOptions& options)
      : report_(report), options_(options) {}

  void compare(double analytic, double numeric, DType dtype, double eps, std::size_t output,
               std::int64_t output_element, std::size_t input, std::int64_t input_element) {
    ++report_.compared;
    const double atol = tolerance(options_.atol, dtype, 1e-5, 1e-2);
    const double rtol = tolerance(options_.rtol, dtype, 1e-3, 2e-2);
    const double error = std::abs(analytic - numeric);
    const bool same = analytic == numeric || (std::isnan(analytic) && std::isnan(numeric));
    const double ratio = same                ? 0
                         : std::isnan(error) ? INFINITY
                                             : error / (atol + rtol * std::abs(numeric));
    if (ratio > 1) report_.ok = false;
    if (ratio <= worst_ && report_.compared > 1) return;
    worst_ = ratio;
    report_.worst_error = error;
    report_.analytic = analytic;
    report_.numeric = numeric;
    report_.eps = eps;
    report_.worst_output = output;
    report_.worst_output_element = output_element;
    report_.worst_input = input;
    report_.worst_input_element = input_element;
  }

 private:
  GradcheckReport& report_;
  const GradcheckOptions& options_;
  double worst_ = -1;
};

void describe(GradcheckReport& report, const char* name) {
  char text[512];
  std::snprintf(text, sizeof text,
                "%s %s: %lld Jacobian elements compared; worst at output %zu element %lld, input "
                "%zu element %lld: analytic %.9g, numeric %.9g (difference %.3g, step %.3g)",
                name, report.ok ? "passed" : "failed", static_cast<long long>(report.compared),
                report.worst_output, static_cast<long long>(report.worst_output_element),
                report.worst_input, static_cast<long long>(report.worst_input_element),
                report.analytic, report.numeric, report.worst_error, report.eps);
  report.message = text;
}

GradcheckReport check(const char* name, const TensorFunction& f, const std::vector<Tensor>& given,
                      const GradcheckOptions& options) {
  std::vector<Tensor> inputs, varied;
  std::vector<std::size_t> position;
  for (const Tensor& t : given) {
    // Leaves of their own, so that the caller's gradients stay as they are.
    inputs.push_back(is_varied(t) ? t.detach().clone().requires_grad_() : t);
    if (!is_varied(t)) continue;
    varied.push_back(inputs.back());
    position.push_back(inputs.size() - 1);
  }
  if (varied.empty()) {
    detail::fail_plain(
        "gradcheck expects at least one input tensor to require gradient, but none of them have "
        "requires_grad=True.");
  }
  const EnableGradGuard guard;
  std::vector<Tensor> outputs;
  for (const Tensor& y : f(inputs)) {
    if (is_float(y.dtype())) outputs.push_back(y);
  }
  std::vector<Rows> analytic;
  for (const Tensor& y : outputs) analytic.push_back(analytic_rows(y, varied));

  GradcheckReport report;
  Comparison comparison(report, options);
  for (std::size_t i = 0; i < varied.size(); ++i) {
    const DType dtype = varied[i].dtype();
    std::vector<double> values = doubles(varied[i]);
    for (std::size_t e = 0; e < values.size(); ++e) {
      const double at = values[e];
      const double eps = options.eps > 0 ? options.eps : automatic_step(dtype, at);
      values[e] = at + eps;
      const auto above = outputs_at(f, inputs, position[i], values);
      values[e] = at - eps;
      const auto below = outputs_at(f, inputs, position[i], values);
      values[e] = at;
      // What the step became in the dtype's own precision.
      const double width = dtype == DType::f64
                               ? (at + eps) - (at - eps)
                               : static_cast<double>(static_cast<float>(at + eps)) -
                                     static_cast<double>(static_cast<float>(at - eps));
      for (std::size_t o = 0; o < outputs.size(); ++o) {
        for (std::size_t k = 0; k < above[o].size(); ++k) {
          comparison.compare(analytic[o][k][i][e], (above[o][k] - below[o][k]) / width, dtype, eps,
                             o, static_cast<std::int64_t>(k), position[i],
                             static_cast<std::int64_t>(e));
        }
      }
    }
  }
  describe(report, name);
  if (!report.ok && options.raise_exception) detail::fail(report.message);
  return report;
}

}  // namespace

GradcheckReport gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options, Here here) {
  const OpScope scope("gradcheck", here);
  return check("gradcheck", f, inputs, options);
}

GradcheckReport gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options, Here here) {
  const OpScope scope("gradgradcheck", here);
  // The gradient as a function of the inputs, along fixed random cotangents.
  std::vector<Tensor> cotangents;
  {
    const EnableGradGuard guard;
    for (const Tensor& y : f(inputs)) {
      if (y.requires_grad()) cotangents.push_back(randn(y.shape(), y.dtype()).eval());
    }
  }
  const auto gradient = [&](const std::vector<Tensor>& x) {
    std::vector<Tensor> outputs, varied;
    for (const Tensor& y : f(x)) {
      if (y.requires_grad()) outputs.push_back(y);
    }
    for (const Tensor& t : x) {
      if (is_varied(t)) varied.push_back(t);
    }
    std::vector<Tensor> gradients = autograd::grad(
        outputs, varied, {.grad_outputs = cotangents, .create_graph = true, .allow_unused = true});
    std::erase_if(gradients, [](const Tensor& g) { return !g.defined(); });
    return gradients;
  };
  return check("gradgradcheck", gradient, inputs, options);
}

}  // namespace weft
