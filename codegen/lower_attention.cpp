#include "codegen/lower_attention.h"

#include <algorithm>
#include <bit>

#include "ir/attention_node.h"

namespace weft::codegen {
namespace {

constexpr double ns_per_flop = 0.01;
constexpr double ns_per_exponential = 0.5;
constexpr std::int64_t few_batches = 8;  // so few may leave threads idle: chunks are shared out

/// A kernel of attention under construction: its axes are batch, query, key, depth, value depth.
class AttentionKernel {
 public:
  AttentionKernel(const ir::AttentionShape& shape, DType dtype, Section::Kind kind)
      : shape_(shape) {
    launch_.params = {shape.batch, shape.queries, shape.keys, shape.depth, shape.value_depth};
    section_.kind = kind;
    section_.dtype = dtype;
    section_.causal = shape.causal;
  }

  int param(std::int64_t value) {
    launch_.params.push_back(value);
    return static_cast<int>(launch_.params.size()) - 1;
  }
  int axis(std::int64_t size) { return axes_ = param(size) + 1; }

  /// Rows along one axis, their elements side by side along another.
  Access& access(const ir::AttentionStrides& strides, std::size_t row, std::size_t last,
                 bool written = false) {
    Access made{section_.dtype, written, std::vector<Coef>(static_cast<std::size_t>(axes_))};
    made.strides[0] = Coef::at(param(strides.batch));
    made.strides[row] = Coef::at(param(strides.row));
    made.strides[last] = Coef::one();
    kernel_->accesses.push_back(std::move(made));
    return kernel_->accesses.back();
  }

  Section& section() { return section_; }

  /// products: how many sums over d and over e each score takes part in.
  Launch finish(std::int64_t products_of_d, std::int64_t products_of_e, const char* label) {
    kernel_->parallel_axes = axes_;
    kernel_->sections.push_back(section_);
    kernel_->param_count = static_cast<int>(launch_.params.size());
    const double scores = static_cast<double>(shape_.batch) * static_cast<double>(shape_.queries) *
                          static_cast<double>(shape_.keys) * (shape_.causal ? 0.5 : 1);
    const double flops =
        2 * static_cast<double>(products_of_d * shape_.depth + products_of_e * shape_.value_depth);
    launch_.cost_ns = scores * (flops * ns_per_flop + ns_per_exponential);
    launch_.kernel = std::move(kernel_);
    launch_.label = label;
    return std::move(launch_);
  }

 private:
  const ir::AttentionShape& shape_;
  std::shared_ptr<Kernel> kernel_ = std::make_shared<Kernel>();
  Launch launch_;
  Section section_{};
  int axes_ = 5;
};

}  // namespace

Launch lower_attention(const ir::Graph& graph, std::uint32_t id) {
  const ir::Node& node = graph.node(id);
  const auto type = [&](std::size_t k) -> const ir::Type& { return graph.type(node.operands[k]); };
  const ir::AttentionShape shape = ir::attention_shape(node, type(0), type(1), type(2));
  AttentionKernel kernel(shape, node.types[0].dtype, Section::Kind::attention);
  kernel.section().scale = kernel.param(std::bit_cast<std::int64_t>(shape.scale));
  kernel.access(shape.q, 1, 3);
  kernel.access(shape.k, 2, 3);
  kernel.access(shape.v, 2, 4);
  kernel.access(shape.o, 1, 4, true);
  return kernel.finish(1, 1, "attention");
}

AttentionGradientLaunch lower_attention_gradient(const ir::Graph& graph,
                                                 std::span<const std::uint32_t> nodes) {
  const ir::Node& node = graph.node(nodes[0]);
  const auto type = [&](std::size_t k) -> const ir::Type& { return graph.type(node.operands[k]); };
  const ir::AttentionGradientShape shape =
      ir::attention_gradient_shape(node, type(0), type(1), type(2));
  AttentionGradientLaunch made{{}, {nodes.begin(), nodes.end()}, 1};
  const auto operand = [&](std::uint32_t id) { return ir::attention_operand(graph.node(id)); };
  std::sort(made.writes.begin(), made.writes.end(),
            [&](std::uint32_t a, std::uint32_t b) { return operand(a) < operand(b); });

  AttentionKernel kernel(shape, node.types[0].dtype, Section::Kind::attention_gradient);
  for (std::uint32_t id : nodes) kernel.section().wrt[operand(id)] = true;
  const std::array<bool, 3>& wrt = kernel.section().wrt;
  // The gradient of queries needs no sum over chunks, so it has as many parts as there are.
  if (shape.batch < few_batches || !(wrt[1] || wrt[2]))
    made.parts = std::max<std::int64_t>(1, (shape.queries + shape.chunk - 1) / shape.chunk);
  kernel.axis(made.parts);
  kernel.section().scale = kernel.param(std::bit_cast<std::int64_t>(shape.scale));
  kernel.section().chunk = kernel.param(shape.chunk);
  kernel.access(shape.q, 1, 3);
  kernel.access(shape.k, 2, 3);
  kernel.access(shape.v, 2, 4);
  kernel.access(shape.o, 1, 4);
  const auto parted = [&](const ir::AttentionStrides& strides, std::size_t last) {
    const ir::AttentionStrides among{strides.batch * made.parts, strides.row};
    Access& access = kernel.access(among, 2, last, true);
    access.strides[5] = Coef::at(kernel.param(strides.batch));
  };
  if (wrt[0]) kernel.access(shape.dq, 1, 3, true);
  if (wrt[1]) parted(shape.dk, 3);
  if (wrt[2]) parted(shape.dv, 4);
  const bool moves = wrt[0] || wrt[1];
  made.launch = kernel.finish(1 + wrt[0] + wrt[1], moves + wrt[2], "attention_gradient");
  return made;
}

}  // namespace weft::codegen
