#include "codegen/kernel_values.h"

#include <bit>
#include <limits>

#include "ir/op.h"

namespace weft::codegen {
namespace {

struct MonoidRow {
  std::string_view name;
  ir::ScalarOp op;
};
constexpr MonoidRow monoids[] = {
    {"add", ir::ScalarOp::add}, {"mul", ir::ScalarOp::mul},  {"max", ir::ScalarOp::max},
    {"min", ir::ScalarOp::min}, {"and", ir::ScalarOp::and_}, {"or", ir::ScalarOp::or_},
};

template <class T>
std::uint64_t bits_of(T value) {
  if constexpr (sizeof(T) == 8) {
    return std::bit_cast<std::uint64_t>(value);
  } else {
    return std::bit_cast<std::uint32_t>(value);
  }
}

template <class T>
std::uint64_t arithmetic_identity(std::string_view monoid) {
  using Limits = std::numeric_limits<T>;
  if (monoid == "mul") return bits_of(T(1));
  if (monoid == "max")
    return bits_of(Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
  if (monoid == "min") return bits_of(Limits::has_infinity ? Limits::infinity() : Limits::max());
  if (monoid == "and") return bits_of(T(-1));
  return 0;
}

}  // namespace

std::vector<DType> register_dtypes(const Kernel& kernel) {
  std::vector<DType> dtypes(static_cast<std::size_t>(kernel.reg_count), DType::boolean);
  auto define = [&](Reg reg, DType dtype) {
    if (reg >= 0 && reg < kernel.reg_count) dtypes[static_cast<std::size_t>(reg)] = dtype;
  };
  for (const Section& section : kernel.sections) {
    for (const Inst& inst : section.body) define(inst.result, inst.dtype);
    for (const Inst& inst : section.rhs) define(inst.result, inst.dtype);
    define(section.result, section.dtype);
  }
  return dtypes;
}

ir::ScalarProgram scalar_program(const Inst& inst, const std::vector<DType>& dtypes) {
  ir::ScalarBuilder builder;
  std::vector<ir::Scalar> params;
  for (std::size_t k = 0; k < inst.args.size(); ++k)
    params.push_back(
        builder.param(static_cast<int>(k), dtypes[static_cast<std::size_t>(inst.args[k])]));
  return builder.take(ir::def(inst.node->op).scalar(builder, params, *inst.node));
}

ir::ScalarOp combine_op(std::string_view monoid) {
  for (const MonoidRow& row : monoids)
    if (row.name == monoid) return row.op;
  throw InternalError("kernel: no monoid is named '" + std::string(monoid) + "'");
}

std::uint64_t identity_bits(std::string_view monoid, DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return monoid == "and" ? 1 : 0;
    case DType::i32:
      return arithmetic_identity<std::int32_t>(monoid);
    case DType::i64:
      return arithmetic_identity<std::int64_t>(monoid);
    case DType::u32:
      return arithmetic_identity<std::uint32_t>(monoid);
    case DType::u64:
      return arithmetic_identity<std::uint64_t>(monoid);
    case DType::f32:
      return arithmetic_identity<float>(monoid);
    case DType::f64:
      return arithmetic_identity<double>(monoid);
    default:
      throw InternalError("kernel: a reduction of " + std::string(name(dtype)));
  }
}

bool monoid_accepts(std::string_view monoid, DType dtype) {
  if (monoid == "set") return true;
  if (monoid == "and" || monoid == "or") return is_bool(dtype) || is_int(dtype);
  bool arithmetic = monoid == "add" || monoid == "mul" || monoid == "max" || monoid == "min";
  return arithmetic && !is_bool(dtype);
}

}  // namespace weft::codegen
