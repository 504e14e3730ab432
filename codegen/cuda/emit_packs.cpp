// Elementwise kernels whose memory allows it: a thread takes packs of elements (schedule.h).
#include "codegen/cuda/body.h"
#include "codegen/cuda/forms.h"
#include "codegen/cuda/spell.h"

namespace weft::codegen::cuda {
namespace {

class PacksWriter : public BodyWriter {
 public:
  using BodyWriter::BodyWriter;

 protected:
  // First all packs of `copies` places are read, then each place is computed and stored: so many
  // reads are in flight, and memory that is written over was read by the same thread before.
  void write() override {
    const std::string copies = number(schedule_.copies),
                      last = "p" + number(kernel_.parallel_axes - 1);
    const std::string pack = number(pack_size);
    line("const " + index_ + " slot = (" + index_ + ")blockIdx.x * blockDim.x + threadIdx.x;");
    line("const " + index_ + " slots = (" + index_ + ")gridDim.x * blockDim.x;");
    line("const " + index_ + " row_packs = (" + last + " + " + number(pack_size - 1) + ") / " +
         pack + ";");
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

  std::string held(const Inst& inst) const override {
    if (!element_ || !schedule_.packed[at(inst.access)]) return {};
    const bool written = kernel_.accesses[at(inst.access)].written;
    return "x" + number(inst.access) + (written ? "[0]" : "[copy]") + ".v[v]";
  }

 private:
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
         number(pack_size) + ";");
    if (outer > 0) line("const " + index_ + " above = unit / row_packs;");
    write_indices("above", outer);
    body();
    close();
  }

  std::string pack_type(std::size_t k) const {
    return "weft_pack<" + std::string(stored_type_name(kernel_.accesses[k].dtype)) + ">";
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

  bool element_ = false;  // inside the loop over a pack
};

}  // namespace

std::string packs_text(const Kernel& kernel, const Schedule& schedule, std::string_view name) {
  return PacksWriter(kernel, schedule, name).run();
}

}  // namespace weft::codegen::cuda
