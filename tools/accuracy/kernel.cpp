#include "tools/accuracy/kernel.h"

#include "ir/builder.h"

namespace weft::accuracy {

ir::ScalarProgram scalar_program(const ir::Graph& graph) {
  const ir::Node& node = graph.node(graph.results()[0]);
  ir::ScalarBuilder scalars;
  std::vector<ir::Scalar> params;
  for (std::size_t k = 0; k < node.operands.size(); ++k)
    params.push_back(scalars.param(static_cast<int>(k), graph.type(node.operands[k]).dtype));
  return scalars.take(ir::def(node.op).scalar(scalars, params, node));
}

Kernel::Kernel(const Function& f, DType dtype)
    : arity_(static_cast<std::size_t>(f.arity)), bytes_(block_size * size_of(dtype)) {
  const ir::Type type{dtype, {static_cast<std::int64_t>(block_size)}};
  ir::Builder b("accuracy");
  std::vector<ir::Value> operands;
  for (std::size_t k = 0; k < arity_; ++k) operands.push_back(b.parameter(type, k ? "y" : "x"));
  const ir::Graph graph = b.finish({b.add_node(f.op, operands, f.attributes())});
  executable_ = runtime::compile(graph);
  for (const ir::ScalarInst& inst : scalar_program(graph).insts)
    operations_ += inst.op != ir::ScalarOp::constant && inst.op != ir::ScalarOp::param;
}

Kernel::Block::Block(const Kernel& kernel) : executable_(kernel.executable_) {
  for (std::size_t k = 0; k < kernel.arity_; ++k)
    inputs_.push_back(runtime::allocate(kernel.bytes_));
}

}  // namespace weft::accuracy
