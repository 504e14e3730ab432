#include "tools/digits/trainer.h"

namespace weft::tools {

Trainer::Trainer(const Settings& s, const CompileOptions& options)
    : net_(nn::Linear(s.inputs, s.hidden), nn::ReLU(), nn::Linear(s.hidden, s.classes)),
      optimizer_(net_.parameters(), {.lr = s.learning_rate}),
      step_(jit(Step([this](const Tensor& x, const Tensor& y) { return record(x, y); }), options)) {
}

Tensor Trainer::record(const Tensor& images, const Tensor& labels) {
  optimizer_.zero_grad();
  const Tensor loss = nn::cross_entropy(net_(images), labels);
  loss.backward();
  optimizer_.step();
  return loss.detach();
}

}  // namespace weft::tools
