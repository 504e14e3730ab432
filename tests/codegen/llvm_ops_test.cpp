// Every elementwise operation of the table on every dtype that it takes, as a compiled kernel
// against the interpreter, on ordinary and on hard values. Together they use every scalar opcode.
#include <optional>
#include <set>

#include "codegen/kernel_values.h"
#include "ir/op.h"
#include "llvm_check.h"

namespace weft::codegen {
namespace {

constexpr DType all_dtypes[] = {DType::boolean, DType::i32, DType::i64, DType::u32,
                                DType::u64,     DType::f32, DType::f64};

// One way to apply an operation.
struct Use {
  std::vector<DType> operands;
  ir::Attributes attrs;
};

std::vector<Use> uses_of(const ir::OpDef& op) {
  if (op.op == ir::Op::random_bits)
    return {{{DType::u64, DType::u64, DType::u64}, {{"dtype", DType::u32}, {"shape", ir::Ints{}}}}};
  std::vector<Use> uses;
  auto count = static_cast<std::size_t>(op.min_operands);
  for (DType dtype : all_dtypes) {
    std::vector<DType> operands(count, dtype);
    if (op.op == ir::Op::select) operands[0] = DType::boolean;
    if (op.op == ir::Op::convert || op.op == ir::Op::bitcast) {
      for (DType to : all_dtypes) uses.push_back({operands, {{"dtype", to}}});
    } else if (op.op == ir::Op::compare) {
      for (const char* direction : {"eq", "ne", "lt", "le", "gt", "ge"})
        uses.push_back({operands, {{"direction", std::string(direction)}}});
    } else if (op.op == ir::Op::polygamma) {
      for (std::int64_t order : {1, 2, 100}) uses.push_back({operands, {{"order", order}}});
    } else {
      uses.push_back({operands, {}});
    }
  }
  return uses;
}

// The result's dtype; nothing where inference refuses the operands.
std::optional<DType> result_of(const ir::OpDef& op, const Use& use) {
  if (op.op == ir::Op::random_bits) return DType::u32;
  ir::Node node;
  node.op = op.op;
  node.attrs = use.attrs;
  std::vector<ir::Type> types;
  for (DType dtype : use.operands) types.push_back({dtype, {}});
  try {
    return op.infer({node, types})[0].dtype;
  } catch (const Error&) {
    return std::nullopt;
  }
}

Kernel apply(const ir::OpDef& op, const Use& use, DType result) {
  KernelWriter w(1, false);
  std::vector<int> accesses;
  for (DType dtype : use.operands) accesses.push_back(w.access(dtype, false, {Coef::one()}));
  int out = w.access(result, true, {Coef::one()});
  w.begin(Section::Kind::once);
  std::vector<Reg> operands;
  for (int access : accesses) operands.push_back(w.load(access));
  w.store(out, w.op(op.op, result, operands, use.attrs));
  return w.kernel();
}

void check_op(const ir::OpDef& op, const Use& use, DType result) {
  Kernel kernel = apply(op, use, result);
  INFO(print(kernel));
  constexpr std::int64_t n = 700;
  std::vector<TestArray> arrays;
  for (std::size_t k = 0; k < use.operands.size(); ++k)
    arrays.push_back(test_values(use.operands[k], n, static_cast<unsigned>(k) + 11));
  arrays.emplace_back(result, n);
  CheckedKernel(std::move(kernel)).run({n}, arrays);
}

TEST_CASE("every elementwise operation computes the interpreter's bits on every dtype") {
  std::set<ir::ScalarOp> reached;
  for (const ir::OpDef& op : ir::all_ops()) {
    if (!op.scalar) continue;
    int applied = 0;
    for (const Use& use : uses_of(op)) {
      std::optional<DType> result = result_of(op, use);
      if (!result) continue;
      check_op(op, use, *result);
      ++applied;
      Kernel kernel = apply(op, use, *result);
      std::vector<DType> dtypes(static_cast<std::size_t>(kernel.reg_count), use.operands.back());
      for (std::size_t k = 0; k < use.operands.size(); ++k) dtypes[k] = use.operands[k];
      const Inst& inst = kernel.sections[0].body[use.operands.size()];
      for (const ir::ScalarInst& step : scalar_program(inst, dtypes).insts) reached.insert(step.op);
    }
    CHECK_MESSAGE(applied > 0, op.name);
  }
  for (int k = 0; k < ir::scalar_op_count; ++k)
    CHECK_MESSAGE(reached.contains(static_cast<ir::ScalarOp>(k)),
                  ir::info(static_cast<ir::ScalarOp>(k)).name);
}

}  // namespace
}  // namespace weft::codegen
