#include <array>
#include <atomic>

#include "ir/group.h"

namespace weft::ir {

namespace {

double opcode_weight(ScalarOp op) {
  switch (op) {
    case ScalarOp::param:
    case ScalarOp::constant:
    case ScalarOp::bitcast:
      return 0;
    case ScalarOp::div:
    case ScalarOp::rem:
      return 8;
    case ScalarOp::sqrt:
      return 10;
    default:
      return 1;
  }
}

double program_weight(const Node& node, std::span<const DType> operands) {
  ScalarBuilder b;
  std::vector<Scalar> params;
  for (std::size_t k = 0; k < operands.size(); ++k)
    params.push_back(b.param(static_cast<int>(k), operands[k]));
  const ScalarProgram program = b.take(def(node.op).scalar(b, params, node));
  double weight = 0;
  for (const ScalarInst& inst : program.insts) weight += opcode_weight(inst.op);
  return weight;
}

/// Programs depend on operation and dtypes; attributes hardly change their size. `dtypes` gives the
/// operands' where the weight is not known yet.
template <class Dtypes>
double cached_program_weight(const Node& node, DType key, Dtypes&& dtypes) {
  static std::array<std::array<std::atomic<double>, dtype_count>, op_count> cache{};
  std::atomic<double>& known = cache[static_cast<int>(node.op)][static_cast<int>(key)];
  double weight = known.load(std::memory_order_relaxed);
  if (weight == 0) {
    weight = program_weight(node, dtypes()) + 1e-9;
    known.store(weight, std::memory_order_relaxed);
  }
  return weight;
}

}  // namespace

double node_weight(const Graph& graph, std::uint32_t id) {
  const Node& node = graph.node(id);
  switch (def(node.op).kind) {
    case Kind::elementwise: {
      const DType key = graph.type(node.operands.back()).dtype;
      return cached_program_weight(node, key, [&] {
        std::vector<DType> dtypes;
        for (const Value& v : node.operands) dtypes.push_back(graph.type(v).dtype);
        return dtypes;
      });
    }
    case Kind::source:
      if (node.op != Op::random_bits) return 0;
      return cached_program_weight(node, DType::u64, [] {
        return std::array{DType::u64, DType::u64, DType::u64};
      });
    case Kind::gather:
      return 4;
    case Kind::reduce:
      return 1;
    case Kind::scan:
      return 12;
    default:
      return 0;
  }
}

}  // namespace weft::ir
