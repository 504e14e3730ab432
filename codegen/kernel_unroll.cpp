// Small axes become straight code, and lanes lie on a longer axis: a row of three elements would
// leave most lanes of a vector idle, and a loop around it costs more than the row. What lies side
// by side along such an axis is then read and written as records (Access::record).
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <weft/error.h>
#include "codegen/kernel_builder.h"
#include "codegen/kernel_values.h"
#include "ir/reduce_order.h"

namespace weft::codegen {

using ir::Affine;
using ir::Op;

namespace {

constexpr std::int64_t most_copies = 8;
constexpr std::size_t longest_code = 1000;  // scalar instructions; longer kernels compile slowly

bool is_memory(const Inst& inst) {
  return inst.kind == Inst::Kind::load || inst.kind == Inst::Kind::store ||
         inst.kind == Inst::Kind::update;
}
bool writes(const Inst& inst) { return is_memory(inst) && inst.kind != Inst::Kind::load; }

Op combining(const std::string& monoid) {
  constexpr std::pair<std::string_view, Op> rows[] = {{"add", Op::add},  {"mul", Op::mul},
                                                      {"max", Op::max},  {"min", Op::min},
                                                      {"and", Op::and_}, {"or", Op::or_}};
  for (const auto& [name, op] : rows)
    if (name == monoid) return op;
  throw InternalError("kernel: no operation combines by '" + monoid + "'");
}

}  // namespace

/// Copies the code once for each index of an axis: the row axis, or a parallel one where there is
/// no row axis. What does not depend on the index is computed once.
class KernelBuilder::Unroller {
 public:
  Unroller(KernelBuilder& b, std::size_t axis)
      : b_(b),
        axis_(axis),
        row_(b.row_axis_),
        count_(static_cast<std::size_t>(b.sizes_[axis])),
        pointers_(std::exchange(b.pointers_, {})),
        affines_(std::exchange(b.affines_, {})) {}

  void run() {
    for (const Section& section : std::exchange(b_.sections_, {})) {
      if (row_ && section.kind == Section::Kind::once)
        for (const Inst& inst : section.body) shared_[inst.result] = copy(inst, 0);
      else
        copy_section(section);
    }
    b_.sizes_.erase(b_.sizes_.begin() + static_cast<std::ptrdiff_t>(axis_));
    b_.row_axis_ = false;
    b_.lanes_ = Lanes::across;
    b_.distant_ = false;
    b_.add_section({.kind = Section::Kind::once, .body = std::move(slot_)});
  }

 private:
  void copy_section(const Section& section) {
    std::map<const Inst*, std::vector<Reg>> taken;  // by reductions and scans
    for (std::size_t r = 0; r < count_; ++r) {
      for (const Inst& inst : section.body) {
        const bool reduces = inst.kind == Inst::Kind::reduce, scans = inst.kind == Inst::Kind::scan;
        if (reduces || scans) taken[&inst].push_back(value(inst.args[0], r));
        if (reduces) continue;
        const Reg made = scans ? scanned(inst, taken[&inst]) : copy(inst, r);
        if (inst.result >= 0) copies_[{inst.result, r}] = made;
      }
    }
    for (const Inst& inst : section.body)
      if (inst.kind == Inst::Kind::reduce) shared_[inst.result] = reduced(inst, taken[&inst]);
  }

  Reg value(Reg reg, std::size_t r) const {
    if (reg < 0) return reg;
    const auto found = copies_.find({reg, r});
    return found != copies_.end() ? found->second : shared_.at(reg);
  }

  Affine at(const Affine& affine, std::size_t r) const {
    Affine result = affine.shifted(affine.coefs[axis_] * static_cast<std::int64_t>(r));
    result.coefs.erase(result.coefs.begin() + static_cast<std::ptrdiff_t>(axis_));
    return result;
  }

  Reg copy(const Inst& inst, std::size_t r) {
    Inst made = inst;
    for (Reg& arg : made.args) arg = value(arg, r);
    if (is_memory(inst)) {
      const Pointer& p = pointers_[static_cast<std::size_t>(inst.access)];
      made.access = b_.access(p.dtype, p.written, p.memory, at(p.address, r));
    }
    if (inst.kind == Inst::Kind::index) {
      const Affine affine = at(affines_[static_cast<std::size_t>(inst.param)], r);
      const auto known = std::find(b_.affines_.begin(), b_.affines_.end(), affine);
      made.param = static_cast<int>(known - b_.affines_.begin());
      if (known == b_.affines_.end()) b_.affines_.push_back(affine);
    }
    return add(std::move(made));
  }

  /// Equal instructions are one.
  Reg add(Inst inst) {
    if (writes(inst)) {
      slot_.push_back(std::move(inst));
      return -1;
    }
    std::vector<int> coefs;
    for (const Coef& coef : inst.coefs) coefs.push_back(coef.param);
    auto [known, fresh] =
        known_.try_emplace(Key{inst.kind, inst.dtype, inst.args, inst.bits, inst.param, inst.access,
                               std::move(coefs), inst.node.get()},
                           -1);
    if (fresh) {
      known->second = inst.result = b_.fresh();
      slot_.push_back(std::move(inst));
    }
    return known->second;
  }

  Reg combined(const Inst& inst, Reg into, Reg with) {
    auto& node = combinations_[inst.monoid];
    if (!node) {
      auto made = std::make_shared<ir::Node>();
      made->op = combining(inst.monoid);
      made->types = {{inst.dtype, {}}};
      node = std::move(made);
    }
    return add({.kind = Inst::Kind::op, .dtype = inst.dtype, .args = {into, with}, .node = node});
  }

  /// The identity with a value: nothing changes but the sign of a zero that is added to.
  Reg begun(const Inst& inst, Reg with) {
    if (inst.monoid != "add" || !is_float(inst.dtype)) return with;
    const Reg zero = add({.kind = Inst::Kind::constant, .dtype = inst.dtype, .bits = 0});
    return combined(inst, zero, with);
  }

  Reg in_order(const Inst& inst, const std::vector<Reg>& lane) {
    Reg sum = begun(inst, lane[0]);
    for (std::size_t r = 1; r < lane.size(); ++r) sum = combined(inst, sum, lane[r]);
    return sum;
  }

  /// In the orders of ir/reduce_order.h, where lanes beyond the last element hold the identity.
  Reg reduced(const Inst& inst, std::vector<Reg> lane) {
    if (b_.lanes_ == Lanes::across) return in_order(inst, lane);
    for (Reg& value : lane) value = begun(inst, value);
    for (std::size_t half = most_copies / 2; half > 0; half /= 2)
      for (std::size_t l = 0; l < half && l + half < lane.size(); ++l)
        lane[l] = combined(inst, lane[l], lane[l + half]);
    return lane[0];
  }

  Reg scanned(const Inst& inst, std::vector<Reg> lane) {
    if (b_.lanes_ == Lanes::across || ir::cumulative_in_order(inst.monoid))
      return in_order(inst, lane);
    for (std::size_t h = 1; h < lane.size(); h *= 2)
      for (std::size_t l = 0; l < lane.size(); ++l)
        if (l & h) lane[l] = combined(inst, lane[(l & ~(2 * h - 1)) + h - 1], lane[l]);
    return begun(inst, lane.back());
  }

  using Key = std::tuple<Inst::Kind, DType, std::vector<Reg>, std::uint64_t, int, int,
                         std::vector<int>, const ir::Node*>;

  KernelBuilder& b_;
  std::size_t axis_;
  bool row_;
  std::size_t count_;
  std::vector<Pointer> pointers_;
  std::vector<Affine> affines_;
  Slot slot_;
  std::map<Reg, Reg> shared_;                          // the same at every index
  std::map<std::pair<Reg, std::size_t>, Reg> copies_;  // at each
  std::map<Key, Reg> known_;
  std::map<std::string, std::shared_ptr<const ir::Node>> combinations_;
};

/// How many scalar instructions the kernel is.
std::size_t KernelBuilder::length() const {
  std::vector<DType> dtypes(static_cast<std::size_t>(regs_), DType::boolean);
  std::size_t total = 0;
  for (const Section& section : sections_) {
    for (const Inst& inst : section.body) {
      if (inst.result >= 0) dtypes[static_cast<std::size_t>(inst.result)] = inst.dtype;
      total += inst.kind == Inst::Kind::op ? scalar_program(inst, dtypes).insts.size() : 1;
    }
  }
  return total;
}

/// Does an array lie side by side along this axis, one record after the other along the lanes?
bool KernelBuilder::is_record_axis(std::size_t axis) const {
  return std::any_of(pointers_.begin(), pointers_.end(), [&](const Pointer& p) {
    return p.address.coefs[axis] == 1 && p.address.coefs.back() == sizes_[axis];
  });
}

void KernelBuilder::unroll_small_axes() {
  for (const Section& section : sections_) {
    const bool plain = section.kind == Section::Kind::once || section.kind == Section::Kind::over;
    const bool updates =
        std::any_of(section.body.begin(), section.body.end(),
                    [](const Inst& inst) { return inst.kind == Inst::Kind::update; });
    if (!plain || updates) return;
  }
  auto copies = static_cast<std::int64_t>(longest_code / std::max<std::size_t>(length(), 1));
  copies = std::min(copies, most_copies);
  const auto unroll = [&](std::size_t axis) {
    copies /= sizes_[axis];
    Unroller(*this, axis).run();
    collapse();
  };
  if (row_axis_) {
    const std::size_t row = sizes_.size() - 1;
    const bool lanes_gain = row > 0 && (lanes_ == Lanes::across || sizes_[row - 1] > sizes_[row]);
    if (!lanes_gain || sizes_[row] == 0 || sizes_[row] > copies) return;
    unroll(row);
  }
  while (sizes_.size() >= 2 && sizes_.back() <= copies &&
         sizes_[sizes_.size() - 2] > sizes_.back() && sizes_.back() > 1)
    unroll(sizes_.size() - 1);
  for (std::size_t axis = 0; axis + 1 < sizes_.size(); ++axis) {
    if (sizes_[axis] < 2 || sizes_[axis] > copies || !is_record_axis(axis)) continue;
    unroll(axis);
    axis = static_cast<std::size_t>(-1);  // axes may have collapsed
  }
}

/// Arrays that several pointers read or write side by side, in steps of so many elements along the
/// lanes, become one access of records.
void KernelBuilder::find_records() {
  if (row_axis_ || lanes_ != Lanes::across || sections_.size() != 1 || sizes_.empty()) return;
  std::vector<int> plain(pointers_.size(), 0), others(pointers_.size(), 0);
  for (const Inst& inst : sections_[0].body) {
    if (!is_memory(inst)) continue;
    const bool masked = inst.args[writes(inst) ? 1 : 0] >= 0;
    const bool is_plain = !masked && inst.coefs.empty() && inst.kind != Inst::Kind::update;
    ++(is_plain ? plain : others)[static_cast<std::size_t>(inst.access)];
  }
  std::vector<std::pair<int, std::int64_t>> place(pointers_.size());  // pointer and field
  for (std::size_t k = 0; k < pointers_.size(); ++k) place[k] = {static_cast<int>(k), 0};
  for (std::size_t k = 0; k < pointers_.size(); ++k) {
    Pointer& first = pointers_[k];
    const std::int64_t record = first.address.coefs.back();
    if (record < 2 || record > most_copies || is_bool(first.dtype)) continue;
    std::vector<std::size_t> fields;  // whose first is k
    bool whole = true;
    std::int64_t last = 0;
    for (std::size_t other = 0; other < pointers_.size(); ++other) {
      const Pointer& p = pointers_[other];
      if (p.memory != first.memory || p.written != first.written || p.dtype != first.dtype ||
          p.address.coefs != first.address.coefs)
        continue;
      const std::int64_t field = p.address.constant - first.address.constant;
      fields.push_back(other);
      last = std::max(last, field);
      whole &= field >= 0 && others[other] == 0 && (!p.written || plain[other] == 1);
    }
    const bool all = !first.written || std::ssize(fields) == record;
    if (!whole || last != record - 1 || !all) continue;
    first.record = static_cast<int>(record);
    for (std::size_t other : fields)
      place[other] = {static_cast<int>(k),
                      pointers_[other].address.constant - first.address.constant};
  }
  std::vector<int> number(pointers_.size(), -1);
  std::vector<Pointer> left;
  for (std::size_t k = 0; k < pointers_.size(); ++k) {
    if (place[k].first != static_cast<int>(k)) continue;
    number[k] = static_cast<int>(left.size());
    left.push_back(pointers_[k]);
  }
  for (Inst& inst : sections_[0].body) {
    if (!is_memory(inst)) continue;
    const auto [pointer, field] = place[static_cast<std::size_t>(inst.access)];
    inst.access = number[static_cast<std::size_t>(pointer)];
    inst.bits = static_cast<std::uint64_t>(field);
  }
  pointers_ = std::move(left);
}

}  // namespace weft::codegen
