// A two-layer classifier of 8x8 images, and its training step: forward, backward and Adam recorded
// once, differentiated, fused and compiled.
#pragma once

#include <functional>

#include <weft/weft.h>

namespace weft::tools {

class Trainer {
 public:
  struct Settings {
    std::int64_t inputs = 64, hidden = 256, classes = 10;
    double learning_rate = 2e-3;
  };

  Trainer(const Settings& settings, const CompileOptions& options);
  Trainer(const Trainer&) = delete;  // the compiled step refers to this object
  Trainer& operator=(const Trainer&) = delete;

  /// One update on images f32 [n, inputs] and labels i64 [n]; returns the loss before it, f32 [].
  Tensor step(const Tensor& images, const Tensor& labels) { return step_(images, labels); }
  /// Class scores, f32 [n, classes].
  Tensor scores(const Tensor& images) const { return net_(images); }
  JitReport report() const { return step_.report(); }
  std::string dump(Stage stage) const { return step_.dump(stage); }

 private:
  using Step = std::function<Tensor(const Tensor&, const Tensor&)>;

  Tensor record(const Tensor& images, const Tensor& labels);

  nn::Sequential net_;
  optim::Adam optimizer_;
  Jitted<Step> step_;
};

}  // namespace weft::tools
