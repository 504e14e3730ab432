// Writes kernels for tests: a few lines instead of filled-in structs.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codegen/kernel.h"
#include "ir/graph.h"

namespace weft::codegen {

/// Instructions go to `body`, which begin() and left()/right() move through the sections.
class KernelWriter {
 public:
  KernelWriter(int parallel_axes, bool row_axis, Lanes lanes = Lanes::across) {
    kernel_.parallel_axes = parallel_axes;
    kernel_.row_axis = row_axis;
    kernel_.lanes = lanes;
    kernel_.param_count = kernel_.axes();
  }

  int add_param() { return kernel_.param_count++; }
  /// Returns the number of the access.
  int access(DType dtype, bool written, std::vector<Coef> strides) {
    kernel_.accesses.push_back({dtype, written, std::move(strides)});
    return static_cast<int>(kernel_.accesses.size()) - 1;
  }

  void begin(Section::Kind kind) {
    kernel_.sections.push_back({});
    kernel_.sections.back().kind = kind;
    body_ = &kernel_.sections.back().body;
  }
  void right() { body_ = &kernel_.sections.back().rhs; }
  void keep(Reg reg) { kernel_.sections.back().keeps.push_back(reg); }
  Reg product(DType dtype, Reg lhs, Reg rhs) {
    Section& section = kernel_.sections.back();
    section.dtype = dtype;
    section.lhs_value = lhs;
    section.rhs_value = rhs;
    return section.result = kernel_.reg_count++;
  }

  /// The right factor of the product may be packed ahead; returns the param.
  int panels() { return kernel_.sections.back().panels = add_param(); }

  Reg constant(DType dtype, std::uint64_t bits) {
    Inst inst = value(Inst::Kind::constant, dtype);
    inst.bits = bits;
    return add(std::move(inst));
  }
  Reg param(int number) {
    Inst inst = value(Inst::Kind::param, DType::i64);
    inst.param = number;
    return add(std::move(inst));
  }
  /// `number` is the param, one behind all others.
  Reg number(DType dtype, int number) {
    Inst inst = value(Inst::Kind::number, dtype);
    inst.param = number;
    kernel_.param_count = std::max(kernel_.param_count, number + 1);
    ++kernel_.number_count;
    return add(std::move(inst));
  }
  Reg index(std::vector<Coef> coefs, int start = -1) {
    Inst inst = value(Inst::Kind::index, DType::i64);
    inst.coefs = std::move(coefs);
    inst.param = start;
    return add(std::move(inst));
  }
  Reg op(ir::Op op, DType dtype, std::vector<Reg> args, ir::Attributes attrs = {}) {
    Inst inst = value(Inst::Kind::op, dtype);
    inst.args = std::move(args);
    auto node = std::make_shared<ir::Node>();
    node->op = op;
    node->attrs = std::move(attrs);
    node->types = {{dtype, {}}};
    inst.node = std::move(node);
    return add(std::move(inst));
  }
  Reg load(int access, Reg mask = -1, std::vector<std::pair<Reg, Coef>> terms = {}) {
    Inst inst = value(Inst::Kind::load, dtype_of_access(access));
    inst.access = access;
    inst.args = {mask};
    add_terms(inst, terms);
    return add(std::move(inst));
  }
  void store(int access, Reg stored, Reg mask = -1, std::vector<std::pair<Reg, Coef>> terms = {}) {
    write(Inst::Kind::store, access, stored, mask, terms, {});
  }
  void update(std::string monoid, int access, Reg stored, Reg mask = -1,
              std::vector<std::pair<Reg, Coef>> terms = {}) {
    write(Inst::Kind::update, access, stored, mask, terms, std::move(monoid));
  }
  Reg reduce(std::string monoid, DType dtype, Reg arg) {
    Inst inst = value(Inst::Kind::reduce, dtype);
    inst.args = {arg};
    inst.monoid = std::move(monoid);
    return add(std::move(inst));
  }

  Reg scan(std::string monoid, DType dtype, Reg arg) {
    Reg result = reduce(std::move(monoid), dtype, arg);
    body_->back().kind = Inst::Kind::scan;
    return result;
  }

  Kernel& kernel() { return kernel_; }

 private:
  DType dtype_of_access(int access) const {
    return kernel_.accesses[static_cast<std::size_t>(access)].dtype;
  }
  static Inst value(Inst::Kind kind, DType dtype) {
    Inst inst;
    inst.kind = kind;
    inst.dtype = dtype;
    return inst;
  }
  static void add_terms(Inst& inst, const std::vector<std::pair<Reg, Coef>>& terms) {
    for (const auto& [reg, coef] : terms) {
      inst.args.push_back(reg);
      inst.coefs.push_back(coef);
    }
  }
  void write(Inst::Kind kind, int access, Reg stored, Reg mask,
             const std::vector<std::pair<Reg, Coef>>& terms, std::string monoid) {
    Inst inst = value(kind, dtype_of_access(access));
    inst.access = access;
    inst.args = {stored, mask};
    inst.monoid = std::move(monoid);
    add_terms(inst, terms);
    body_->push_back(std::move(inst));
  }
  Reg add(Inst inst) {
    inst.result = kernel_.reg_count++;
    body_->push_back(std::move(inst));
    return body_->back().result;
  }

  Kernel kernel_;
  std::vector<Inst>* body_ = nullptr;
};

/// Softmax of f32 rows as one kernel: parameters are sizes, then the strides of input and output.
inline Kernel row_softmax() {
  KernelWriter w(1, true, Lanes::along);
  int x_stride = w.add_param(), y_stride = w.add_param();
  int x = w.access(DType::f32, false, {Coef::at(x_stride), Coef::one()});
  int y = w.access(DType::f32, true, {Coef::at(y_stride), Coef::one()});
  w.begin(Section::Kind::over);
  Reg high = w.reduce("max", DType::f32, w.load(x));
  w.begin(Section::Kind::over);
  Reg e = w.op(ir::Op::exp, DType::f32, {w.op(ir::Op::sub, DType::f32, {w.load(x), high})});
  Reg sum = w.reduce("add", DType::f32, e);
  w.keep(e);
  w.begin(Section::Kind::over);
  w.store(y, w.op(ir::Op::div, DType::f32, {e, sum}));
  return w.kernel();
}

}  // namespace weft::codegen
