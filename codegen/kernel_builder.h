// Builds a kernel with concrete sizes and strides, and then makes it canonical: axes that move
// together collapse, sizes and strides become parameters, registers are numbered in text order.
#pragma once

#include <map>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/program.h"
#include "ir/index_map.h"

namespace weft::codegen {

/// A pointer argument before it is bound: which memory, and where in it.
struct Place {
  int memory = -1;          // the caller's number of a buffer
  std::int64_t offset = 0;  // elements
};

class KernelBuilder {
 public:
  /// A list of instructions that becomes (part of) a section.
  using Slot = std::vector<Inst>;

  /// sizes: of the parallel axes, then of the row axis if there is one.
  KernelBuilder(std::vector<std::int64_t> sizes, bool row_axis, Lanes lanes);

  std::size_t axes() const { return sizes_.size(); }

  // Each appends to a slot and returns the result. Affine functions are over this kernel's axes.
  Reg constant(Slot& slot, DType dtype, std::uint64_t bits);
  Reg param(Slot& slot, std::int64_t value);
  /// A number of the program: these bits, or what `memory`, a single element, holds when the launch
  /// begins.
  Reg number(Slot& slot, DType dtype, std::uint64_t bits) {
    return number(slot, dtype, {bits, -1});
  }
  Reg number_in(Slot& slot, DType dtype, int memory) { return number(slot, dtype, {0, memory}); }
  Reg index(Slot& slot, const ir::Affine& affine);
  Reg op(Slot& slot, std::shared_ptr<const ir::Node> node, DType result, std::vector<Reg> args);
  Reg op(Slot& slot, ir::Op op, DType result, std::vector<Reg> args, ir::Attributes attrs = {});
  /// dynamic: (i64 register, stride in elements) added to the address.
  using Dynamic = std::vector<std::pair<Reg, std::int64_t>>;
  Reg load(Slot& slot, DType dtype, int memory, const ir::Affine& address, Reg mask = -1,
           const Dynamic& dynamic = {});
  Reg reduce(Slot& slot, DType dtype, Reg value, std::string monoid);
  Reg scan(Slot& slot, DType dtype, Reg value, std::string monoid);
  void store(Slot& slot, DType dtype, int memory, const ir::Affine& address, Reg value);
  void update(Slot& slot, DType dtype, int memory, const ir::Affine& address, Reg value,
              std::string monoid, const Dynamic& dynamic);
  Reg fresh() { return regs_++; }
  /// index clamped to [0, size - 1], as gather and scatter do; index is any integer dtype.
  Reg clamped(Slot& slot, Reg index, DType dtype, std::int64_t size);

  /// Stores go past the caches (Kernel::streaming).
  void stream_stores() { streaming_ = true; }
  /// What is read comes from afar (Kernel::distant).
  void read_from_afar() { distant_ = true; }
  /// Of a product with panels >= 0, that becomes a param with the value 0.
  void add_section(Section section) { sections_.push_back(std::move(section)); }

  struct Result {
    std::shared_ptr<const Kernel> kernel;
    std::vector<std::int64_t> params;
    std::vector<Place> places;  // one per access
    /// (param, memory) of each number that some memory holds.
    std::vector<std::pair<int, int>> numbers;
  };
  Result finish();

 private:
  struct Pointer {
    DType dtype;
    bool written;
    int memory;
    ir::Affine address;
    int record = 1;
  };
  class Unroller;

  struct Number {
    std::uint64_t bits;
    int memory;  // or -1
  };

  Reg number(Slot& slot, DType dtype, Number number);
  int access(DType dtype, bool written, int memory, const ir::Affine& address);
  void collapse();
  bool moves_together(std::size_t a) const;
  void drop_axis(std::size_t a);
  void bind_numbers(Kernel& kernel, Result& result) const;
  void renumber(Kernel& kernel) const;
  // kernel_unroll.cpp
  std::size_t length() const;
  bool is_record_axis(std::size_t axis) const;
  void unroll_small_axes();
  void find_records();

  std::vector<std::int64_t> sizes_;
  bool row_axis_;
  Lanes lanes_;
  bool streaming_ = false, distant_ = false;
  std::vector<Pointer> pointers_;
  std::vector<ir::Affine> affines_;    // of `index` instructions; Inst::param numbers them here
  std::vector<std::int64_t> values_;   // of `param` instructions, likewise
  std::vector<Number> numbers_;        // of `number` instructions, likewise
  std::vector<std::int64_t> strides_;  // of dynamic terms: coefs[t].param numbers them here
  std::vector<Section> sections_;
  Reg regs_ = 0;
};

}  // namespace weft::codegen
