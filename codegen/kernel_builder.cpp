#include "codegen/kernel_builder.h"

#include <algorithm>

namespace weft::codegen {

using ir::Affine;
using ir::Op;

KernelBuilder::KernelBuilder(std::vector<std::int64_t> sizes, bool row_axis, Lanes lanes)
    : sizes_(std::move(sizes)), row_axis_(row_axis), lanes_(lanes) {}

Reg KernelBuilder::constant(Slot& slot, DType dtype, std::uint64_t bits) {
  slot.push_back({.kind = Inst::Kind::constant, .dtype = dtype, .result = fresh(), .bits = bits});
  return slot.back().result;
}

Reg KernelBuilder::param(Slot& slot, std::int64_t value) {
  values_.push_back(value);
  slot.push_back({.kind = Inst::Kind::param,
                  .dtype = DType::i64,
                  .result = fresh(),
                  .param = static_cast<int>(values_.size()) - 1});
  return slot.back().result;
}

Reg KernelBuilder::number(Slot& slot, DType dtype, Number number) {
  numbers_.push_back(number);
  slot.push_back({.kind = Inst::Kind::number,
                  .dtype = dtype,
                  .result = fresh(),
                  .param = static_cast<int>(numbers_.size()) - 1});
  return slot.back().result;
}

Reg KernelBuilder::index(Slot& slot, const Affine& affine) {
  affines_.push_back(affine);
  slot.push_back({.kind = Inst::Kind::index,
                  .dtype = DType::i64,
                  .result = fresh(),
                  .param = static_cast<int>(affines_.size()) - 1});
  return slot.back().result;
}

Reg KernelBuilder::op(Slot& slot, std::shared_ptr<const ir::Node> node, DType result,
                      std::vector<Reg> args) {
  slot.push_back({.kind = Inst::Kind::op,
                  .dtype = result,
                  .result = fresh(),
                  .args = std::move(args),
                  .node = std::move(node)});
  return slot.back().result;
}

Reg KernelBuilder::op(Slot& slot, Op op, DType result, std::vector<Reg> args,
                      ir::Attributes attrs) {
  auto node = std::make_shared<ir::Node>();
  node->op = op;
  node->attrs = std::move(attrs);
  node->types = {{result, {}}};
  return this->op(slot, std::move(node), result, std::move(args));
}

Reg KernelBuilder::load(Slot& slot, DType dtype, int memory, const Affine& address, Reg mask,
                        const Dynamic& dynamic) {
  Inst inst{.kind = Inst::Kind::load, .dtype = dtype, .result = fresh(), .args = {mask}};
  inst.access = access(dtype, false, memory, address);
  for (auto [reg, stride] : dynamic) {
    inst.args.push_back(reg);
    strides_.push_back(stride);
    inst.coefs.push_back(Coef::at(static_cast<int>(strides_.size()) - 1));
  }
  slot.push_back(std::move(inst));
  return slot.back().result;
}

Reg KernelBuilder::reduce(Slot& slot, DType dtype, Reg value, std::string monoid) {
  slot.push_back({.kind = Inst::Kind::reduce,
                  .dtype = dtype,
                  .result = fresh(),
                  .args = {value},
                  .monoid = std::move(monoid)});
  return slot.back().result;
}

Reg KernelBuilder::scan(Slot& slot, DType dtype, Reg value, std::string monoid) {
  const Reg result = reduce(slot, dtype, value, std::move(monoid));
  slot.back().kind = Inst::Kind::scan;
  return result;
}

void KernelBuilder::store(Slot& slot, DType dtype, int memory, const Affine& address, Reg value) {
  slot.push_back({.kind = Inst::Kind::store, .dtype = dtype, .args = {value, -1}});
  slot.back().access = access(dtype, true, memory, address);
}

void KernelBuilder::update(Slot& slot, DType dtype, int memory, const Affine& address, Reg value,
                           std::string monoid, const Dynamic& dynamic) {
  Inst inst{
      .kind = Inst::Kind::update, .dtype = dtype, .args = {value, -1}, .monoid = std::move(monoid)};
  inst.access = access(dtype, true, memory, address);
  for (auto [reg, stride] : dynamic) {
    inst.args.push_back(reg);
    strides_.push_back(stride);
    inst.coefs.push_back(Coef::at(static_cast<int>(strides_.size()) - 1));
  }
  slot.push_back(std::move(inst));
}

Reg KernelBuilder::clamped(Slot& slot, Reg index, DType dtype, std::int64_t size) {
  if (dtype != DType::i64)
    index = op(slot, Op::convert, DType::i64, {index}, {{"dtype", DType::i64}});
  const Reg low = op(slot, Op::max, DType::i64, {index, constant(slot, DType::i64, 0)});
  return op(slot, Op::min, DType::i64, {low, param(slot, size - 1)});
}

int KernelBuilder::access(DType dtype, bool written, int memory, const Affine& address) {
  for (std::size_t k = 0; k < pointers_.size(); ++k) {
    const Pointer& p = pointers_[k];
    if (p.memory == memory && p.written == written && p.address == address && p.dtype == dtype)
      return static_cast<int>(k);
  }
  pointers_.push_back({dtype, written, memory, address, 1});
  return static_cast<int>(pointers_.size()) - 1;
}

/// Axes a and a + 1 are one longer axis wherever they are used.
bool KernelBuilder::moves_together(std::size_t a) const {
  auto fits = [&](const Affine& f) { return f.coefs[a] == f.coefs[a + 1] * sizes_[a + 1]; };
  return std::all_of(affines_.begin(), affines_.end(), fits) &&
         std::all_of(pointers_.begin(), pointers_.end(),
                     [&](const Pointer& p) { return fits(p.address); });
}

void KernelBuilder::drop_axis(std::size_t a) {
  sizes_[a + 1] *= sizes_[a];
  sizes_.erase(sizes_.begin() + static_cast<std::ptrdiff_t>(a));
  auto drop = [&](Affine& f) { f.coefs.erase(f.coefs.begin() + static_cast<std::ptrdiff_t>(a)); };
  for (Affine& f : affines_) drop(f);
  for (Pointer& p : pointers_) drop(p.address);
}

void KernelBuilder::collapse() {
  for (std::size_t a = sizes_.size() - (row_axis_ ? 1 : 0); a-- > 1;) {
    if (moves_together(a - 1)) drop_axis(a - 1);
  }
}

KernelBuilder::Result KernelBuilder::finish() {
  const bool contract = std::any_of(sections_.begin(), sections_.end(), [](const Section& s) {
    return s.kind == Section::Kind::contract;
  });
  if (!contract) {
    collapse();
    unroll_small_axes();
    find_records();
  }
  Result result;
  Kernel kernel;
  kernel.row_axis = row_axis_;
  kernel.parallel_axes = static_cast<int>(sizes_.size()) - (row_axis_ ? 1 : 0);
  kernel.lanes = lanes_;
  kernel.streaming = streaming_;
  kernel.distant = distant_;
  result.params = sizes_;
  auto slot = [&](std::int64_t value) {
    result.params.push_back(value);
    return static_cast<int>(result.params.size()) - 1;
  };
  auto coef = [&](std::int64_t value) {
    if (value == 0) return Coef::zero();
    if (value == -1) return Coef::minus_one();
    return value == 1 ? Coef::one() : Coef::at(slot(value));
  };
  for (const Pointer& p : pointers_) {
    Access access{p.dtype, p.written, {}, p.record};
    for (std::int64_t c : p.address.coefs) access.strides.push_back(coef(c));
    kernel.accesses.push_back(std::move(access));
    result.places.push_back({p.memory, p.address.constant});
  }
  auto bind = [&](Inst& inst) {
    if (inst.kind == Inst::Kind::param) inst.param = slot(values_[inst.param]);
    if (inst.kind == Inst::Kind::index) {
      const Affine& f = affines_[inst.param];
      inst.param = f.constant == 0 ? -1 : slot(f.constant);
      for (std::int64_t c : f.coefs) inst.coefs.push_back(coef(c));
    } else {
      for (Coef& c : inst.coefs) c = coef(strides_[c.param]);
    }
  };
  for (Section& section : sections_) {
    for (Inst& inst : section.body) bind(inst);
    for (Inst& inst : section.rhs) bind(inst);
    if (section.panels >= 0) section.panels = slot(0);
  }
  kernel.sections = std::move(sections_);
  bind_numbers(kernel, result);
  renumber(kernel);
#ifndef NDEBUG
  verify(kernel);
#endif
  result.kernel = std::make_shared<const Kernel>(std::move(kernel));
  return result;
}

void KernelBuilder::bind_numbers(Kernel& kernel, Result& result) const {
  const auto bind = [&](Inst& inst) {
    if (inst.kind != Inst::Kind::number) return;
    const Number& number = numbers_[inst.param];
    inst.param = static_cast<int>(result.params.size());
    if (number.memory >= 0) result.numbers.emplace_back(inst.param, number.memory);
    result.params.push_back(static_cast<std::int64_t>(number.bits));
    ++kernel.number_count;
  };
  for (Section& section : kernel.sections) {
    for (Inst& inst : section.body) bind(inst);
    for (Inst& inst : section.rhs) bind(inst);
  }
  kernel.param_count = static_cast<int>(result.params.size());
}

void KernelBuilder::renumber(Kernel& kernel) const {
  std::vector<Reg> number(regs_, -1);
  Reg next = 0;
  auto map = [&](Reg r) { return r < 0 ? r : number[r]; };
  auto body = [&](std::vector<Inst>& insts) {
    for (Inst& inst : insts) {
      for (Reg& r : inst.args) r = map(r);
      if (inst.result >= 0) inst.result = number[inst.result] = next++;
    }
  };
  for (Section& s : kernel.sections) {
    body(s.body);
    body(s.rhs);
    s.lhs_value = map(s.lhs_value);
    s.rhs_value = map(s.rhs_value);
    if (s.result >= 0) s.result = number[s.result] = next++;
    for (Reg& r : s.keeps) r = map(r);
    std::sort(s.keeps.begin(), s.keeps.end());
  }
  kernel.reg_count = next;
}

}  // namespace weft::codegen
