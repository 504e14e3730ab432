// Spells a kernel as CUDA C++.
//
// Lanes across: a thread computes one index of the parallel axes, and walks the row alone. Lanes
// along: a warp computes one row; lane l takes the elements l, l + 32, ..., and reductions end in
// the balanced tree of ir/reduce_order.h, by shuffles. Any grid does: threads, or warps, take
// indices in turn. Kept rows live in `scratch`, 8 bytes per element, kept value, and thread or
// warp. Updates are a row that one thread walks in order, so memory that indices share is updated
// in their order.
//
// Products: see product_tile.h. Bodies of the factors fill shared memory, sums run in registers,
// what follows the product runs on each element of the thread's square.
#include "codegen/cuda/emit.h"

#include <algorithm>
#include <map>
#include <set>

#include "codegen/cuda/product_tile.h"
#include "codegen/cuda/spell.h"
#include "codegen/jit.h"
#include "codegen/kernel_values.h"

namespace weft::codegen {
namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

class CudaWriter {
 public:
  CudaWriter(const Kernel& kernel, std::string_view name)
      : kernel_(kernel),
        function_(name),
        along_(kernel.lanes == Lanes::along),
        dtypes_(register_dtypes(kernel)),
        names_(dtypes_.size()) {}

  std::string run() {
    if (kernel_.is_attention()) throw Unsupported("cuda: kernels of attention");
    write_signature();
    open("{");
    if (kernel_.is_contract()) {
      write_product();
      close();
      return std::move(text_);
    }
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
    text_ += "\nextern \"C\" __global__ void " + function_ + "(";
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
    open("for (i64 unit = slot; unit < " + sizes_product(kernel_.parallel_axes) +
         "; unit += slots) {");
  }

  // Of the first `axes` axes.
  static std::string sizes_product(int axes) {
    std::string total = axes == 0 ? "1" : "p0";
    for (int axis = 1; axis < axes; ++axis) total += " * p" + number(axis);
    return total;
  }

  void write_indices() { write_indices("unit", kernel_.parallel_axes); }
  void write_indices(std::string rest, int axes) {
    for (int axis = axes - 1; axis >= 0; --axis) {
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
      if (inst.kind == Inst::Kind::store || inst.kind == Inst::Kind::update) {
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
      if (inst.kind == Inst::Kind::store || inst.kind == Inst::Kind::update) {
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
    std::string element = address(inst, 2), value = name(inst.args[0]);
    if (inst.kind == Inst::Kind::update && inst.monoid != "set") {
      std::string before = is_bool(inst.dtype) ? "(" + element + " != 0)" : element;
      value = combine(inst, before, value);
    }
    line(mask + element + " = " + value + ";");
  }

  // --- Products ---------------------------------------------------------------------------------

  void write_product() {
    const Section& product = kernel_.sections.front();
    const int m = kernel_.parallel_axes - 2, n = m + 1;
    const std::string side = number(cuda::tile_side), type(cuda::type_name(product.dtype));
    auto tiles = [&](int axis) {
      return "((p" + number(axis) + " + " + number(cuda::tile_side - 1) + ") / " + side + ")";
    };
    for (const char* factor : {"left", "right"})
      line("__shared__ " + type + " " + factor + "[" + number(cuda::tile_depth) + "][" +
           number(cuda::tile_pitch) + "];");
    const std::string across = number(cuda::tile_side / cuda::thread_side);
    const std::string per_thread = number(cuda::thread_side);
    line("const int row = threadIdx.x / " + across + " * " + per_thread +
         ", column = threadIdx.x % " + across + " * " + per_thread + ";");
    line("const i64 depth = p" + number(kernel_.parallel_axes) + ";");
    open("for (i64 unit = blockIdx.x; unit < " + sizes_product(m) + " * " + tiles(m) + " * " +
         tiles(n) + "; unit += gridDim.x) {");
    line("const i64 n0 = unit % " + tiles(n) + " * " + side + ";");
    line("const i64 m0 = unit / " + tiles(n) + " % " + tiles(m) + " * " + side + ";");
    if (m > 0) line("const i64 batch = unit / " + tiles(n) + " / " + tiles(m) + ";");
    write_indices("batch", m);
    const std::string square = "[" + per_thread + "][" + per_thread + "]";
    line(type + " total" + square + " = {}, sum" + square + " = {};");
    open("for (i64 k0 = 0; k0 < depth; k0 += " + number(cuda::tile_depth) + ") {");
    write_block_end(product);
    write_factor("left", product.body, product.lhs_value, m);
    write_factor("right", product.rhs, product.rhs_value, n);
    line("__syncthreads();");
    write_sums(product);
    line("__syncthreads();");
    close();
    write_after_product(product, m, n);
    close();
  }

  // The first block of sums is the total; later ones are added to it.
  void write_block_end(const Section& product) {
    open("if (k0 > 0 && k0 % " + number(ir::dot_block) + " == 0) {");
    for_square([&] {
      std::string args[] = {"total[r][c]", "sum[r][c]"};
      line("total[r][c] = k0 == " + number(ir::dot_block) + " ? sum[r][c] : " +
           cuda::expression(ir::ScalarOp::add, product.dtype, product.dtype, args) + ";");
      line("sum[r][c] = 0;");
    });
    close();
  }

  template <class Body>
  void for_square(Body body) {
    const std::string side = number(cuda::thread_side);
    line("#pragma unroll");
    line("for (int r = 0; r < " + side + "; ++r)");
    line("#pragma unroll");
    open("for (int c = 0; c < " + side + "; ++c) {");
    body();
    close();
  }

  // Neighbouring threads take neighbours in memory: along k, or along the factor's other axis.
  void write_factor(const std::string& factor, const std::vector<Inst>& body, Reg result,
                    int axis) {
    bool along_depth = false;
    for (const Inst& inst : body)
      if (inst.kind == Inst::Kind::load)
        along_depth |=
            kernel_.accesses[static_cast<std::size_t>(inst.access)].strides.back().is_one();
    const std::string depth = number(cuda::tile_depth), side = number(cuda::tile_side);
    const std::string axis_name = "i" + number(axis),
                      origin = axis == kernel_.parallel_axes - 2 ? "m0" : "n0";
    open("for (int e = threadIdx.x; e < " + number(cuda::tile_depth * cuda::tile_side) +
         "; e += " + number(cuda::product_threads) + ") {");
    line(along_depth ? "const int at = e / " + depth + ", k = e % " + depth + ";"
                     : "const int at = e % " + side + ", k = e / " + side + ";");
    line("const i64 " + axis_name + " = " + origin + " + at, j = k0 + k;");
    open("if (" + axis_name + " < p" + number(axis) + " && j < depth) {");
    for (const Inst& inst : body) write_value(inst);
    line(factor + "[k][at] = " + name(result) + ";");
    close();
    close();
  }

  void write_sums(const Section& product) {
    const std::string depth = number(cuda::tile_depth);
    line("const int steps = depth - k0 < " + depth + " ? (int)(depth - k0) : " + depth + ";");
    open("if (steps == " + depth + ") {");
    line("#pragma unroll");
    write_steps(product, depth);
    close();
    open("else {");
    write_steps(product, "steps");
    close();
  }

  void write_steps(const Section& product, const std::string& count) {
    std::string args[] = {"left[k][row + r]", "right[k][column + c]", "sum[r][c]"};
    std::string step;
    if (is_float(product.dtype)) {
      step = cuda::expression(ir::ScalarOp::fma, product.dtype, product.dtype, args);
    } else {
      std::string terms[] = {
          "sum[r][c]", cuda::expression(ir::ScalarOp::mul, product.dtype, product.dtype, args)};
      step = cuda::expression(ir::ScalarOp::add, product.dtype, product.dtype, terms);
    }
    open("for (int k = 0; k < " + count + "; ++k) {");
    for_square([&] { line("sum[r][c] = " + step + ";"); });
    close();
  }

  // Squares at the edge hold sums of memory that nobody wrote; nothing reads them.
  void write_after_product(const Section& product, int m, int n) {
    const std::string row = "i" + number(m), column = "i" + number(n);
    for_square([&] {
      line("const i64 " + row + " = m0 + row + r, " + column + " = n0 + column + c;");
      line("if (" + row + " >= p" + number(m) + " || " + column + " >= p" + number(n) +
           ") continue;");
      std::string args[] = {"total[r][c]", "sum[r][c]"};
      names_[at(product.result)] =
          define(product.dtype,
                 "depth > " + number(ir::dot_block) + " ? " +
                     cuda::expression(ir::ScalarOp::add, product.dtype, product.dtype, args) +
                     " : sum[r][c]");
      for (std::size_t k = 1; k < kernel_.sections.size(); ++k) write_once(kernel_.sections[k]);
    });
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
  std::string function_;
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

namespace cuda {
namespace {

constexpr unsigned block_threads = 256;
constexpr std::int64_t most_blocks = 2048;  // of a grid; threads and warps take indices in turn
// Rows that are kept need scratch for every thread, so fewer run.
constexpr std::int64_t most_blocks_keeping = 256;

std::int64_t tiles(std::int64_t size) { return (size + tile_side - 1) / tile_side; }

}  // namespace

std::string kernel_text(const Kernel& kernel, std::string_view name) {
  return CudaWriter(kernel, name).run();
}

LaunchShape launch_shape(const Kernel& kernel, std::span<const std::int64_t> params) {
  const auto parallel = static_cast<std::size_t>(kernel.parallel_axes);
  const bool product = kernel.is_contract();
  std::int64_t units = 1;
  for (std::size_t axis = 0; axis < parallel - (product ? 2 : 0); ++axis) units *= params[axis];
  if (product) {
    units *= tiles(params[parallel - 2]) * tiles(params[parallel - 1]);
    return {static_cast<unsigned>(std::min<std::int64_t>(units, 0x7fffffff)), product_threads, 0};
  }
  const bool along = kernel.lanes == Lanes::along;
  std::size_t kept = 0;
  for (const Section& section : kernel.sections) kept += section.keeps.size();
  const std::int64_t per_block = along ? block_threads / 32 : block_threads;
  const std::int64_t blocks =
      std::min((units + per_block - 1) / per_block, kept == 0 ? most_blocks : most_blocks_keeping);
  const std::size_t row = kernel.row_axis ? static_cast<std::size_t>(params[parallel]) : 0;
  return {static_cast<unsigned>(blocks), block_threads,
          8 * row * kept * static_cast<std::size_t>(blocks * per_block)};
}

}  // namespace cuda

std::string cuda_text(const Kernel& kernel) {
  return std::string(cuda::prelude()) + cuda::kernel_text(kernel, "kernel");
}

}  // namespace weft::codegen
