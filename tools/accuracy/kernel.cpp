#include "tools/accuracy/kernel.h"

#include "ir/builder.h"

namespace weft::accuracy {

Kernel::Kernel(const Function& f, DType dtype)
    : arity_(static_cast<std::size_t>(f.arity)), bytes_(block_size * size_of(dtype)) {
  const ir::Type type{dtype, {static_cast<std::int64_t>(block_size)}};
  ir::Builder b("accuracy");
  std::vector<ir::Value> operands;
  for (std::size_t k = 0; k < arity_; ++k) operands.push_back(b.parameter(type, k ? "y" : "x"));
  const ir::Value result = b.add_node(f.op, operands);
  const ir::Graph graph = b.finish({result});
  executable_ = runtime::compile(graph);

  ir::ScalarBuilder scalars;
  std::vector<ir::Scalar> params;
  for (std::size_t k = 0; k < arity_; ++k)
    params.push_back(scalars.param(static_cast<int>(k), dtype));
  const ir::ScalarProgram program =
      scalars.take(ir::def(f.op).scalar(scalars, params, graph.node(result)));
  for (const ir::ScalarInst& inst : program.insts)
    operations_ += inst.op != ir::ScalarOp::constant && inst.op != ir::ScalarOp::param;
}

Kernel::Block::Block(const Kernel& kernel) : executable_(kernel.executable_) {
  for (std::size_t k = 0; k < kernel.arity_; ++k)
    inputs_.push_back(runtime::allocate(kernel.bytes_));
}

}  // namespace weft::accuracy
