// Builds scalar programs: equal instructions become one, and constants fold as they are emitted.
#include "ir/scalar.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <weft/error.h>

namespace weft::ir {

namespace {

constexpr ScalarOpInfo op_infos[scalar_op_count] = {
    {"param", 0},       {"constant", 0},  {"add", 2},     {"sub", 2},      {"mul", 2},
    {"div", 2},         {"rem", 2},       {"fma", 3},     {"neg", 1},      {"abs", 1},
    {"min", 2},         {"max", 2},       {"sqrt", 1},    {"floor", 1},    {"ceil", 1},
    {"round_even", 1},  {"trunc", 1},     {"scale", 2},   {"exponent", 1}, {"mantissa", 1},
    {"eq", 2},          {"ne", 2},        {"lt", 2},      {"le", 2},       {"select", 3},
    {"and", 2},         {"or", 2},        {"xor", 2},     {"not", 1},      {"shl", 2},
    {"shr_logical", 2}, {"shr_arith", 2}, {"convert", 1}, {"bitcast", 1},
};
static_assert(op_infos[scalar_op_count - 1].name == "bitcast");

std::uint64_t hash_of(const ScalarInst& inst) {
  std::uint64_t h =
      static_cast<std::uint64_t>(inst.op) * 31 + static_cast<std::uint64_t>(inst.dtype);
  const auto mix = [&h](std::uint64_t v) {
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  };
  for (std::int32_t arg : inst.args) mix(static_cast<std::uint32_t>(arg));
  mix(inst.bits);
  return h;
}

bool same(const ScalarInst& a, const ScalarInst& b) {
  return a.op == b.op && a.dtype == b.dtype && a.args == b.args && a.bits == b.bits;
}

std::uint64_t low_bytes(DType dtype, std::uint64_t bits) {
  const std::size_t size = size_of(dtype);
  return size >= 8 ? bits : bits & ((std::uint64_t{1} << (8 * size)) - 1);
}

std::int32_t append(ScalarProgram& program,
                    std::unordered_multimap<std::uint64_t, std::int32_t>& known,
                    const ScalarInst& inst) {
  const std::uint64_t hash = hash_of(inst);
  for (auto [it, end] = known.equal_range(hash); it != end; ++it)
    if (same(program.insts[it->second], inst)) return it->second;
  const auto id = static_cast<std::int32_t>(program.insts.size());
  program.insts.push_back(inst);
  known.emplace(hash, id);
  return id;
}

[[noreturn]] void broken(ScalarOp op, const std::string& what) {
  throw InternalError("scalar " + std::string(info(op).name) + ": " + what);
}

/// The dtype that operand k must have, given the result's and the first operand's.
DType expected_dtype(ScalarOp op, std::size_t k, DType result, DType first) {
  switch (op) {
    case ScalarOp::eq:
    case ScalarOp::ne:
    case ScalarOp::lt:
    case ScalarOp::le:
    case ScalarOp::convert:
    case ScalarOp::bitcast:
      return first;
    case ScalarOp::select:
      return k == 0 ? DType::boolean : result;
    default:
      return result;
  }
}

void check(const ScalarProgram& program, ScalarOp op, DType result, std::span<const Scalar> args) {
  if (args.size() != static_cast<std::size_t>(info(op).arity))
    broken(op,
           std::to_string(args.size()) + " operands, expected " + std::to_string(info(op).arity));
  for (std::size_t k = 0; k < args.size(); ++k) {
    if (args[k].id < 0 || static_cast<std::size_t>(args[k].id) >= program.insts.size())
      broken(op, "operand " + std::to_string(k) + " is not a value of this program");
    const DType got = program.insts[args[k].id].dtype;
    const DType want = expected_dtype(op, k, result, program.insts[args[0].id].dtype);
    if (got != want)
      broken(op, "operand " + std::to_string(k) + " is " + std::string(name(got)) + ", expected " +
                     std::string(name(want)));
  }
}

}  // namespace

const ScalarOpInfo& info(ScalarOp op) { return op_infos[static_cast<int>(op)]; }

Scalar ScalarBuilder::param(int number, DType dtype) {
  ScalarInst inst{ScalarOp::param, dtype, {-1, -1, -1}, static_cast<std::uint64_t>(number)};
  return {append(program_, known_, inst)};
}

Scalar ScalarBuilder::constant_bits(DType dtype, std::uint64_t bits) {
  ScalarInst inst{ScalarOp::constant, dtype, {-1, -1, -1}, low_bytes(dtype, bits)};
  return {append(program_, known_, inst)};
}

Scalar ScalarBuilder::constant(DType dtype, double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return constant_bits(dtype, eval_scalar(ScalarOp::convert, dtype, DType::f64, &bits));
}

Scalar ScalarBuilder::constant_int(DType dtype, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return constant_bits(dtype, eval_scalar(ScalarOp::convert, dtype, DType::i64, &bits));
}

Scalar ScalarBuilder::emit(ScalarOp op, DType result, std::initializer_list<Scalar> args) {
  const std::span<const Scalar> operands(args.begin(), args.size());
  check(program_, op, result, operands);
  const auto inst = [this](Scalar s) -> const ScalarInst& { return program_.insts[s.id]; };
  const auto is_constant = [&](Scalar s) { return inst(s).op == ScalarOp::constant; };

  if (op == ScalarOp::convert && inst(operands[0]).dtype == result) return operands[0];
  if (op == ScalarOp::bitcast && inst(operands[0]).dtype == result) return operands[0];
  if (op == ScalarOp::select && is_constant(operands[0]))
    return inst(operands[0]).bits != 0 ? operands[1] : operands[2];

  ScalarInst made{op, result, {-1, -1, -1}, 0};
  std::uint64_t bits[3] = {};
  for (std::size_t k = 0; k < operands.size(); ++k) {
    made.args[k] = operands[k].id;
    bits[k] = inst(operands[k]).bits;
  }
  if (std::all_of(operands.begin(), operands.end(), is_constant))
    return constant_bits(result, eval_scalar(op, result, inst(operands[0]).dtype, bits));
  return {append(program_, known_, made)};
}

ScalarProgram ScalarBuilder::take(Scalar result) {
  std::vector<bool> needed(program_.insts.size(), false);
  needed[result.id] = true;
  for (std::int32_t k = result.id; k >= 0; --k)
    if (needed[k])
      for (std::int32_t arg : program_.insts[k].args)
        if (arg >= 0) needed[arg] = true;

  ScalarProgram out;
  std::vector<std::int32_t> renamed(program_.insts.size(), -1);
  for (std::int32_t k = 0; k <= result.id; ++k) {
    if (!needed[k]) continue;
    ScalarInst inst = program_.insts[k];
    for (std::int32_t& arg : inst.args)
      if (arg >= 0) arg = renamed[arg];
    renamed[k] = static_cast<std::int32_t>(out.insts.size());
    out.insts.push_back(inst);
  }
  out.result = renamed[result.id];
  program_ = {};
  known_.clear();
  return out;
}

}  // namespace weft::ir
