// Spells a kernel as CUDA C++.
//
// Lanes across: a thread computes one index of the parallel axes, and walks the row alone. Lanes
// along: a warp computes one row; lane l takes the elements l, l + 32, ..., and reductions end in
// the balanced tree of ir/reduce_order.h, by shuffles. Scans are made of shuffles, too, two blocks
// at a time; then no lane leaves the row before the others. Any grid does: threads, or warps, take
// indices in turn. Rows lie in shared memory where they fit (rows.h); else kept ones live in
// `scratch`, 8 bytes per element, kept value, and thread or warp. Updates are a row that one thread
// walks in order, so memory that indices share is updated in their order.
//
// Elementwise kernels whose memory allows it: a thread takes packs of elements (schedule.h).
// Products: see product_tile.h. Bodies of the factors fill shared memory, sums run in registers,
// what follows the product runs on each element of the thread's square.
#include "codegen/cuda/emit.h"

#include <algorithm>
#include <map>
#include <set>

#include "codegen/cuda/product_tile.h"
#include "codegen/cuda/scan.h"
#include "codegen/cuda/spell.h"
#include "codegen/jit.h"
#include "codegen/kernel_values.h"

namespace weft::codegen {
namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

class CudaWriter {
 public:
  CudaWriter(const Kernel& kernel, const cuda::Schedule& schedule, std::string_view name)
      : kernel_(kernel),
        schedule_(schedule),
        index_(schedule.narrow ? "i32" : "i64"),
        function_(name),
        along_(kernel.lanes == Lanes::along),
        dtypes_(register_dtypes(kernel)),
        names_(dtypes_.size()) {}

  std::string run() {
    if (kernel_.is_attention() || kernel_.is_attention_gradient())
      throw Unsupported("cuda: kernels of attention");
    write_signature();
    open("{");
    if (schedule_.narrow)
      for (int param = 0; param < kernel_.first_number(); ++param)
        line("const i32 p" + number(param) + " = (i32)w" + number(param) + ";");
    if (kernel_.is_contract() || schedule_.in_packs()) {
      kernel_.is_contract() ? write_product() : write_packs();
      close();
      return std::move(text_);
    }
    find_kept();
    write_slot();
    write_indices();
    if (copies_rows()) write_row_copies();
    for (const Section& section : kernel_.sections) {
      if (section.kind == Section::Kind::once) {
        write_once(section);
      } else {
        write_over(section);
      }
    }
    if (copies_rows()) line("__syncwarp();");  // the next row is copied over this one
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
    for (int param = 0; param < kernel_.param_count; ++param) {
      const bool narrowed = schedule_.narrow && param < kernel_.first_number();
      text_ += (narrowed ? "i64 w" : "i64 p") + number(param) + ", ";
    }
    text_ += "unsigned char* scratch)\n";
  }

  void find_kept() {
    for (const Section& section : kernel_.sections)
      for (Reg reg : section.keeps)
        kept_.emplace(reg, "keep" + number(static_cast<std::int64_t>(kept_.size())));
  }

  // The first index that this thread or warp takes, the step to the next, and its rows of scratch.
  void write_slot() {
    std::string thread = "((" + index_ + ")blockIdx.x * blockDim.x + threadIdx.x)";
    std::string threads = "((" + index_ + ")gridDim.x * blockDim.x)";
    if (along_) line("const " + index_ + " lane = threadIdx.x % 32;");
    line("const " + index_ + " slot = " + thread + (along_ ? " / 32;" : ";"));
    line("const " + index_ + " slots = " + threads + (along_ ? " / 32;" : ";"));
    if (schedule_.rows.any()) write_shared_rows();
    for (const auto& [reg, keep] : kept_) {
      if (schedule_.rows.any()) break;
      std::string type(cuda::type_name(dtype(reg)));
      line(type + "* const " + keep + " = (" + type + "*)(scratch + (i64)8 * p" +
           number(kernel_.parallel_axes) + " * (slot * " +
           number(static_cast<std::int64_t>(kept_.size())) + " + " + keep.substr(4) + "));");
    }
    open("for (" + index_ + " unit = slot; unit < " + sizes_product(kernel_.parallel_axes) +
         "; unit += slots) {");
  }

  void write_shared_rows() {
    const cuda::SharedRows& rows = schedule_.rows;
    line("__shared__ __align__(16) unsigned char rows[" + number(rows.block_bytes()) + "];");
    const auto place = [&](std::string_view type, const std::string& name, int slot) {
      line(std::string(type) + "* const " + name + " = (" + std::string(type) +
           "*)(rows + ((int)threadIdx.x / 32 * " + number(rows.slots) + " + " + number(slot) +
           ") * " + number(rows.row_bytes()) + ");");
    };
    for (std::size_t k = 0; k < kernel_.accesses.size(); ++k)
      if (rows.copied[k] >= 0)
        place(cuda::stored_type_name(kernel_.accesses[k].dtype), row_name(k), rows.copied[k]);
    for (const auto& [reg, keep] : kept_)
      place(cuda::type_name(dtype(reg)), keep,
            rows.kept[static_cast<std::size_t>(std::stoi(keep.substr(4)))]);
  }

  static std::string row_name(std::size_t access) { return "row" + std::to_string(access); }

  bool copies_rows() const {
    const auto& copied = schedule_.rows.copied;
    return std::any_of(copied.begin(), copied.end(), [](int slot) { return slot >= 0; });
  }

  void write_row_copies() {
    for (std::size_t k = 0; k < kernel_.accesses.size(); ++k) {
      if (!schedule_.rows.any() || schedule_.rows.copied[k] < 0) continue;
      std::string offset = "0";
      for (int axis = 0; axis < kernel_.parallel_axes; ++axis)
        offset +=
            scaled(kernel_.accesses[k].strides[static_cast<std::size_t>(axis)], "i" + number(axis));
      line("weft_copy_row(" + row_name(k) + ", a" + std::to_string(k) + " + (" + offset + "), p" +
           number(kernel_.parallel_axes) + ", lane);");
    }
    line("weft_copy_wait();");
    line("__syncwarp();");
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
      line("const " + index_ + " " + index + " = " + rest + (axis > 0 ? " % " + size : "") + ";");
      if (axis == 0) break;
      std::string next = "rest" + number(axis);
      line("const " + index_ + " " + next + " = " + rest + " / " + size + ";");
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
    bool scans = false;
    for (const Inst& inst : section.body) {
      if (inst.kind == Inst::Kind::reduce) reductions.push_back(&inst);
      scans |= inst.kind == Inst::Kind::scan;
      if (inst.kind != Inst::Kind::reduce && inst.kind != Inst::Kind::scan) continue;
      line(type(inst.result) + " sum" + number(inst.result) + " = " +
           cuda::constant(inst.dtype, identity_bits(inst.monoid, inst.dtype)) + ";");
    }
    std::string size = "p" + number(kernel_.parallel_axes);
    if (along_ && scans) {
      open("for (" + index_ + " j0 = 0; j0 < " + size + "; j0 += 32) {");
      line("const bool on = j0 + lane < " + size + ";");
      line("const " + index_ + " j = on ? j0 + lane : " + size + " - 1;");
      only_ = "if (on) ";
    } else {
      if (along_) line("#pragma unroll 4");
      open(along_ ? "for (" + index_ + " j = lane; j < " + size + "; j += 32) {"
                  : "for (" + index_ + " j = 0; j < " + size + "; ++j) {");
    }
    std::vector<std::string> outside = names_;
    for (const auto& [reg, keep] : kept_)
      if (in_scratch_.contains(reg)) names_[at(reg)] = keep + "[j]";
    over_row_ = true;
    write_row_body(section);
    over_row_ = false;
    close();
    only_.clear();
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
        line(only_ + sum + " = " + combine(inst, sum, name(inst.args[0])) + ";");
      } else if (inst.kind == Inst::Kind::scan) {
        write_scan(inst);
      } else {
        write_value(inst);
      }
    }
    for (Reg reg : section.keeps) line(only_ + kept_.at(reg) + "[j] = " + name(reg) + ";");
  }

  void write_scan(const Inst& inst) {
    const std::string sum = "sum" + number(inst.result), x = name(inst.args[0]);
    cuda::ScanText scan{{sum + " = " + combine(inst, sum, x) + ";"}, sum};
    if (along_) scan = cuda::scan_text(inst, sum, x);
    for (const std::string& text : scan.lines) line(text);
    names_[at(inst.result)] = scan.result;
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
        std::string element = in_pack(inst)  ? pack_element(inst)
                              : in_row(inst) ? row_name(at(inst.access)) + "[j]"
                                             : address(inst, 1);
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

  static std::string low_bytes(DType dtype, int param) {
    const std::string bits = "p" + number(param);
    const std::string unsigned_bits = size_of(dtype) == 8 ? "(u64)" + bits : "(u32)" + bits;
    return "weft_bitcast<" + std::string(cuda::type_name(dtype)) + ">(" + unsigned_bits + ")";
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
    std::string element = in_pack(inst) ? pack_element(inst) : address(inst, 2);
    std::string value = name(inst.args[0]);
    if (inst.kind == Inst::Kind::update && inst.monoid != "set") {
      std::string before = is_bool(inst.dtype) ? "(" + element + " != 0)" : element;
      value = combine(inst, before, value);
    }
    line(only_ + mask + element + " = " + value + ";");
  }

  // --- Elementwise, in packs --------------------------------------------------------------------

  // First all packs of `copies` places are read, then each place is computed and stored: so many
  // reads are in flight, and memory that is written over was read by the same thread before.
  void write_packs() {
    const std::string copies = number(schedule_.copies),
                      last = "p" + number(kernel_.parallel_axes - 1);
    const std::string pack = number(cuda::pack_size);
    line("const " + index_ + " slot = (" + index_ + ")blockIdx.x * blockDim.x + threadIdx.x;");
    line("const " + index_ + " slots = (" + index_ + ")gridDim.x * blockDim.x;");
    line("const " + index_ + " row_packs = (" + last + " + " + number(cuda::pack_size - 1) +
         ") / " + pack + ";");
    const int outer = kernel_.parallel_axes - 1;
    line("const " + index_ + " packs = " + (outer == 0 ? "" : sizes_product(outer) + " * ") +
         "row_packs;");
    open("for (" + index_ + " first = slot; first < packs; first += " + copies + " * slots) {");
    for_packed(false, [&](std::size_t k) {
      line(pack_type(k) + " x" + std::to_string(k) + "[" + copies + "];");
    });
    for_each_copy([&] {
      for_packed(false,
                 [&](std::size_t k) { move_pack(k, "x" + std::to_string(k) + "[copy]", false); });
    });
    for_each_copy([&] {
      for_packed(true,
                 [&](std::size_t k) { line(pack_type(k) + " x" + std::to_string(k) + "[1];"); });
      line("#pragma unroll");
      open("for (int v = 0; v < " + pack + "; ++v) {");
      line("const " + index_ + " i" + number(outer) + " = start + v;");
      if (schedule_.ragged) line("if (i" + number(outer) + " >= " + last + ") break;");
      element_ = true;
      for (const Section& section : kernel_.sections) write_once(section);
      element_ = false;
      close();
      for_packed(true, [&](std::size_t k) { move_pack(k, "x" + std::to_string(k) + "[0]", true); });
    });
    close();
  }

  template <class Body>
  void for_packed(bool written, Body body) {
    for (std::size_t k = 0; k < kernel_.accesses.size(); ++k)
      if (schedule_.packed[k] && kernel_.accesses[k].written == written) body(k);
  }

  template <class Body>
  void for_each_copy(Body body) {
    const int outer = kernel_.parallel_axes - 1;
    line("#pragma unroll");
    open("for (int copy = 0; copy < " + number(schedule_.copies) + "; ++copy) {");
    line("const " + index_ + " unit = first + copy * slots;");
    line("if (unit >= packs) break;");
    line("const " + index_ + " start = unit" + (outer > 0 ? " % row_packs" : "") + " * " +
         number(cuda::pack_size) + ";");
    if (outer > 0) line("const " + index_ + " above = unit / row_packs;");
    write_indices("above", outer);
    body();
    close();
  }

  std::string pack_type(std::size_t k) const {
    return "weft_pack<" + std::string(cuda::stored_type_name(kernel_.accesses[k].dtype)) + ">";
  }

  void move_pack(std::size_t k, const std::string& pack, bool store) {
    std::string offset = "start";
    const std::vector<Coef>& strides = kernel_.accesses[k].strides;
    for (std::size_t axis = 0; axis + 1 < strides.size(); ++axis)
      offset += scaled(strides[axis], "i" + std::to_string(axis));
    const std::string at = "a" + std::to_string(k) + " + (" + offset + ")";
    if (schedule_.ragged) {
      line(std::string(store ? "weft_store" : "weft_load") + "_part(" + pack + ", " + at + ", p" +
           number(kernel_.parallel_axes - 1) + " - start);");
    } else {
      line(store ? "*(" + pack_type(k) + "*)(" + at + ") = " + pack + ";"
                 : pack + " = *(const " + pack_type(k) + "*)(" + at + ");");
    }
  }

  bool in_row(const Inst& inst) const {
    return over_row_ && schedule_.rows.any() && schedule_.rows.copied[at(inst.access)] >= 0 &&
           inst.args[0] < 0 && inst.coefs.empty();
  }
  bool in_pack(const Inst& inst) const {
    return element_ && schedule_.packed[static_cast<std::size_t>(inst.access)];
  }
  std::string pack_element(const Inst& inst) const {
    const bool written = kernel_.accesses[static_cast<std::size_t>(inst.access)].written;
    return "x" + number(inst.access) + (written ? "[0]" : "[copy]") + ".v[v]";
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
    line("const " + index_ + " depth = p" + number(kernel_.parallel_axes) + ";");
    open("for (" + index_ + " unit = blockIdx.x; unit < " + sizes_product(m) + " * " + tiles(m) +
         " * " + tiles(n) + "; unit += gridDim.x) {");
    line("const " + index_ + " n0 = unit % " + tiles(n) + " * " + side + ";");
    line("const " + index_ + " m0 = unit / " + tiles(n) + " % " + tiles(m) + " * " + side + ";");
    if (m > 0) line("const " + index_ + " batch = unit / " + tiles(n) + " / " + tiles(m) + ";");
    write_indices("batch", m);
    const std::string square = "[" + per_thread + "][" + per_thread + "]";
    line(type + " total" + square + " = {}, sum" + square + " = {};");
    open("for (" + index_ + " k0 = 0; k0 < depth; k0 += " + number(cuda::tile_depth) + ") {");
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
    line("const " + index_ + " " + axis_name + " = " + origin + " + at, j = k0 + k;");
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
      line("const " + index_ + " " + row + " = m0 + row + r, " + column + " = n0 + column + c;");
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
    if (coef.is_minus_one()) return " - " + index;
    return " + " + index + (coef.is_one() ? "" : " * p" + number(coef.param));
  }

  static std::size_t at(Reg reg) { return static_cast<std::size_t>(reg); }
  DType dtype(Reg reg) const { return dtypes_[at(reg)]; }
  std::string type(Reg reg) const { return std::string(cuda::type_name(dtype(reg))); }
  const std::string& name(Reg reg) const { return names_[at(reg)]; }

  const Kernel& kernel_;
  const cuda::Schedule& schedule_;
  std::string index_;  // the type of indices and sizes
  std::string function_;
  bool along_;
  std::vector<DType> dtypes_;
  std::vector<std::string> names_;  // of registers, as readable at this point of the text
  std::map<Reg, std::string> kept_;
  std::set<Reg> in_scratch_;  // kept by a section before this one
  std::string text_;
  int depth_ = 0;
  int next_ = 0;
  std::string only_;       // before what only the lanes of the row do
  bool element_ = false;   // inside the loop over a pack
  bool over_row_ = false;  // inside the loop over a row
};

}  // namespace

std::string cuda::kernel_text(const Kernel& kernel, const Schedule& schedule,
                              std::string_view name) {
  return CudaWriter(kernel, schedule, name).run();
}

std::string cuda_text(const Kernel& kernel) {
  cuda::Schedule any_launch;
  any_launch.packed.assign(kernel.accesses.size(), false);
  return std::string(cuda::prelude()) + cuda::kernel_text(kernel, any_launch, "kernel");
}

std::string cuda_text(const Kernel& kernel, std::span<const std::int64_t> params,
                      std::span<const std::int64_t> offsets) {
  return std::string(cuda::prelude()) +
         cuda::kernel_text(kernel, cuda::schedule(kernel, params, offsets), "kernel");
}

}  // namespace weft::codegen
