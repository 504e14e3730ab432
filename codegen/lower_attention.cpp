#include "codegen/lower_attention.h"

#include <bit>

#include "ir/attention_node.h"

namespace weft::codegen {
namespace {

constexpr double ns_per_flop = 0.01;
constexpr double ns_per_exponential = 0.5;

}  // namespace

Launch lower_attention(const ir::Graph& graph, std::uint32_t id) {
  const ir::Node& node = graph.node(id);
  const auto type = [&](std::size_t k) -> const ir::Type& { return graph.type(node.operands[k]); };
  const ir::AttentionShape shape = ir::attention_shape(node, type(0), type(1), type(2));

  auto kernel = std::make_shared<Kernel>();
  Launch launch;
  kernel->parallel_axes = 5;
  launch.params = {shape.batch, shape.queries,     shape.keys,
                   shape.depth, shape.value_depth, std::bit_cast<std::int64_t>(shape.scale)};
  Section section{.kind = Section::Kind::attention};
  section.dtype = node.types[0].dtype;
  section.causal = shape.causal;
  section.scale = 5;
  const auto access = [&](const ir::AttentionStrides& strides, std::size_t row, std::size_t last) {
    Access made{section.dtype, false, std::vector<Coef>(5)};
    const auto stride = [&](std::size_t axis, std::int64_t value) {
      made.strides[axis] = Coef::at(static_cast<int>(launch.params.size()));
      launch.params.push_back(value);
    };
    stride(0, strides.batch);
    stride(row, strides.row);
    made.strides[last] = Coef::one();
    kernel->accesses.push_back(std::move(made));
  };
  access(shape.q, 1, 3);
  access(shape.k, 2, 3);
  access(shape.v, 2, 4);
  access(shape.o, 1, 4);
  kernel->accesses[3].written = true;
  kernel->sections.push_back(std::move(section));
  kernel->param_count = static_cast<int>(launch.params.size());

  const double scores = static_cast<double>(shape.batch) * static_cast<double>(shape.queries) *
                        static_cast<double>(shape.keys) * (shape.causal ? 0.5 : 1);
  const double flops = 2 * static_cast<double>(shape.depth + shape.value_depth);
  launch.cost_ns = scores * (flops * ns_per_flop + ns_per_exponential);
  launch.kernel = std::move(kernel);
  launch.label = "attention";
  return launch;
}

}  // namespace weft::codegen
