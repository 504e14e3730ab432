// The rules of kernels.
//   K1  axes: across kernels have a parallel axis, along kernels a row axis, contract kernels both
//       m and n; params start with a size per axis
//   K2  every access has one stride per axis and a dtype that computes; records have 2 to 8 fields,
//       no bool, and lie along the lanes of a kernel of one section without a row axis, which takes
//       them plainly, stores each field once, and the first and the last of those that it reads
//   K3  every register is defined once, in [0, reg_count)
//   K4  a value is readable: in its own section; in later ones if it is of a `once` section, a
//       reduce or a product; in later `over` sections if kept. Factors read only their own
//   K5  sections: `over` needs a row axis; a product is first, alone, and followed by `once` only
//   K6  instructions have the fields and the number of args of their kind
//   K7  dtypes: masks are bool, dynamic terms i64, loads and stores have their access's dtype
//   K8  stores and updates go to written accesses; products' bodies neither store nor reduce
//   K9  reduce and scan stand in `over` sections; monoids exist for their dtype
//   K10 params and coefficients lie in range
//   K11 the row index exists in `over` sections and factors only; the left factor does not depend
//       on n, nor the right one on m
//   K12 an op is elementwise (or random_bits) and its scalar program has the result's dtype
//   K13 attention is alone, with 5 parallel axes, a scale, and the accesses q, k, v (read) and o
//       (written) of its dtype, f32 or f64, each with strides along its own axes only; so is
//       attention_gradient, with 6 axes, a chunk, and q, k, v, g and what it writes
//   K14 numbers, and nothing else, read the last params; they have 4 or 8 bytes
//   K15 what is packed ahead is one array, without a mask, the same for each product of the batch
#include <algorithm>

#include "codegen/kernel.h"
#include "codegen/kernel_values.h"
#include "ir/op.h"

namespace weft::codegen {
namespace {

enum class Place : std::uint8_t { once, over, lhs, rhs };

class Verifier {
 public:
  explicit Verifier(const Kernel& kernel) : kernel_(kernel) {}

  void run() {
    check_axes();
    for (const Access& access : kernel_.accesses) check_access(access);
    dtypes_ = register_dtypes(kernel_);
    readable_.assign(dtypes_.size(), Readable::nowhere);
    for (std::size_t k = 0; k < kernel_.sections.size(); ++k) check_section(k);
  }

 private:
  enum class Readable : std::uint8_t { nowhere, here, later_over, everywhere };

  [[noreturn]] static void fail(const char* rule, const std::string& what) {
    throw InternalError("kernel " + std::string(rule) + ": " + what);
  }
  static void require(bool holds, const char* rule, const std::string& what) {
    if (!holds) fail(rule, what);
  }

  void check_axes() const {
    bool contract = kernel_.is_contract();
    require(kernel_.parallel_axes >= (contract                         ? 2
                                      : kernel_.lanes == Lanes::across ? 1
                                                                       : 0),
            "K1", "too few parallel axes");
    require(kernel_.row_axis || (kernel_.lanes == Lanes::across && !contract), "K1",
            "a kernel with lanes along the row, or with a product, needs a row axis");
    require(!contract || kernel_.lanes == Lanes::across, "K1", "lanes of a product lie on n");
    require(kernel_.param_count >= kernel_.axes(), "K1", "an axis without a size");
    require(kernel_.number_count >= 0 && kernel_.first_number() >= kernel_.axes(), "K14",
            "the size of an axis is no number");
    require(kernel_.reg_count >= 0, "K1", "negative register count");
  }

  void check_coef(const Coef& coef) const {
    if (coef.kind == Coef::Kind::param) check_param(coef.param);
  }
  void check_param(int param) const {
    require(param >= 0 && param < kernel_.param_count, "K10",
            "param " + std::to_string(param) + " is out of range");
    require(param < kernel_.first_number(), "K14",
            "param " + std::to_string(param) + " is a number");
  }

  void check_access(const Access& access) const {
    require(access.strides.size() == static_cast<std::size_t>(kernel_.axes()), "K2",
            "an access needs one stride per axis");
    require(is_computable(access.dtype), "K2",
            std::string(name(access.dtype)) + " does not compute");
    for (const Coef& coef : access.strides) check_coef(coef);
    if (access.record == 1) return;
    require(access.record >= 2 && access.record <= 8 && !is_bool(access.dtype), "K2",
            "a record of " + std::to_string(access.record) + " " + std::string(name(access.dtype)));
    require(kernel_.lanes == Lanes::across && !kernel_.row_axis && kernel_.sections.size() == 1 &&
                access.strides.back().kind == Coef::Kind::param,
            "K2", "records lie along the lanes of one section");
    check_fields_of(access);
  }

  void check_fields_of(const Access& access) const {
    std::vector<int> uses(static_cast<std::size_t>(access.record), 0);
    for (const Inst& inst : kernel_.sections[0].body) {
      if (!is_memory(inst) || &kernel_.accesses[static_cast<std::size_t>(inst.access)] != &access)
        continue;
      require(inst.bits < uses.size(), "K2", "a field beyond its record");
      require(inst.kind != Inst::Kind::update && inst.args[mask_position(inst)] < 0 &&
                  inst.coefs.empty(),
              "K2", "a record under a mask, at a computed place, or updated");
      ++uses[inst.bits];
    }
    const auto once = [](int count) { return count == 1; };
    require(access.written ? std::all_of(uses.begin(), uses.end(), once)
                           : uses.front() > 0 && uses.back() > 0,
            "K2", "a record of which fields are missing");
  }

  void check_section(std::size_t k) {
    const Section& section = kernel_.sections[k];
    bool contract = section.kind == Section::Kind::contract;
    bool attention = section.kind == Section::Kind::attention ||
                     section.kind == Section::Kind::attention_gradient;
    require(section.kind == Section::Kind::once || attention || kernel_.row_axis, "K5",
            "a section over the row needs a row axis");
    require(!contract || k == 0, "K5", "a product must be the first section");
    require(section.kind != Section::Kind::over || !kernel_.is_contract(), "K5",
            "only `once` sections follow a product");
    require(section.kind == Section::Kind::over || section.keeps.empty(), "K5",
            "only `over` sections keep values");
    require(contract || section.rhs.empty(), "K5", "only products have a right factor");
    if (attention) {
      check_attention(section);
    } else if (contract) {
      check_contract(section);
    } else {
      Place place = section.kind == Section::Kind::once ? Place::once : Place::over;
      check_body(section.body, place);
      check_keeps(section);
      leave(section.body, place);
    }
  }

  void check_contract(const Section& section) {
    check_body(section.body, Place::lhs);
    check_read(section.lhs_value, Place::lhs);
    leave(section.body, Place::lhs);
    check_body(section.rhs, Place::rhs);
    check_read(section.rhs_value, Place::rhs);
    leave(section.rhs, Place::rhs);
    require(dtype(section.lhs_value) == section.dtype && dtype(section.rhs_value) == section.dtype,
            "K7", "factors of a product have its dtype");
    require(is_float(section.dtype) || is_int(section.dtype), "K7", "a product of bool");
    if (section.panels >= 0) check_panels(section);
    define(section.result, Readable::everywhere);
  }

  void check_panels(const Section& section) const {
    check_param(section.panels);
    const bool array = section.rhs.size() == 1 && section.rhs[0].kind == Inst::Kind::load &&
                       section.rhs[0].args == std::vector<Reg>{-1};
    require(array, "K15", "a right factor that is packed ahead is one array");
    const Access& access = kernel_.accesses[static_cast<std::size_t>(section.rhs[0].access)];
    for (int axis = 0; axis < kernel_.parallel_axes - 2; ++axis)
      require(access.strides[static_cast<std::size_t>(axis)].is_zero(), "K15",
              "a right factor that is packed ahead depends on the batch");
  }

  void check_attention(const Section& section) const {
    const bool gradient = section.kind == Section::Kind::attention_gradient;
    require(kernel_.sections.size() == 1 && kernel_.parallel_axes == (gradient ? 6 : 5) &&
                !kernel_.row_axis,
            "K13", "attention is alone, over 5 parallel axes, its gradient over 6");
    require(is_float(section.dtype), "K13", "attention of " + std::string(name(section.dtype)));
    require(section.body.empty() && section.rhs.empty() && section.keeps.empty(), "K13",
            "attention has no body");
    check_param(section.scale);
    // Axes beside b: of q, k, v, then o, or g and the gradients of q, k, v.
    constexpr int of_q[] = {1, 3}, of_k[] = {2, 3}, of_v[] = {2, 4}, of_o[] = {1, 4};
    std::vector<const int*> axes{of_q, of_k, of_v, of_o};
    if (gradient) {
      check_param(section.chunk);
      const int* const all[] = {of_q, of_k, of_v};
      for (std::size_t k = 0; k < 3; ++k)
        if (section.wrt[k]) axes.push_back(all[k]);
      require(axes.size() > 4, "K13", "a gradient of nothing");
    }
    require(kernel_.accesses.size() == axes.size(), "K13",
            "attention has " + std::to_string(axes.size()) + " accesses");
    for (std::size_t k = 0; k < axes.size(); ++k) {
      const bool written = k >= (gradient ? 4 : 3);
      const bool parts = k >= 4 && axes[k] != of_q;
      check_attention_access(section, k, axes[k], written, parts);
    }
  }

  void check_attention_access(const Section& section, std::size_t k, const int* axes, bool written,
                              bool parts) const {
    const Access& access = kernel_.accesses[k];
    const std::string which = "access " + std::to_string(k) + " of attention";
    require(access.dtype == section.dtype, "K13", which + " has another dtype");
    require(access.written == written, "K13", which + ": the last ones are written, no other");
    for (int axis = 1; axis < kernel_.parallel_axes; ++axis) {
      const Coef& stride = access.strides[static_cast<std::size_t>(axis)];
      const bool own = axis == axes[0] || axis == axes[1] || (axis == 5 && parts);
      require(own || stride.is_zero(), "K13", which + " moves along another's axis");
      require(axis != axes[1] || stride.is_one(), "K13", which + " does not lie side by side");
    }
  }

  void check_keeps(const Section& section) {
    for (Reg reg : section.keeps) {
      bool own = false;
      for (const Inst& inst : section.body)
        own |= inst.result == reg && inst.kind != Inst::Kind::reduce;
      require(own, "K4", "kept value %" + std::to_string(reg) + " is not of its section");
      kept_.push_back(reg);
    }
  }

  // After a section: what of it stays readable.
  void leave(const std::vector<Inst>& body, Place place) {
    for (const Inst& inst : body) {
      if (inst.result < 0) continue;
      bool stays = place == Place::once || inst.kind == Inst::Kind::reduce;
      state(inst.result) = stays ? Readable::everywhere : Readable::nowhere;
    }
    for (Reg reg : kept_) state(reg) = Readable::later_over;
  }

  Readable& state(Reg reg) { return readable_[static_cast<std::size_t>(reg)]; }
  DType dtype(Reg reg) const { return dtypes_[static_cast<std::size_t>(reg)]; }

  void define(Reg reg, Readable readable) {
    require(reg >= 0 && reg < kernel_.reg_count, "K3",
            "register " + std::to_string(reg) + " is out of range");
    require(defined_.size() <= static_cast<std::size_t>(reg) ||
                !defined_[static_cast<std::size_t>(reg)],
            "K3", "register " + std::to_string(reg) + " is defined twice");
    defined_.resize(readable_.size());
    defined_[static_cast<std::size_t>(reg)] = true;
    state(reg) = readable;
  }

  void check_read(Reg reg, Place place) {
    bool known = reg >= 0 && reg < kernel_.reg_count;
    Readable readable = known ? state(reg) : Readable::nowhere;
    bool factor = place == Place::lhs || place == Place::rhs;
    bool fine = readable == Readable::here || (readable == Readable::everywhere && !factor) ||
                (readable == Readable::later_over && place == Place::over);
    require(fine, "K4", "register " + std::to_string(reg) + " is not readable here");
  }

  void check_body(const std::vector<Inst>& body, Place place) {
    for (const Inst& inst : body) {
      check_fields(inst);
      for (std::size_t k = 0; k < inst.args.size(); ++k)
        if (!(is_mask(inst, k) && inst.args[k] == -1)) check_read(inst.args[k], place);
      check_inst(inst, place);
      if (inst.result < 0) continue;
      require(is_computable(inst.dtype), "K7", std::string(name(inst.dtype)) + " does not compute");
      define(inst.result, inst.kind == Inst::Kind::reduce ? Readable::nowhere : Readable::here);
    }
  }

  static bool is_memory(const Inst& inst) { return inst.kind == Inst::Kind::load || writes(inst); }
  static bool writes(const Inst& inst) {
    return inst.kind == Inst::Kind::store || inst.kind == Inst::Kind::update;
  }
  // The position of the mask among a memory instruction's args.
  static std::size_t mask_position(const Inst& inst) { return writes(inst) ? 1 : 0; }
  static bool is_mask(const Inst& inst, std::size_t k) {
    return is_memory(inst) && k == mask_position(inst);
  }

  void check_fields(const Inst& inst) const {
    require(writes(inst) == (inst.result == -1), "K6", "stores and updates have no result");
    switch (inst.kind) {
      case Inst::Kind::constant:
        require(inst.args.empty(), "K6", "a constant has no args");
        break;
      case Inst::Kind::param:
      case Inst::Kind::number:
        require(inst.args.empty(), "K6", "a param has no args");
        break;
      case Inst::Kind::index:
        require(inst.args.empty() && inst.coefs.size() == static_cast<std::size_t>(kernel_.axes()),
                "K6", "an index has one coefficient per axis and no args");
        break;
      case Inst::Kind::op:
        require(inst.node != nullptr, "K6", "an op without its node");
        break;
      case Inst::Kind::reduce:
      case Inst::Kind::scan:
        require(inst.args.size() == 1, "K6", "reduce and scan take one arg");
        break;
      case Inst::Kind::load:
      case Inst::Kind::store:
      case Inst::Kind::update:
        require(inst.args.size() == mask_position(inst) + 1 + inst.coefs.size(), "K6",
                "a memory instruction has a value, a mask, and an arg per dynamic term");
    }
  }

  void check_inst(const Inst& inst, Place place) const {
    for (const Coef& coef : inst.coefs) check_coef(coef);
    switch (inst.kind) {
      case Inst::Kind::constant:
        break;
      case Inst::Kind::param:
        check_param(inst.param);
        require(inst.dtype == DType::i64, "K7", "a param is i64");
        break;
      case Inst::Kind::number:
        require(inst.param >= kernel_.first_number() && inst.param < kernel_.param_count, "K14",
                "param " + std::to_string(inst.param) + " is no number");
        require(size_of(inst.dtype) >= 4, "K14", "a number of " + std::string(name(inst.dtype)));
        break;
      case Inst::Kind::index:
        if (inst.param >= 0) check_param(inst.param);
        require(inst.dtype == DType::i64, "K7", "an index is i64");
        check_axes_used(inst.coefs, place);
        break;
      case Inst::Kind::op:
        check_op(inst);
        break;
      case Inst::Kind::reduce:
      case Inst::Kind::scan:
        require(place == Place::over, "K9", "reduce or scan outside of an `over` section");
        check_monoid(inst, "set");
        require(dtype(inst.args[0]) == inst.dtype, "K7",
                "reduce and scan keep their operand's dtype");
        break;
      case Inst::Kind::load:
      case Inst::Kind::store:
      case Inst::Kind::update:
        check_memory(inst, place);
    }
  }

  static void check_monoid(const Inst& inst, std::string_view except) {
    require(inst.monoid != except && monoid_accepts(inst.monoid, inst.dtype), "K9",
            "no '" + inst.monoid + "' of " + std::string(name(inst.dtype)));
  }

  void check_op(const Inst& inst) const {
    const ir::OpDef& op = ir::def(inst.node->op);
    require(op.scalar != nullptr, "K12", std::string(op.name) + " is not elementwise");
    ir::ScalarProgram program = scalar_program(inst, dtypes_);
    require(program.insts[static_cast<std::size_t>(program.result)].dtype == inst.dtype, "K12",
            std::string(op.name) + " does not give " + std::string(name(inst.dtype)));
  }

  void check_memory(const Inst& inst, Place place) const {
    require(inst.access >= 0 && inst.access < static_cast<int>(kernel_.accesses.size()), "K6",
            "access " + std::to_string(inst.access) + " does not exist");
    const Access& access = kernel_.accesses[static_cast<std::size_t>(inst.access)];
    require(access.dtype == inst.dtype, "K7", "a memory instruction has its access's dtype");
    std::size_t mask = mask_position(inst);
    require(inst.args[mask] < 0 || dtype(inst.args[mask]) == DType::boolean, "K7",
            "a mask is bool");
    for (std::size_t k = mask + 1; k < inst.args.size(); ++k)
      require(dtype(inst.args[k]) == DType::i64, "K7", "a dynamic term is i64");
    check_axes_used(access.strides, place);
    if (!writes(inst)) return;
    require(access.written, "K8", "a store to an access that is only read");
    require(place == Place::once || place == Place::over, "K8", "a product's factor stores");
    require(dtype(inst.args[0]) == inst.dtype, "K7", "a stored value has the instruction's dtype");
    if (inst.kind == Inst::Kind::update) check_monoid(inst, "");
  }

  void check_axes_used(const std::vector<Coef>& coefs, Place place) const {
    auto parallel = static_cast<std::size_t>(kernel_.parallel_axes);
    if (place == Place::once && kernel_.row_axis)
      require(coefs[parallel].is_zero(), "K11", "the row index is read outside of the row");
    if (place == Place::lhs)
      require(coefs[parallel - 1].is_zero(), "K11", "the left factor depends on n");
    if (place == Place::rhs)
      require(coefs[parallel - 2].is_zero(), "K11", "the right factor depends on m");
  }

  const Kernel& kernel_;
  std::vector<DType> dtypes_;
  std::vector<Readable> readable_;
  std::vector<bool> defined_;
  std::vector<Reg> kept_;
};

}  // namespace

void verify(const Kernel& kernel) { Verifier(kernel).run(); }

}  // namespace weft::codegen
