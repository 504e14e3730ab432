// The text of a kernel. It is the key of the cache of compiled code, so everything that influences
// code stands in it and nothing else: registers are renumbered in the order of their definition,
// and sizes (attributes that are lists of integers) are left out.
#include <bit>
#include <charconv>
#include <cmath>

#include "codegen/kernel.h"
#include "codegen/kernel_values.h"
#include "ir/op.h"

namespace weft::codegen {
namespace {

template <class T>
std::string number(T value) {
  char text[64];
  auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

std::string hex(std::uint64_t bits) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, bits, 16).ptr;
  return "0x" + std::string(text, end);
}

template <class T>
std::string float_text(T value, std::uint64_t bits) {
  return std::isnan(value) ? hex(bits) : number(value);  // the payload of a NaN matters
}

std::string constant_text(std::uint64_t bits, DType dtype) {
  auto low = static_cast<std::uint32_t>(bits);
  switch (dtype) {
    case DType::boolean:
      return bits ? "true" : "false";
    case DType::i32:
      return number(static_cast<std::int32_t>(low));
    case DType::u32:
      return number(low);
    case DType::i64:
      return number(static_cast<std::int64_t>(bits));
    case DType::u64:
      return number(bits);
    case DType::f32:
      return float_text(std::bit_cast<float>(low), bits);
    case DType::f64:
      return float_text(std::bit_cast<double>(bits), bits);
    default:
      return hex(bits);
  }
}

class Printer {
 public:
  explicit Printer(const Kernel& kernel)
      : kernel_(kernel), names_(static_cast<std::size_t>(kernel.reg_count), -1) {}

  std::string run() {
    text_ = "kernel ";
    text_ += kernel_.lanes == Lanes::across ? "across" : "along";
    if (kernel_.streaming) text_ += " streaming";
    if (kernel_.distant) text_ += " distant";
    for (int axis = 0; axis < kernel_.axes(); ++axis) text_ += " " + axis_name(axis);
    text_ += " {\n";
    for (std::size_t k = 0; k < kernel_.accesses.size(); ++k) print_access(k);
    for (const Section& section : kernel_.sections) print_section(section);
    return std::move(text_) + "}\n";
  }

 private:
  std::string axis_name(int axis) const {
    return axis == kernel_.parallel_axes ? "j" : "i" + number(axis);
  }

  static std::string coef_text(const Coef& coef) {
    switch (coef.kind) {
      case Coef::Kind::zero:
        return "0";
      case Coef::Kind::one:
        return "1";
      case Coef::Kind::minus_one:
        return "-1";
      case Coef::Kind::param:
        break;
    }
    return "p" + number(coef.param);
  }

  // The linear form sum of coefs[a] * index[a], without its zero terms.
  std::string linear_text(const std::vector<Coef>& coefs) const {
    std::string text;
    for (std::size_t axis = 0; axis < coefs.size(); ++axis) {
      if (coefs[axis].is_zero()) continue;
      if (!text.empty()) text += " + ";
      text += axis_name(static_cast<int>(axis));
      if (!coefs[axis].is_one()) text += "*" + coef_text(coefs[axis]);
    }
    return text.empty() ? "0" : text;
  }

  std::string define(Reg reg) {
    names_[static_cast<std::size_t>(reg)] = next_++;
    return use(reg);
  }
  std::string use(Reg reg) const {
    bool known = reg >= 0 && reg < static_cast<Reg>(names_.size());
    return known ? "%" + number(names_[static_cast<std::size_t>(reg)]) : "%none";
  }

  void print_access(std::size_t k) {
    const Access& access = kernel_.accesses[k];
    text_ += "  @" + number(k) + (access.written ? " write " : " read ") +
             std::string(name(access.dtype)) + " [" + linear_text(access.strides) + "]";
    if (access.record > 1) text_ += " records of " + number(access.record);
    text_ += "\n";
  }

  void print_section(const Section& section) {
    if (section.kind == Section::Kind::contract) return print_contract(section);
    if (section.kind == Section::Kind::attention) return print_attention(section, "attention");
    if (section.kind == Section::Kind::attention_gradient) {
      std::string what = "attention_gradient";
      for (std::size_t k = 0; k < section.wrt.size(); ++k)
        if (section.wrt[k]) what += std::string(" ") + "qkv"[k];
      return print_attention(section, what + " chunk p" + number(section.chunk));
    }
    text_ += section.kind == Section::Kind::once ? "  once {\n" : "  over j {\n";
    print_body(section.body);
    for (Reg reg : section.keeps) text_ += "    keep " + use(reg) + "\n";
    text_ += "  }\n";
  }

  void print_attention(const Section& section, const std::string& what) {
    text_ += "  " + what + (section.causal ? " causal" : "") + " scale p" + number(section.scale) +
             " : " + std::string(name(section.dtype)) + "\n";
  }

  void print_contract(const Section& section) {
    text_ += "  contract j ";
    if (section.panels >= 0) text_ += "panels p" + number(section.panels) + " ";
    text_ += "{\n   lhs:\n";
    print_body(section.body);
    text_ += "   rhs:\n";
    print_body(section.rhs);
    std::string factors = use(section.lhs_value) + " * " + use(section.rhs_value);
    text_ += "  } " + define(section.result) + " = sum " + factors + " : " +
             std::string(name(section.dtype)) + "\n";
  }

  void print_body(const std::vector<Inst>& body) {
    for (const Inst& inst : body) {
      std::string what = inst_text(inst);
      text_ += "    ";
      if (inst.result >= 0) text_ += define(inst.result) + " = ";
      text_ += what + " : " + std::string(name(inst.dtype)) + "\n";
    }
  }

  std::string inst_text(const Inst& inst) const {
    switch (inst.kind) {
      case Inst::Kind::constant:
        return "constant " + constant_text(inst.bits, inst.dtype);
      case Inst::Kind::param:
        return "param p" + number(inst.param);
      case Inst::Kind::number:
        return "number p" + number(inst.param);
      case Inst::Kind::index: {
        std::string start = inst.param >= 0 ? "p" + number(inst.param) + " + " : "";
        return "index " + start + linear_text(inst.coefs);
      }
      case Inst::Kind::op:
        return op_text(inst);
      case Inst::Kind::load:
        return "load " + address_text(inst, 1) + mask_text(inst.args[0]);
      case Inst::Kind::store:
        return "store " + use(inst.args[0]) + " to " + address_text(inst, 2) +
               mask_text(inst.args[1]);
      case Inst::Kind::update:
        return "update " + inst.monoid + " " + use(inst.args[0]) + " to " + address_text(inst, 2) +
               mask_text(inst.args[1]);
      case Inst::Kind::reduce:
        return "reduce " + inst.monoid + " " + use(inst.args[0]);
      case Inst::Kind::scan:
        return "scan " + inst.monoid + " " + use(inst.args[0]);
    }
    return {};
  }

  std::string address_text(const Inst& inst, std::size_t first_term) const {
    std::string text = "@" + number(inst.access);
    if (kernel_.accesses[static_cast<std::size_t>(inst.access)].record > 1)
      text += "." + number(inst.bits);
    for (std::size_t t = 0; t < inst.coefs.size(); ++t)
      text += " + " + use(inst.args[first_term + t]) + "*" + coef_text(inst.coefs[t]);
    return text;
  }
  std::string mask_text(Reg mask) const { return mask < 0 ? "" : " where " + use(mask); }

  std::string op_text(const Inst& inst) const {
    std::string text(ir::def(inst.node->op).name);
    for (std::size_t k = 0; k < inst.args.size(); ++k)
      text += (k == 0 ? " " : ", ") + use(inst.args[k]);
    std::string attrs;
    for (const auto& [key, value] : inst.node->attrs) {
      std::string what = attribute_text(value);
      if (!what.empty()) attrs += (attrs.empty() ? "" : ", ") + std::string(key) + " = " + what;
    }
    return attrs.empty() ? text : text + " {" + attrs + "}";
  }

  static std::string attribute_text(const ir::Attribute& value) {
    if (auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (auto* integer = std::get_if<std::int64_t>(&value)) return number(*integer);
    if (auto* real = std::get_if<double>(&value)) return number(*real);
    if (auto* string = std::get_if<std::string>(&value)) return '"' + *string + '"';
    if (auto* dtype = std::get_if<DType>(&value)) return std::string(name(*dtype));
    return {};
  }

  const Kernel& kernel_;
  std::vector<int> names_;
  int next_ = 0;
  std::string text_;
};

}  // namespace

std::string print(const Kernel& kernel) { return Printer(kernel).run(); }

}  // namespace weft::codegen
