// The plain interpreter of kernels: one element at a time, one opcode at a time, in the orders of
// ir/reduce_order.h. It is the oracle of every emitter, so it is written to be obviously right.
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "codegen/kernel.h"
#include "codegen/kernel_values.h"
#include "ir/attention.h"
#include "ir/reduce_order.h"

namespace weft::codegen {
namespace {

using Bits = std::uint64_t;

class Interpreter {
 public:
  Interpreter(const Kernel& kernel, void* const* pointers, const std::int64_t* params)
      : kernel_(kernel),
        pointers_(pointers),
        params_(params),
        dtypes_(register_dtypes(kernel)),
        values_(dtypes_.size()),
        index_(static_cast<std::size_t>(kernel.axes())) {
    for (const Section& section : kernel.sections) {
      prepare(section.body);
      prepare(section.rhs);
    }
  }

  void run() {
    if (kernel_.is_attention()) return run_attention();
    if (kernel_.is_attention_gradient()) return run_attention_gradient();
    run_axis(0);
  }

 private:
  struct Reduction {
    const Inst* inst;
    std::vector<Bits> lanes;
  };

  /// What a scan has taken so far. Along the row that is whole blocks, and elements of one more.
  struct Scan {
    Bits carry;
    std::vector<Bits> block{};
  };

  void prepare(const std::vector<Inst>& body) {
    for (const Inst& inst : body)
      if (inst.kind == Inst::Kind::op) programs_.emplace(&inst, scalar_program(inst, dtypes_));
  }

  Bits& value(Reg reg) { return values_[static_cast<std::size_t>(reg)]; }
  std::int64_t row_size() const { return params_[kernel_.parallel_axes]; }

  void run_axis(int axis) {
    if (axis == kernel_.parallel_axes) return run_point();
    if (kernel_.is_contract() && axis == kernel_.parallel_axes - 2) prepare_factors();
    auto& position = index_[static_cast<std::size_t>(axis)];
    for (position = 0; position < params_[axis]; ++position) run_axis(axis + 1);
    position = 0;
  }

  void run_point() {
    kept_.clear();
    for (const Section& section : kernel_.sections) {
      switch (section.kind) {
        case Section::Kind::once:
          run_body(section.body);
          break;
        case Section::Kind::over:
          run_over(section);
          break;
        case Section::Kind::contract:
          value(section.result) = product(section.dtype);
          break;
        case Section::Kind::attention:
        case Section::Kind::attention_gradient:
          break;  // run
      }
    }
  }

  std::int64_t coefficient(const Coef& coef) const {
    if (coef.kind == Coef::Kind::param) return params_[coef.param];
    return coef.is_one() ? 1 : coef.is_minus_one() ? -1 : 0;
  }

  ir::AttentionStrides attention_strides(std::size_t access, std::size_t row) const {
    const std::vector<Coef>& all = kernel_.accesses[access].strides;
    return {coefficient(all[0]), coefficient(all[row])};
  }
  ir::AttentionShape attention_shape() const {
    const Section& section = kernel_.sections[0];
    return {params_[0],
            params_[1],
            params_[2],
            params_[3],
            params_[4],
            std::bit_cast<double>(params_[section.scale]),
            section.causal,
            attention_strides(0, 1),
            attention_strides(1, 2),
            attention_strides(2, 2),
            attention_strides(3, 1)};
  }

  void run_attention() {
    ir::attention(kernel_.sections[0].dtype, attention_shape(), pointers_[0], pointers_[1],
                  pointers_[2], pointers_[3]);
  }

  void run_attention_gradient() {
    const Section& section = kernel_.sections[0];
    ir::AttentionGradientShape shape{attention_shape()};
    shape.chunk = params_[section.chunk];
    shape.parts = params_[5];
    void* results[3] = {};
    std::size_t access = 4;
    for (std::size_t k = 0; k < 3; ++k) {
      if (!section.wrt[k]) continue;
      results[k] = pointers_[access];
      (k == 0   ? shape.dq
       : k == 1 ? shape.dk
                : shape.dv) = attention_strides(access, k == 0 ? 1 : 2);
      if (k > 0)
        (k == 1 ? shape.part_of_k : shape.part_of_v) =
            coefficient(kernel_.accesses[access].strides[5]);
      ++access;
    }
    ir::attention_gradient(section.dtype, shape,
                           {pointers_[0], pointers_[1], pointers_[2], pointers_[3]}, results);
  }

  void run_over(const Section& section) {
    std::vector<Reduction> reductions;
    std::size_t lanes =
        kernel_.lanes == Lanes::along ? static_cast<std::size_t>(ir::reduce_lanes) : 1;
    scans_.clear();
    for (const Inst& inst : section.body) {
      if (inst.kind == Inst::Kind::reduce)
        reductions.push_back({&inst, std::vector(lanes, identity_bits(inst.monoid, inst.dtype))});
      if (inst.kind == Inst::Kind::scan) scans_[&inst] = {identity_bits(inst.monoid, inst.dtype)};
    }
    std::map<Reg, std::vector<Bits>> kept_here;
    std::int64_t& j = index_.back();
    for (j = 0; j < row_size(); ++j) {
      for (const auto& [reg, row] : kept_) value(reg) = row[static_cast<std::size_t>(j)];
      run_body(section.body);
      for (Reg reg : section.keeps) kept_here[reg].push_back(value(reg));
      for (Reduction& r : reductions)
        combine(r, r.lanes[static_cast<std::size_t>(j) % lanes], value(r.inst->args[0]));
    }
    j = 0;
    kept_.merge(kept_here);
    for (Reduction& r : reductions) {
      for (std::size_t half = lanes / 2; half > 0; half /= 2)
        for (std::size_t lane = 0; lane < half; ++lane)
          combine(r, r.lanes[lane], r.lanes[lane + half]);
      value(r.inst->result) = r.lanes[0];
    }
  }

  static void combine(const Reduction& r, Bits& into, Bits value) {
    into = combined(*r.inst, into, value);
  }
  static Bits combined(const Inst& inst, Bits into, Bits value) {
    Bits args[] = {into, value};
    return ir::eval_scalar(combine_op(inst.monoid), inst.dtype, inst.dtype, args);
  }

  Bits run_scan(const Inst& inst) {
    Scan& scan = scans_.at(&inst);
    const Bits x = value(inst.args[0]);
    if (kernel_.lanes == Lanes::across || ir::cumulative_in_order(inst.monoid))
      return scan.carry = combined(inst, scan.carry, x);
    // Lanes after this one do not matter to it.
    constexpr auto block = static_cast<std::size_t>(ir::cumulative_block);
    scan.block.push_back(x);
    std::vector<Bits> lane = scan.block;
    for (std::size_t h = 1; h < block; h *= 2)
      for (std::size_t l = 0; l < lane.size(); ++l)
        if (l & h) lane[l] = combined(inst, lane[(l & ~(2 * h - 1)) + h - 1], lane[l]);
    const Bits result = combined(inst, scan.carry, lane.back());
    if (lane.size() == block) scan = {result};
    return result;
  }

  void run_body(const std::vector<Inst>& body) {
    for (const Inst& inst : body) run_inst(inst);
  }

  void run_inst(const Inst& inst) {
    switch (inst.kind) {
      case Inst::Kind::constant:
        value(inst.result) = inst.bits;
        break;
      case Inst::Kind::param:
      case Inst::Kind::number:
        value(inst.result) = static_cast<Bits>(params_[inst.param]);
        break;
      case Inst::Kind::index: {
        std::int64_t start = inst.param >= 0 ? params_[inst.param] : 0;
        value(inst.result) = static_cast<Bits>(start + linear(inst.coefs));
        break;
      }
      case Inst::Kind::op:
        value(inst.result) = run_program(inst);
        break;
      case Inst::Kind::load: {
        bool masked_off = inst.args[0] >= 0 && !value(inst.args[0]);
        value(inst.result) = masked_off ? 0 : read(address(inst, 1), inst.dtype);
        break;
      }
      case Inst::Kind::store:
      case Inst::Kind::update:
        write(inst);
        break;
      case Inst::Kind::scan:
        value(inst.result) = run_scan(inst);
        break;
      case Inst::Kind::reduce:
        break;  // run_over combines
    }
  }

  Bits run_program(const Inst& inst) {
    const ir::ScalarProgram& program = programs_.at(&inst);
    temporaries_.resize(program.insts.size());
    for (std::size_t k = 0; k < program.insts.size(); ++k) {
      const ir::ScalarInst& step = program.insts[k];
      if (step.op == ir::ScalarOp::param) {
        temporaries_[k] = value(inst.args[static_cast<std::size_t>(step.bits)]);
      } else if (step.op == ir::ScalarOp::constant) {
        temporaries_[k] = step.bits;
      } else {
        Bits args[3] = {};
        DType operand = step.dtype;
        for (std::size_t a = 0; a < 3 && step.args[a] >= 0; ++a) {
          auto id = static_cast<std::size_t>(step.args[a]);
          args[a] = temporaries_[id];
          operand = program.insts[id].dtype;
        }
        temporaries_[k] = ir::eval_scalar(step.op, step.dtype, operand, args);
      }
    }
    return temporaries_[static_cast<std::size_t>(program.result)];
  }

  std::int64_t linear(const std::vector<Coef>& coefs) const {
    std::int64_t total = 0;
    for (std::size_t axis = 0; axis < coefs.size(); ++axis)
      total += coefficient(coefs[axis]) * index_[axis];
    return total;
  }

  std::byte* address(const Inst& inst, std::size_t first_term) {
    const Access& access = kernel_.accesses[static_cast<std::size_t>(inst.access)];
    std::int64_t element = linear(access.strides);
    if (access.record > 1) element += static_cast<std::int64_t>(inst.bits);
    for (std::size_t t = 0; t < inst.coefs.size(); ++t)
      element +=
          coefficient(inst.coefs[t]) * static_cast<std::int64_t>(value(inst.args[first_term + t]));
    return static_cast<std::byte*>(pointers_[inst.access]) +
           element * static_cast<std::int64_t>(size_of(access.dtype));
  }

  static Bits read(const std::byte* from, DType dtype) {
    Bits bits = 0;
    std::memcpy(&bits, from, size_of(dtype));
    return bits;
  }

  void write(const Inst& inst) {
    if (inst.args[1] >= 0 && !value(inst.args[1])) return;
    std::byte* to = address(inst, 2);
    Bits bits = value(inst.args[0]);
    if (inst.kind == Inst::Kind::update && inst.monoid != "set") {
      Bits args[] = {read(to, inst.dtype), bits};
      bits = ir::eval_scalar(combine_op(inst.monoid), inst.dtype, inst.dtype, args);
    }
    std::memcpy(to, &bits, size_of(inst.dtype));
  }

  // Both factors of the product at the current batch index: lhs_[m, k] and rhs_[n, k].
  void prepare_factors() {
    const Section& section = kernel_.sections.front();
    auto m = static_cast<std::size_t>(kernel_.parallel_axes - 2);
    run_factor(section.body, section.lhs_value, m, lhs_);
    run_factor(section.rhs, section.rhs_value, m + 1, rhs_);
  }

  void run_factor(const std::vector<Inst>& body, Reg result, std::size_t axis,
                  std::vector<Bits>& factor) {
    factor.clear();
    for (index_[axis] = 0; index_[axis] < params_[axis]; ++index_[axis]) {
      for (index_.back() = 0; index_.back() < row_size(); ++index_.back()) {
        run_body(body);
        factor.push_back(value(result));
      }
    }
    index_[axis] = index_.back() = 0;
  }

  Bits product(DType dtype) {
    auto k = static_cast<std::size_t>(row_size());
    auto m = index_[static_cast<std::size_t>(kernel_.parallel_axes - 2)];
    auto n = index_[static_cast<std::size_t>(kernel_.parallel_axes - 1)];
    const Bits* a = lhs_.data() + static_cast<std::size_t>(m) * k;
    const Bits* b = rhs_.data() + static_cast<std::size_t>(n) * k;
    switch (dtype) {
      case DType::f32:
        return sum_products<float, std::uint32_t>(a, b, k);
      case DType::f64:
        return sum_products<double, std::uint64_t>(a, b, k);
      case DType::i32:
      case DType::u32:
        return sum_products<std::uint32_t, std::uint32_t>(a, b, k);
      default:
        return sum_products<std::uint64_t, std::uint64_t>(a, b, k);
    }
  }

  template <class T, class Word>
  static Bits sum_products(const Bits* a, const Bits* b, std::size_t k) {
    constexpr auto block = static_cast<std::size_t>(ir::dot_block);
    T total{};
    for (std::size_t start = 0; start < k; start += block) {
      T sum{};
      for (std::size_t p = start; p < std::min(start + block, k); ++p) {
        T x = std::bit_cast<T>(static_cast<Word>(a[p]));
        T y = std::bit_cast<T>(static_cast<Word>(b[p]));
        if constexpr (std::is_floating_point_v<T>) {
          sum = std::fma(x, y, sum);
        } else {
          sum += x * y;
        }
      }
      total = start == 0 ? sum : total + sum;
    }
    return std::bit_cast<Word>(total);
  }

  const Kernel& kernel_;
  void* const* pointers_;
  const std::int64_t* params_;
  std::vector<DType> dtypes_;
  std::vector<Bits> values_;
  std::vector<std::int64_t> index_;
  std::map<const Inst*, ir::ScalarProgram> programs_;
  std::vector<Bits> temporaries_;
  std::map<const Inst*, Scan> scans_;      // of the section that runs
  std::map<Reg, std::vector<Bits>> kept_;  // rows held across sections
  std::vector<Bits> lhs_, rhs_;
};

}  // namespace

void interpret(const Kernel& kernel, void* const* pointers, const std::int64_t* params) {
  Interpreter(kernel, pointers, params).run();
}

}  // namespace weft::codegen
