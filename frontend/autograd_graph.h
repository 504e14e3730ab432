// The piece of the recorded program between some outputs and some inputs, as a graph to
// differentiate, and its gradients recorded back as ordinary, lazy records that share the forward
// values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "frontend/storage.h"
#include "ir/graph.h"

namespace weft::detail {

class GradientGraph {
 public:
  /// Gradients stop at `inputs`. Without any: at every variable, every moved record and every
  /// record whose gradient is retained. Throws PyTorch's error where a backward pass has freed what
  /// this one needs.
  GradientGraph(std::vector<Ref> outputs, std::vector<Ref> inputs);
  ~GradientGraph();
  GradientGraph(GradientGraph&&) noexcept;

  /// The inputs given, or the variables found.
  const std::vector<Ref>& inputs() const;
  /// Records the gradients of sum(cotangent * output); null for inputs that no output depends on.
  /// A null cotangent is zero.
  std::vector<Ref> pull(const std::vector<Ref>& cotangents) const;
  /// Records the outputs' tangents along the inputs'; null for outputs that depend on none.
  std::vector<Ref> push(const std::vector<Ref>& tangents) const;
  /// Marks what a second backward pass would need as freed, and lets go of it.
  void free_saved();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The moved records (from place to place) that gradients of the outputs reach first. GradientGraph
/// goes through none, and refuses those that are not among its inputs.
std::vector<Ref> moves_behind(const std::vector<Ref>& outputs);

/// The gradient of a slot, as the current trace sees it.
Tensor& grad_of(const std::shared_ptr<GradSlot>& slot, bool looks);

/// "MulBackward0", from the function that recorded the tensor.
std::string grad_fn_name(const Tensor& t);

}  // namespace weft::detail
