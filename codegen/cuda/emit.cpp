// Spells a kernel as CUDA C++.
//
// Lanes across: a thread computes one index of the parallel axes, and walks the row alone. Lanes
// along: a warp computes one row; lane l takes the elements l, l + 32, ..., and reductions end in
// the balanced tree of ir/reduce_order.h, by shuffles. Any grid does: threads, or warps, take
// indices in turn. Kept rows live in `scratch`, 8 bytes per element, kept value, and thread or
// warp.
#include <map>
#include <set>

#include "codegen/cuda/spell.h"
#include "codegen/jit.h"
#include "codegen/kernel_values.h"

namespace weft::codegen {
namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

class CudaWriter {
 public:
  explicit CudaWriter(const Kernel& kernel)
      : kernel_(kernel),
        along_(kernel.lanes == Lanes::along),
        dtypes_(register_dtypes(kernel)),
        names_(dtypes_.size()) {}

  std::string run() {
    check_supported();
    text_ = cuda::prelude();
    write_signature();
    open("{");
    find_kept();
    write_slot();
    write_indices();
    for (const Section& section : kernel_.sections) {
      if (section.kind == Section::Kind::once) {
        write_once(section);
      } else {
        write_over(section);
      }
    }
    close();
    close();
    return std::move(text_);
  }

 private:
  void check_supported() const {
    if (kernel_.is_attention()) throw Unsupported("cuda: kernels of attention");
    if (kernel_.is_contract()) throw Unsupported("cuda: kernels of products");
    for (const Section& section : kernel_.sections)
      for (const Inst& inst : section.body)
        if (inst.kind == Inst::Kind::update) throw Unsupported("cuda: kernels that update memory");
  }

  // Text.
  void line(const std::string& what) {
    text_.append(2 * static_cast<std::size_t>(depth_), ' ');
    text_ += what;
    text_ += '\n';
  }
  void open(const std::string& what) {
    line(what);
    ++depth_;
  }
  void close() {
    --depth_;
    line("}");
  }

  void write_signature() {
    text_ += "\nextern \"C\" __global__ void kernel(";
    for (std::size_t k = 0; k < kernel_.accesses.size(); ++k) {
      const Access& access = kernel_.accesses[k];
      text_ += access.written ? "" : "const ";
      text_ += std::string(cuda::stored_type_name(access.dtype)) + "* a" + std::to_string(k) + ", ";
    }
    for (int param = 0; param < kernel_.param_count; ++param)
      text_ += "i64 p" + number(param) + ", ";
    text_ += "unsigned char* scratch)\n";
  }

  void find_kept() {
    for (const Section& section : kernel_.sections)
      for (Reg reg : section.keeps)
        kept_.emplace(reg, "keep" + number(static_cast<std::int64_t>(kept_.size())));
  }

  // The first index that this thread or warp takes, the step to the next, and its rows of scratch.
  void write_slot() {
    std::string thread = "((i64)blockIdx.x * blockDim.x + threadIdx.x)";
    std::string threads = "((i64)gridDim.x * blockDim.x)";
    if (along_) line("const i64 lane = threadIdx.x % 32;");
    line("const i64 slot = " + thread + (along_ ? " / 32;" : ";"));
    line("const i64 slots = " + threads + (along_ ? " / 32;" : ";"));
    for (const auto& [reg, keep] : kept_) {
      std::string type(cuda::type_name(dtype(reg)));
      line(type + "* const " + keep + " = (" + type + "*)(scratch + 8 * p" +
           number(kernel_.parallel_axes) + " * (slot * " +
           number(static_cast<std::int64_t>(kept_.size())) + " + " + keep.substr(4) + "));");
    }
    std::string total = "1";
    for (int axis = 0; axis < kernel_.parallel_axes; ++axis)
      total = axis == 0 ? "p0" : total + " * p" + number(axis);
    open("for (i64 unit = slot; unit < " + total + "; unit += slots) {");
  }

  void write_indices() {
    std::string rest = "unit";
    for (int axis = kernel_.parallel_axes - 1; axis >= 0; --axis) {
      std::string index = "i" + number(axis), size = "p" + number(axis);
      line("const i64 " + index + " = " + rest + (axis > 0 ? " % " + size : "") + ";");
      if (axis == 0) break;
      std::string next = "rest" + number(axis);
      line("const i64 " + next + " = " + rest + " / " + size + ";");
      rest = next;
    }
  }

  // Every lane computes; one of them writes, when all have read.
  void write_once(const Section& section) {
    std::vector<const Inst*> stores;
    for (const Inst& inst : section.body) {
      if (inst.kind == Inst::Kind::store) {
        stores.push_back(&inst);
      } else {
        write_value(inst);
      }
    }
    if (stores.empty()) return;
    if (along_) {
      line("__syncwarp();");
      open("if (lane == 0) {");
    }
    for (const Inst* inst : stores) write_store(*inst);
    if (along_) {
      close();
      line("__syncwarp();");
    }
  }

  void write_over(const Section& section) {
    std::vector<const Inst*> reductions;
    for (const Inst& inst : section.body) {
      if (inst.kind != Inst::Kind::reduce) continue;
      reductions.push_back(&inst);
      line(type(inst.result) + " sum" + number(inst.result) + " = " +
           cuda::constant(inst.dtype, identity_bits(inst.monoid, inst.dtype)) + ";");
    }
    std::string size = "p" + number(kernel_.parallel_axes);
    open(along_ ? "for (i64 j = lane; j < " + size + "; j += 32) {"
                : "for (i64 j = 0; j < " + size + "; ++j) {");
    std::vector<std::string> outside = names_;
    for (const auto& [reg, keep] : kept_)
      if (in_scratch_.contains(reg)) names_[at(reg)] = keep + "[j]";
    write_row_body(section);
    close();
    names_ = std::move(outside);
    in_scratch_.insert(section.keeps.begin(), section.keeps.end());
    for (const Inst* inst : reductions) finish_reduction(*inst);
  }

  void write_row_body(const Section& section) {
    for (const Inst& inst : section.body) {
      if (inst.kind == Inst::Kind::store) {
        write_store(inst);
      } else if (inst.kind == Inst::Kind::reduce) {
        std::string sum = "sum" + number(inst.result);
        line(sum + " = " + combine(inst, sum, name(inst.args[0])) + ";");
      } else {
        write_value(inst);
      }
    }
    for (Reg reg : section.keeps) line(kept_.at(reg) + "[j] = " + name(reg) + ";");
  }

  void finish_reduction(const Inst& inst) {
    std::string sum = "sum" + number(inst.result);
    names_[at(inst.result)] = sum;
    if (!along_) return;
    // Shuffles take no bool.
    std::string argument = is_bool(inst.dtype) ? "(int)" + sum : sum;
    std::string cast = is_bool(inst.dtype) ? "(bool)" : "";
    open("for (int half = 16; half > 0; half /= 2) {");
    line("const " + type(inst.result) + " other = " + cast + "__shfl_down_sync(0xffffffffu, " +
         argument + ", half);");
    line(sum + " = " + combine(inst, sum, "other") + ";");
    close();
    line(sum + " = " + cast + "__shfl_sync(0xffffffffu, " + argument + ", 0);");
  }

  static std::string combine(const Inst& inst, const std::string& into, const std::string& value) {
    std::string args[] = {into, value};
    return cuda::expression(combine_op(inst.monoid), inst.dtype, inst.dtype, args);
  }

  void write_value(const Inst& inst) {
    switch (inst.kind) {
      case Inst::Kind::constant:
        names_[at(inst.result)] = define(inst.dtype, cuda::constant(inst.dtype, inst.bits));
        break;
      case Inst::Kind::param:
        names_[at(inst.result)] = "p" + number(inst.param);
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
        std::string element = address(inst, 1);
        std::string read = is_bool(inst.dtype) ? element + " != 0" : element;
        if (inst.args[0] >= 0) {
          std::string zero = cuda::constant(inst.dtype, 0);
          read = name(inst.args[0]) + " ? " + read + " : " + zero;
        }
        names_[at(inst.result)] = define(inst.dtype, read);
        break;
      }
      default:
        throw InternalError("cuda: an instruction without a value");
    }
  }

  void write_op(const Inst& inst) {
    ir::ScalarProgram program = scalar_program(inst, dtypes_);
    std::vector<std::string> steps;
    for (const ir::ScalarInst& step : program.insts) {
      if (step.op == ir::ScalarOp::param) {
        steps.push_back(name(inst.args[static_cast<std::size_t>(step.bits)]));
      } else if (step.op == ir::ScalarOp::constant) {
        steps.push_back(cuda::constant(step.dtype, step.bits));
      } else {
        std::vector<std::string> args;
        DType operand = step.dtype;
        for (std::int32_t arg : step.args) {
          if (arg < 0) continue;
          args.push_back(steps[static_cast<std::size_t>(arg)]);
          operand = program.insts[static_cast<std::size_t>(arg)].dtype;
        }
        steps.push_back(define(step.dtype, cuda::expression(step.op, step.dtype, operand, args)));
      }
    }
    names_[at(inst.result)] = steps[static_cast<std::size_t>(program.result)];
  }

  void write_store(const Inst& inst) {
    std::string mask = inst.args[1] >= 0 ? "if (" + name(inst.args[1]) + ") " : "";
    line(mask + address(inst, 2) + " = " + name(inst.args[0]) + ";");
  }

  std::string define(DType dtype, const std::string& value) {
    std::string variable = "v" + number(next_++);
    line("const " + std::string(cuda::type_name(dtype)) + " " + variable + " = " + value + ";");
    return variable;
  }

  std::string address(const Inst& inst, std::size_t first_term) const {
    const Access& access = kernel_.accesses[static_cast<std::size_t>(inst.access)];
    std::string index = "0" + linear(access.strides);
    for (std::size_t t = 0; t < inst.coefs.size(); ++t)
      index += scaled(inst.coefs[t], name(inst.args[first_term + t]));
    if (index.starts_with("0 + ")) index.erase(0, 4);
    return "a" + number(inst.access) + "[" + index + "]";
  }

  // " + i0 * p3 + j": empty where all coefficients are zero.
  std::string linear(const std::vector<Coef>& coefs) const {
    std::string sum;
    for (std::size_t axis = 0; axis < coefs.size(); ++axis) {
      bool row = static_cast<int>(axis) == kernel_.parallel_axes;
      sum += scaled(coefs[axis], row ? "j" : "i" + std::to_string(axis));
    }
    return sum;
  }
  static std::string scaled(const Coef& coef, const std::string& index) {
    if (coef.is_zero()) return "";
    return " + " + index + (coef.is_one() ? "" : " * p" + number(coef.param));
  }

  static std::size_t at(Reg reg) { return static_cast<std::size_t>(reg); }
  DType dtype(Reg reg) const { return dtypes_[at(reg)]; }
  std::string type(Reg reg) const { return std::string(cuda::type_name(dtype(reg))); }
  const std::string& name(Reg reg) const { return names_[at(reg)]; }

  const Kernel& kernel_;
  bool along_;
  std::vector<DType> dtypes_;
  std::vector<std::string> names_;  // of registers, as readable at this point of the text
  std::map<Reg, std::string> kept_;
  std::set<Reg> in_scratch_;  // kept by a section before this one
  std::string text_;
  int depth_ = 0;
  int next_ = 0;
};

}  // namespace

std::string cuda_text(const Kernel& kernel) { return CudaWriter(kernel).run(); }

}  // namespace weft::codegen
