// Elementwise kernels with arrays that lie side by side along another axis than the last one
// (Kernel::turned_axis): a block takes squares of the two axes. What is turned is read into shared
// memory along its own axis, computed along the last one, and written back along its own, so that
// neighbouring threads always touch neighbours in memory. The pitch of a square keeps its columns
// in different banks.
#include <algorithm>

#include "codegen/cuda/body.h"
#include "codegen/cuda/forms.h"
#include "codegen/cuda/spell.h"

namespace weft::codegen::cuda {
namespace {

class TurnedWriter : public BodyWriter {
 public:
  using BodyWriter::BodyWriter;

 protected:
  void write() override {
    const std::string side = number(turned_side);
    for_turned([&](std::size_t k) {
      line("__shared__ " + std::string(stored_type_name(kernel_.accesses[k].dtype)) + " " +
           square(k) + "[" + side + "][" + number(turned_side + 1) + "];");
    });
    line("const int x = threadIdx.x % " + side + ", y = threadIdx.x / " + side + ";");
    write_loop_over_squares();
    write_copies(false);
    line("__syncthreads();");
    for_rows(near(), last(), [&] {
      inside_ = true;
      write_once(kernel_.sections.front());
      inside_ = false;
    });
    line("__syncthreads();");
    if (any_turned(true)) {
      write_copies(true);
      line("__syncthreads();");
    }
    close();
  }

  std::string held(const Inst& inst) const override {
    if (!inside_ || !kernel_.is_turned(inst, schedule_.turned)) return {};
    return square(at(inst.access)) + "[x][y + r]";
  }

 private:
  int near() const { return schedule_.turned; }
  int last() const { return kernel_.parallel_axes - 1; }
  static std::string square(std::size_t access) { return "square" + std::to_string(access); }

  /// l0 and n0: where the square begins along the last axis and along the turned one.
  void write_loop_over_squares() {
    const auto squares = [&](int axis) {
      return "((p" + number(axis) + " + " + number(turned_side - 1) + ") / " + number(turned_side) +
             ")";
    };
    std::string total = squares(last()) + " * " + squares(near());
    for (int axis = 0; axis < last(); ++axis)
      if (axis != near()) total += " * p" + number(axis);
    open("for (" + index_ + " unit = blockIdx.x; unit < " + total + "; unit += gridDim.x) {");
    const std::string side = number(turned_side);
    line("const " + index_ + " l0 = unit % " + squares(last()) + " * " + side + ";");
    line("const " + index_ + " n0 = unit / " + squares(last()) + " % " + squares(near()) + " * " +
         side + ";");
    std::string rest = "unit / " + squares(last()) + " / " + squares(near());
    for (int axis = last() - 1; axis >= 0; --axis) {
      if (axis == near()) continue;
      const std::string size = "p" + number(axis), next = "rest" + number(axis);
      line("const " + index_ + " i" + number(axis) + " = (" + rest + ") % " + size + ";");
      line("const " + index_ + " " + next + " = (" + rest + ") / " + size + ";");
      rest = next;
    }
  }

  /// Each thread's elements of the square, neighbouring threads along `across`; those that exist.
  template <class Body>
  void for_rows(int down, int across, Body body) {
    const auto origin = [&](int axis) { return axis == last() ? "l0" : "n0"; };
    line("#pragma unroll");
    open("for (int r = 0; r < " + number(turned_side) + "; r += " + number(turned_rows_per_turn) +
         ") {");
    line("const " + index_ + " i" + number(across) + " = " + origin(across) + " + x, i" +
         number(down) + " = " + origin(down) + " + y + r;");
    open("if (i" + number(across) + " < p" + number(across) + " && i" + number(down) + " < p" +
         number(down) + ") {");
    body();
    close();
    close();
  }

  void write_copies(bool written) {
    for_rows(last(), near(), [&] {
      for_turned([&](std::size_t k) {
        if (kernel_.accesses[k].written != written) return;
        std::string offset = "0" + linear(kernel_.accesses[k].strides);
        const std::string memory = "a" + std::to_string(k) + "[" + offset + "]",
                          here = square(k) + "[y + r][x]";
        line(written ? memory + " = " + here + ";" : here + " = " + memory + ";");
      });
    });
  }

  bool any_turned(bool written) {
    bool any = false;
    for_turned([&](std::size_t k) { any |= kernel_.accesses[k].written == written; });
    return any;
  }

  template <class Body>
  void for_turned(Body body) {
    const std::vector<Inst>& insts = kernel_.sections.front().body;
    for (std::size_t k = 0; k < kernel_.accesses.size(); ++k)
      if (std::any_of(insts.begin(), insts.end(), [&](const Inst& inst) {
            return inst.access == static_cast<int>(k) && kernel_.is_turned(inst, near());
          }))
        body(k);
  }

  bool inside_ = false;  // where x lies along the last axis
};

}  // namespace

std::string turned_text(const Kernel& kernel, const Schedule& schedule, std::string_view name) {
  return TurnedWriter(kernel, schedule, name).run();
}

}  // namespace weft::codegen::cuda
