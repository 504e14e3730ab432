#include "codegen/cuda/body.h"

#include "codegen/cuda/spell.h"
#include "codegen/kernel_values.h"

namespace weft::codegen::cuda {
namespace {

std::string low_bytes(DType dtype, int param) {
  const std::string bits = "p" + std::to_string(param);
  const std::string unsigned_bits = size_of(dtype) == 8 ? "(u64)" + bits : "(u32)" + bits;
  return "weft_bitcast<" + std::string(type_name(dtype)) + ">(" + unsigned_bits + ")";
}

}  // namespace

BodyWriter::BodyWriter(const Kernel& kernel, const Schedule& schedule, std::string_view name)
    : kernel_(kernel),
      schedule_(schedule),
      index_(schedule.narrow ? "i32" : "i64"),
      dtypes_(register_dtypes(kernel)),
      names_(dtypes_.size()),
      function_(name) {}

std::string BodyWriter::run() {
  write_signature();
  open("{");
  if (schedule_.narrow)
    for (int param = 0; param < kernel_.first_number(); ++param)
      line("const i32 p" + number(param) + " = (i32)w" + number(param) + ";");
  write();
  close();
  return std::move(text_);
}

std::string BodyWriter::held(const Inst&) const { return {}; }

std::string BodyWriter::type(Reg reg) const { return std::string(type_name(dtype(reg))); }

void BodyWriter::write_once(const Section& section) {
  for (const Inst* store : write_values(section)) write_store(*store);
}

std::vector<const Inst*> BodyWriter::write_values(const Section& section) {
  std::vector<const Inst*> stores;
  for (const Inst& inst : section.body) {
    if (inst.kind == Inst::Kind::store || inst.kind == Inst::Kind::update) {
      stores.push_back(&inst);
    } else {
      write_value(inst);
    }
  }
  return stores;
}

void BodyWriter::line(const std::string& what) {
  text_.append(2 * static_cast<std::size_t>(depth_), ' ');
  text_ += what;
  text_ += '\n';
}
void BodyWriter::open(const std::string& what) {
  line(what);
  ++depth_;
}
void BodyWriter::close() {
  --depth_;
  line("}");
}

void BodyWriter::write_signature() {
  text_ += "\nextern \"C\" __global__ void " + function_ + "(";
  for (std::size_t k = 0; k < kernel_.accesses.size(); ++k) {
    const Access& access = kernel_.accesses[k];
    text_ += access.written ? "" : "const ";
    text_ += std::string(stored_type_name(access.dtype)) + "* a" + std::to_string(k) + ", ";
  }
  for (int param = 0; param < kernel_.param_count; ++param) {
    const bool narrowed = schedule_.narrow && param < kernel_.first_number();
    text_ += (narrowed ? "i64 w" : "i64 p") + number(param) + ", ";
  }
  text_ += "unsigned char* scratch)\n";
}

std::string BodyWriter::sizes_product(int axes) {
  std::string total = axes == 0 ? "1" : "p0";
  for (int axis = 1; axis < axes; ++axis) total += " * p" + number(axis);
  return total;
}

void BodyWriter::write_indices(std::string rest, int axes) {
  for (int axis = axes - 1; axis >= 0; --axis) {
    std::string index = "i" + number(axis), size = "p" + number(axis);
    line("const " + index_ + " " + index + " = " + rest + (axis > 0 ? " % " + size : "") + ";");
    if (axis == 0) break;
    std::string next = "rest" + number(axis);
    line("const " + index_ + " " + next + " = " + rest + " / " + size + ";");
    rest = next;
  }
}

std::string BodyWriter::combine(const Inst& inst, const std::string& into,
                                const std::string& value) {
  std::string args[] = {into, value};
  return expression(combine_op(inst.monoid), inst.dtype, inst.dtype, args);
}

void BodyWriter::write_value(const Inst& inst) {
  switch (inst.kind) {
    case Inst::Kind::constant:
      names_[at(inst.result)] = define(inst.dtype, constant(inst.dtype, inst.bits));
      break;
    case Inst::Kind::param:
      names_[at(inst.result)] = define(DType::i64, "p" + number(inst.param));
      break;
    case Inst::Kind::number:
      names_[at(inst.result)] = define(inst.dtype, low_bytes(inst.dtype, inst.param));
      break;
    case Inst::Kind::index: {
      std::string start = inst.param >= 0 ? "p" + number(inst.param) : "0";
      names_[at(inst.result)] = define(DType::i64, start + linear(inst.coefs));
      break;
    }
    case Inst::Kind::op:
      write_op(inst);
      break;
    case Inst::Kind::load: {
      std::string element = held(inst);
      if (element.empty()) element = address(inst);
      std::string read = is_bool(inst.dtype) ? element + " != 0" : element;
      if (inst.args[0] >= 0) {
        std::string zero = constant(inst.dtype, 0);
        read = name(inst.args[0]) + " ? " + read + " : " + zero;
      }
      names_[at(inst.result)] = define(inst.dtype, read);
      break;
    }
    default:
      throw InternalError("cuda: an instruction without a value");
  }
}

void BodyWriter::write_op(const Inst& inst) {
  ir::ScalarProgram program = scalar_program(inst, dtypes_);
  std::vector<std::string> steps;
  for (const ir::ScalarInst& step : program.insts) {
    if (step.op == ir::ScalarOp::param) {
      steps.push_back(name(inst.args[static_cast<std::size_t>(step.bits)]));
    } else if (step.op == ir::ScalarOp::constant) {
      steps.push_back(constant(step.dtype, step.bits));
    } else {
      std::vector<std::string> args;
      DType operand = step.dtype;
      for (std::int32_t arg : step.args) {
        if (arg < 0) continue;
        args.push_back(steps[static_cast<std::size_t>(arg)]);
        operand = program.insts[static_cast<std::size_t>(arg)].dtype;
      }
      steps.push_back(define(step.dtype, expression(step.op, step.dtype, operand, args)));
    }
  }
  names_[at(inst.result)] = steps[static_cast<std::size_t>(program.result)];
}

void BodyWriter::write_store(const Inst& inst) {
  std::string mask = inst.args[1] >= 0 ? "if (" + name(inst.args[1]) + ") " : "";
  std::string element = held(inst);
  if (element.empty()) element = address(inst);
  std::string value = name(inst.args[0]);
  if (inst.kind == Inst::Kind::update && inst.monoid != "set") {
    std::string before = is_bool(inst.dtype) ? "(" + element + " != 0)" : element;
    value = combine(inst, before, value);
  }
  line(condition() + mask + element + " = " + value + ";");
}
std::string BodyWriter::define(DType dtype, const std::string& value) {
  std::string variable = "v" + number(next_++);
  line("const " + std::string(type_name(dtype)) + " " + variable + " = " + value + ";");
  return variable;
}

std::string BodyWriter::address(const Inst& inst) const {
  const std::size_t first_term = inst.kind == Inst::Kind::load ? 1 : 2;
  const Access& access = kernel_.accesses[static_cast<std::size_t>(inst.access)];
  std::string index = "0" + linear(access.strides);
  if (access.record > 1) index += " + " + number(static_cast<std::int64_t>(inst.bits));
  for (std::size_t t = 0; t < inst.coefs.size(); ++t)
    index += scaled(inst.coefs[t], name(inst.args[first_term + t]));
  if (index.starts_with("0 + ")) index.erase(0, 4);
  return "a" + number(inst.access) + "[" + index + "]";
}

// " + i0 * p3 + j": empty where all coefficients are zero.
std::string BodyWriter::linear(const std::vector<Coef>& coefs) const {
  std::string sum;
  for (std::size_t axis = 0; axis < coefs.size(); ++axis) {
    bool row = static_cast<int>(axis) == kernel_.parallel_axes;
    sum += scaled(coefs[axis], row ? "j" : "i" + std::to_string(axis));
  }
  return sum;
}
std::string BodyWriter::scaled(const Coef& coef, const std::string& index) {
  if (coef.is_zero()) return "";
  if (coef.is_minus_one()) return " - " + index;
  return " + " + index + (coef.is_one() ? "" : " * p" + number(coef.param));
}

}  // namespace weft::codegen::cuda
