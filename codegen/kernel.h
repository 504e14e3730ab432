// Kernel IR: one loop nest, said once for both backends. A schedule splits, orders and tags axes;
// an emitter only spells.
//
// A kernel has parallel axes (outer to inner) and at most one row axis, the last. It runs its
// sections in order for every index of the parallel axes:
//   once      the body runs once per parallel index;
//   over      the body runs for every index j of the row axis; `reduce` instructions combine over j
//             and their values are readable in later sections; `scan` gives at each j what combines
//             the elements so far; values named in `keeps` are held in a row scratch and readable,
//             at the same j, in later `over` sections;
//   contract  a product over the row axis k: lhs and rhs bodies give the factors at (.., m, k) and
//             (.., k, n), where m and n are the last two parallel axes; the section's value is
//             sum over k of lhs * rhs by fma, in blocks of ir::dot_block (see ir/reduce_order.h).
//             params[panels] is the address of all rhs factors, packed ahead as codegen/panels.h
//             says, or 0: then rhs is evaluated. Backends may evaluate it in any case.
//   attention the only section of its kernel: ir/attention.h on the accesses q [b,i,d], k [b,j,d],
//             v [b,j,e], o [b,i,e], where the parallel axes are b, i, j, d, e in this order; they
//             lie side by side along d and e. params[scale] holds the bits of the scale, an f64.
//   attention_gradient  likewise: q, k, v, the cotangent g [b,i,e], and of the gradients
//             dq [b,i,d], dk [b,part,j,d], dv [b,part,j,e] those in `wrt`; a sixth axis counts
//             the parts, and params[chunk] is the number of queries in a chunk.
// Vector lanes lie on the last parallel axis (Lanes::across) or on the row axis (Lanes::along).
//
// Sizes and strides are run-time parameters: params[a] is the size of axis a, and a Coef refers to
// others. So are the numbers of the program that nothing simplifies (a learning rate), as the last
// params. So a kernel is canonical: equal layers, whatever their sizes and rates, have equal text.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::codegen {

/// A coefficient of an index: 0, 1, -1, or params[param].
struct Coef {
  enum class Kind : std::uint8_t { zero, one, minus_one, param } kind = Kind::zero;
  int param = -1;

  static Coef zero() { return {}; }
  static Coef one() { return {Kind::one, -1}; }
  static Coef minus_one() { return {Kind::minus_one, -1}; }
  static Coef at(int param) { return {Kind::param, param}; }
  bool is_zero() const { return kind == Kind::zero; }
  bool is_one() const { return kind == Kind::one; }
  bool is_minus_one() const { return kind == Kind::minus_one; }
  friend bool operator==(const Coef&, const Coef&) = default;
};

/// One pointer argument of a kernel with its strides (in elements) along every axis. The address of
/// an element is buffers[k] + sum of strides[a] * index[a] (+ dynamic terms of the instruction).
/// Offsets are inside the pointer. Two accesses may point into one buffer.
struct Access {
  DType dtype;
  bool written = false;
  std::vector<Coef> strides;
  /// Above 1: lanes lie on records of so many fields side by side; loads and stores say which
  /// field. A kernel that reads or writes a record touches its first and last fields in every lane.
  int record = 1;
  friend bool operator==(const Access&, const Access&) = default;
};

using Reg = std::int32_t;  // a value of the kernel; numbered through all sections, -1 is none

struct Inst {
  enum class Kind : std::uint8_t {
    constant,  // bits
    param,     // i64: params[param]
    number,    // the low bytes of params[param], one of the last number_count
    index,     // i64: params[param] (if >= 0) + sum of coefs[a] * index[a]
    op,        // an elementwise operation of the table (or random_bits) on args, attributes in node
    load,      // access; args[0] is a bool mask or -1 (masked off: 0, and no memory is touched);
               // then (index value, stride Coef) pairs: args[1 + t] with coefs[t], in elements
    store,   // access; args[0] value, args[1] mask or -1, then dynamic terms args[2 + t], coefs[t]
    update,  // like store, but memory = memory op value; monoid says op ("set" overwrites); row
             // indices run in order
    reduce,  // over j of args[0]; monoid
    scan,    // of args[0] up to j, in the order of ir/reduce_order.h; monoid
  };
  Kind kind;
  DType dtype = DType::f32;  // of the result (store, update: of the value)
  Reg result = -1;           // -1 for store, update
  std::vector<Reg> args{};
  std::uint64_t bits = 0;
  int param = -1;
  int access = -1;
  std::vector<Coef> coefs{};
  std::string monoid{};                    // add mul max min and or set
  std::shared_ptr<const ir::Node> node{};  // op: operation and attributes (operands unused)
};

struct Section {
  enum class Kind : std::uint8_t {
    once,
    over,
    contract,
    attention,
    attention_gradient
  } kind = Kind::once;
  std::vector<Inst> body{};                         // once, over; contract: the lhs body
  std::vector<Inst> rhs{};                          // contract
  std::vector<Reg> keeps{};                         // over
  Reg lhs_value = -1, rhs_value = -1, result = -1;  // contract
  DType dtype = DType::f32;                         // contract: of the product; attentions
  bool causal = false;                              // attentions
  int scale = -1;                                   // attentions: a param
  int chunk = -1;                                   // attention_gradient: a param
  std::array<bool, 3> wrt{};                        // attention_gradient: of q, k, v
  int panels = -1;                                  // contract: a param, or -1: never packed ahead
};

enum class Lanes : std::uint8_t { across, along };

struct Kernel {
  int parallel_axes = 0;  // across and contract kernels have at least 1 and 2
  bool row_axis = false;  // its number is parallel_axes
  Lanes lanes = Lanes::across;
  bool streaming = false;  // stores go past the caches: a launch writes more than they hold
  bool distant = false;    // rows are walked once, and a launch reads more than the caches hold
  std::vector<Access> accesses;
  std::vector<Section> sections;
  int param_count = 0;   // at least the number of axes
  int number_count = 0;  // of the params, the last ones: numbers of the program
  int reg_count = 0;

  int axes() const { return parallel_axes + (row_axis ? 1 : 0); }
  /// The first param that is a number.
  int first_number() const { return param_count - number_count; }
  bool is_contract() const;
  /// Across, one section walks the rows, reduces or scans and keeps nothing, and before it little
  /// happens.
  bool sums_columns() const;
  bool is_attention() const;
  bool is_attention_gradient() const;
  /// Elementwise, with arrays that lie side by side along an outer axis and apart along the lanes:
  /// that axis; the one with most of them. -1: there are none.
  int turned_axis() const;
  /// Does the instruction read or write such an array, at plain places?
  bool is_turned(const Inst& inst, int axis) const;
};

/// The canonical text; equal text means equal kernels.
std::string print(const Kernel& kernel);
/// Numbered rules K1..; throws InternalError.
void verify(const Kernel& kernel);

// How a launch is divided. A unit is the smallest piece a thread takes: one row (along); a tile of
// the last parallel axis at one index of the others (across), or at several of the axis along which
// arrays are turned; a block of rows of one product (contract); a group of queries (attention); a
// part of one batch (attention_gradient); a
// wide tile of columns where they are summed.
inline constexpr std::int64_t across_tile = 4096;    // elements, kernels without row axis
inline constexpr std::int64_t turned_rows = 16;      // of the turned axis: a cache line of f32
inline constexpr std::int64_t across_row_tile = 64;  // elements, kernels with row axis
/// Sums of columns: tiles are as wide as accumulators fit into a first-level cache, or narrow where
/// these would be fewer units than that.
inline constexpr std::int64_t column_units = 8, narrow_column_tile = 512;
std::int64_t widest_column_tile(const Kernel& kernel);
std::int64_t column_tile(const Kernel& kernel, std::span<const std::int64_t> params);
inline constexpr std::int64_t contract_rows = 8;  // rows of m: few, for equal shares of threads
std::int64_t unit_count(const Kernel& kernel, std::span<const std::int64_t> params);
/// Bytes of 64-byte aligned scratch that one thread needs (kept rows, packing, tails).
std::size_t scratch_bytes(const Kernel& kernel, std::span<const std::int64_t> params);

/// Runs units [begin, end). Every backend's code has this signature.
using KernelFn = void (*)(void* const* pointers, const std::int64_t* params, std::int64_t begin,
                          std::int64_t end, void* scratch);

/// The plain interpreter of kernels: all units, same bits as compiled code.
void interpret(const Kernel& kernel, void* const* pointers, const std::int64_t* params);

}  // namespace weft::codegen
