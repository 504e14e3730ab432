// Rows and sums of columns.
//
// Lanes across: a thread computes one index of the parallel axes, and walks the row alone. Lanes
// along: a warp computes one row; lane l takes the elements l, l + 32, ..., and reductions end in
// the balanced tree of ir/reduce_order.h, by shuffles. Scans are made of shuffles, too, two blocks
// at a time; then no lane leaves the row before the others. Any grid does: threads, or warps, take
// indices in turn. Rows lie in shared memory where they fit (rows.h); else kept ones live in
// `scratch`, 8 bytes per element, kept value, and thread or warp. Updates are a row that one thread
// walks in order, so memory that indices share is updated in their order.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "codegen/cuda/body.h"
#include "codegen/cuda/forms.h"
#include "codegen/cuda/scan.h"
#include "codegen/cuda/spell.h"
#include "codegen/kernel_values.h"

namespace weft::codegen::cuda {
namespace {

class RowsWriter : public BodyWriter {
 public:
  RowsWriter(const Kernel& kernel, const Schedule& schedule, std::string_view name)
      : BodyWriter(kernel, schedule, name), along_(kernel.lanes == Lanes::along) {}

 protected:
  void write() override {
    find_kept();
    write_slot();
    write_indices("unit", kernel_.parallel_axes);
    if (copies_rows()) write_row_copies();
    for (const Section& section : kernel_.sections) {
      if (section.kind == Section::Kind::over)
        write_over(section);
      else
        along_ ? write_once_per_row(section) : write_once(section);
    }
    if (copies_rows()) line("__syncwarp();");  // the next row is copied over this one
    close();
  }

  std::string held(const Inst& inst) const override {
    const bool plain = inst.kind == Inst::Kind::load && inst.args[0] < 0 && inst.coefs.empty();
    if (!over_row_ || !plain || !schedule_.rows.any()) return {};
    return schedule_.rows.copied[at(inst.access)] < 0 ? "" : row_name(at(inst.access)) + "[j]";
  }

  std::string condition() const override { return only_; }

 private:
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
      std::string type(type_name(dtype(reg)));
      line(type + "* const " + keep + " = (" + type + "*)(scratch + (i64)8 * p" +
           number(kernel_.parallel_axes) + " * (slot * " +
           number(static_cast<std::int64_t>(kept_.size())) + " + " + keep.substr(4) + "));");
    }
    open("for (" + index_ + " unit = slot; unit < " + sizes_product(kernel_.parallel_axes) +
         "; unit += slots) {");
  }

  void write_shared_rows() {
    const SharedRows& rows = schedule_.rows;
    line("__shared__ __align__(16) unsigned char rows[" + number(rows.block_bytes()) + "];");
    const auto place = [&](std::string_view type, const std::string& name, int slot) {
      line(std::string(type) + "* const " + name + " = (" + std::string(type) +
           "*)(rows + ((int)threadIdx.x / 32 * " + number(rows.slots) + " + " + number(slot) +
           ") * " + number(rows.row_bytes()) + ");");
    };
    for (std::size_t k = 0; k < kernel_.accesses.size(); ++k)
      if (rows.copied[k] >= 0)
        place(stored_type_name(kernel_.accesses[k].dtype), row_name(k), rows.copied[k]);
    for (const auto& [reg, keep] : kept_)
      place(type_name(dtype(reg)), keep,
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

  // Every lane computes; one of them writes, when all have read.
  void write_once_per_row(const Section& section) {
    const std::vector<const Inst*> stores = write_values(section);
    if (stores.empty()) return;
    line("__syncwarp();");
    open("if (lane == 0) {");
    for (const Inst* store : stores) write_store(*store);
    close();
    line("__syncwarp();");
  }

  void write_over(const Section& section) {
    std::vector<const Inst*> reductions;
    bool scans = false;
    for (const Inst& inst : section.body) {
      if (inst.kind == Inst::Kind::reduce) reductions.push_back(&inst);
      scans |= inst.kind == Inst::Kind::scan;
      if (inst.kind != Inst::Kind::reduce && inst.kind != Inst::Kind::scan) continue;
      line(type(inst.result) + " sum" + number(inst.result) + " = " +
           constant(inst.dtype, identity_bits(inst.monoid, inst.dtype)) + ";");
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
    ScanText scan{{sum + " = " + combine(inst, sum, x) + ";"}, sum};
    if (along_) scan = scan_text(inst, sum, x);
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

  bool along_;
  std::map<Reg, std::string> kept_;
  std::set<Reg> in_scratch_;  // kept by a section before this one
  std::string only_;          // before what only the lanes of the row do
  bool over_row_ = false;     // inside the loop over a row
};

}  // namespace

std::string rows_text(const Kernel& kernel, const Schedule& schedule, std::string_view name) {
  return RowsWriter(kernel, schedule, name).run();
}

}  // namespace weft::codegen::cuda
