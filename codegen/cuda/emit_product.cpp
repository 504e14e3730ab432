// Products: see product_tile.h. Bodies of the factors fill shared memory, sums run in registers,
// what follows the product runs on each element of the thread's square.
#include "codegen/cuda/body.h"
#include "codegen/cuda/forms.h"
#include "codegen/cuda/product_tile.h"
#include "codegen/cuda/spell.h"
#include "ir/reduce_order.h"

namespace weft::codegen::cuda {
namespace {

class ProductWriter : public BodyWriter {
 public:
  using BodyWriter::BodyWriter;

 protected:
  void write() override {
    const Section& product = kernel_.sections.front();
    const int m = kernel_.parallel_axes - 2, n = m + 1;
    const std::string side = number(tile_side), type(type_name(product.dtype));
    auto tiles = [&](int axis) {
      return "((p" + number(axis) + " + " + number(tile_side - 1) + ") / " + side + ")";
    };
    for (const char* factor : {"left", "right"})
      line("__shared__ " + type + " " + factor + "[" + number(tile_depth) + "][" +
           number(tile_pitch) + "];");
    const std::string across = number(tile_side / thread_side);
    const std::string per_thread = number(thread_side);
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
    open("for (" + index_ + " k0 = 0; k0 < depth; k0 += " + number(tile_depth) + ") {");
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

 private:
  // The first block of sums is the total; later ones are added to it.
  void write_block_end(const Section& product) {
    open("if (k0 > 0 && k0 % " + number(ir::dot_block) + " == 0) {");
    for_square([&] {
      std::string args[] = {"total[r][c]", "sum[r][c]"};
      line("total[r][c] = k0 == " + number(ir::dot_block) + " ? sum[r][c] : " +
           expression(ir::ScalarOp::add, product.dtype, product.dtype, args) + ";");
      line("sum[r][c] = 0;");
    });
    close();
  }

  template <class Body>
  void for_square(Body body) {
    const std::string side = number(thread_side);
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
    const std::string depth = number(tile_depth), side = number(tile_side);
    const std::string axis_name = "i" + number(axis),
                      origin = axis == kernel_.parallel_axes - 2 ? "m0" : "n0";
    open("for (int e = threadIdx.x; e < " + number(tile_depth * tile_side) +
         "; e += " + number(product_threads) + ") {");
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
    const std::string depth = number(tile_depth);
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
      step = expression(ir::ScalarOp::fma, product.dtype, product.dtype, args);
    } else {
      std::string terms[] = {"sum[r][c]",
                             expression(ir::ScalarOp::mul, product.dtype, product.dtype, args)};
      step = expression(ir::ScalarOp::add, product.dtype, product.dtype, terms);
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
      names_[at(product.result)] = define(
          product.dtype, "depth > " + number(ir::dot_block) + " ? " +
                             expression(ir::ScalarOp::add, product.dtype, product.dtype, args) +
                             " : sum[r][c]");
      for (std::size_t k = 1; k < kernel_.sections.size(); ++k) write_once(kernel_.sections[k]);
    });
  }
};

}  // namespace

std::string product_text(const Kernel& kernel, const Schedule& schedule, std::string_view name) {
  return ProductWriter(kernel, schedule, name).run();
}

}  // namespace weft::codegen::cuda
