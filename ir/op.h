// An operation is defined once, by an OpDef in ir/ops/*.cpp, listed in one table.
#pragma once

#include <compare>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ir/attribute.h"
#include "ir/scalar.h"
#include "ir/type.h"

namespace weft::ir {

class Builder;
class Graph;
struct Node;

/// One result of one node.
struct Value {
  std::uint32_t node = ~0u;
  std::uint32_t result = 0;

  bool valid() const { return node != ~0u; }
  friend auto operator<=>(const Value&, const Value&) = default;
};

/// Handles of the table's entries, in its order (a static_assert compares).
enum class Op : std::uint8_t {
  // source
  parameter,
  constant,
  iota,
  random_bits,
  // elementwise, unary
  neg,
  abs,
  sign,
  floor,
  ceil,
  round,
  is_finite,
  not_,
  sqrt,
  rsqrt,
  cbrt,
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tan,
  tanh,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  asinh,
  acosh,
  atanh,
  erf,
  erfc,
  erf_inv,
  lgamma,
  digamma,
  polygamma,
  logistic,
  convert,
  bitcast,
  // elementwise, binary and ternary
  add,
  sub,
  mul,
  div,
  rem,
  pow,
  atan2,
  max,
  min,
  and_,
  or_,
  xor_,
  shift_left,
  shift_right_logical,
  shift_right_arithmetic,
  compare,
  select,
  clamp,
  fma,
  // view
  broadcast_in_dim,
  reshape,
  transpose,
  slice,
  reverse,
  // structure that is not a pure view
  pad,
  concatenate,
  // reduce and scan
  reduce,
  argmax,
  argmin,
  cumulative,
  // contract, attention, gather, scatter
  dot_general,
  attention,
  attention_gradient,
  attention_tangent,
  gather,
  scatter,
  // control
  optimization_barrier,
  fused,
};
inline constexpr int op_count = static_cast<int>(Op::fused) + 1;

/// What lowering switches on.
enum class Kind : std::uint8_t {
  source,
  elementwise,
  view,
  assemble,
  reduce,
  scan,
  contract,
  attention,
  gather,
  scatter,
  control
};

/// The declared type of an attribute.
enum class AttrType : std::uint8_t {
  boolean,
  integer,
  real,
  string,
  dtype,
  ints,
  int_lists,
  literal
};
struct AttrDef {
  std::string_view name;
  AttrType type;
  bool required = true;
};

/// What inference sees. It throws weft::Error through fail(), which adds operation and place.
struct InferContext {
  const Node& node;
  std::span<const Type> operands;
  /// Throws: "dot_general D3: operand 1 <what>, expected <expected>, got <got>, at file:line".
  [[noreturn]] void fail(std::string_view rule, std::string_view what, std::string_view expected,
                         std::string_view got) const;
};

/// What the partial derivative of an elementwise operation sees: y = op(x0, x1, ...).
struct PartialContext {
  Builder& b;
  const Node& node;                 // attributes
  std::span<const Value> operands;  // in b
  Value result;                     // in b
};

/// What a forward rule sees; tangents[k] is invalid (a symbolic zero) where operand k is constant.
struct JvpContext {
  Builder& b;
  const Node& node;
  std::span<const Value> operands, results;
  std::span<const Value> tangents;
};

/// What the transposition of a linear operation sees: the operands marked linear, one cotangent.
struct TransposeContext {
  Builder& b;
  const Node& node;                 // its operands are ids of the graph being transposed
  std::span<const Type> types;      // of the operands
  std::span<const Value> operands;  // in b; invalid for linear ones
  std::span<const bool> linear;
  Value cotangent;  // of the result
};

/// Where tests draw operands from: [low, high], and points to keep away from for finite
/// differences.
struct Domain {
  double low = -2, high = 2;
  std::initializer_list<double> avoid{};
};

/// A function of an entry, or none. It knows which without comparing addresses: under sanitizers
/// that is no constant expression, and the table is checked by static_assert.
template <class Signature>
class Hook;
template <class Result, class... Args>
class Hook<Result(Args...)> {
 public:
  constexpr Hook() = default;
  constexpr Hook(std::nullptr_t) {}
  constexpr Hook(Result (*function)(Args...)) : function_(function), set_(true) {}

  constexpr explicit operator bool() const { return set_; }
  friend constexpr bool operator==(Hook hook, std::nullptr_t) { return !hook.set_; }
  Result operator()(Args... args) const { return function_(static_cast<Args&&>(args)...); }

 private:
  Result (*function_)(Args...) = nullptr;
  bool set_ = false;
};

using InferFn = Hook<std::vector<Type>(const InferContext&)>;
/// operands are params of an instruction stream in the operands' dtypes; returns the result.
using ScalarFn = Hook<Scalar(ScalarBuilder&, std::span<const Scalar> operands, const Node& node)>;
/// d result / d operand k, of the result's shape; invalid Value means zero.
using PartialFn = Hook<Value(const PartialContext&, int k)>;
/// The result's tangent; invalid when zero.
using JvpFn = Hook<Value(const JvpContext&)>;
/// The result in terms of other operations.
using ExpandFn = Hook<Value(Builder&, const Node&, std::span<const Value> operands)>;
/// Cotangents of the linear operands (invalid elsewhere or where zero).
using TransposeFn = Hook<std::vector<Value>(const TransposeContext&)>;

struct OpDef {
  Op op;
  std::string_view name;  // text == API name
  Kind kind;
  int min_operands, max_operands;  // max -1: any number
  std::span<const AttrDef> attrs;
  InferFn infer;
  ScalarFn scalar = nullptr;        // elementwise; random_bits: of key[0], key[1], index (u64)
  PartialFn partial = nullptr;      // elementwise, differentiable
  JvpFn jvp = nullptr;              // others, differentiable; null and no partial: derivative zero
  TransposeFn transpose = nullptr;  // operations that appear in linear programs
  /// With neither partial nor jvp this has the derivative.
  ExpandFn expand = nullptr;
  bool only_expanded = false;         // no kernel computes it but those of its expansion
  std::span<const Domain> domains{};  // per operand; the last repeats
  int bodies = 0;                     // nested functions
  std::string_view doc;               // one line for the reference documentation
};

/// Checks the general rules (operand count, attributes, bodies, legal types), then the operation's
/// own, and returns the result types. Throws weft::Error naming rule, operation and place.
std::vector<Type> infer(const Node& node, std::span<const Type> operands);
/// The attributes in declared order; undeclared ones, which infer() refuses, come last.
Attributes in_declared_order(const OpDef& def, Attributes attrs);

const OpDef& def(Op op);
const OpDef* find_op(std::string_view name);
std::span<const OpDef> all_ops();

}  // namespace weft::ir
