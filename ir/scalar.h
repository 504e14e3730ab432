// The closed scalar IR: what one element of an elementwise operation computes. The interpreter
// runs it, the LLVM and CUDA emitters spell it, one table row per opcode each; so all three agree
// to the bit. A transcendental function is a program of these opcodes (ir/scalar_math.h).
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <weft/dtype.h>

namespace weft::ir {

/// Integers wrap. Operands of an opcode have one dtype unless said otherwise.
enum class ScalarOp : std::uint8_t {
  param,     // the k-th argument (bits = k)
  constant,  // bits hold the value, in the low size_of(dtype) bytes
  add,
  sub,
  mul,
  div,  // floats: IEEE; integers truncate, x/0 == -1 (all ones), MIN/-1 == MIN
  rem,  // floats: C's fmod; integers: sign of the dividend, x%0 == x, MIN%-1 == 0
  fma,  // floats: one rounding
  neg,
  abs,  // floats: only the sign bit changes
  min,
  max,   // a NaN operand gives NaN: max = (a > b || a != a) ? a : b ; min likewise with <
  sqrt,  // correctly rounded
  floor,
  ceil,
  round_even,
  trunc,
  scale,  // floats: a * 2^b, rounded once, for 1/2 <= |a| <= 2 and an integer b from where that
          // is zero to where it is infinity (f32 -150 to 129, f64 -1080 to 1025); NaN a gives NaN
  exponent,  // floats: k and m of a = m 2^k for a > 0, with m from the float next to 2/3 (f32) or
  mantissa,  // sqrt(1/2) (f64) to twice that; of 0: -inf and 1; of inf: inf and 1; of a < 0: some
             // number and NaN; of NaN: NaN
  eq,
  ne,
  lt,
  le,      // -> bool, IEEE ordered (ne: unordered or different)
  select,  // bool, T, T -> T
  and_,
  or_,
  xor_,
  not_,  // bool and integers
  shl,
  shr_logical,
  shr_arith,  // second operand same dtype; amounts >= width give 0 (arith: sign)
  convert,    // to another dtype: float->int saturates, NaN -> 0; int -> bool is != 0
  bitcast,    // between dtypes of one size
};
inline constexpr int scalar_op_count = static_cast<int>(ScalarOp::bitcast) + 1;

struct ScalarOpInfo {
  std::string_view name;
  int arity;
};
const ScalarOpInfo& info(ScalarOp op);

/// Index of an instruction in a ScalarProgram.
struct Scalar {
  std::int32_t id = -1;
};

struct ScalarInst {
  ScalarOp op;
  DType dtype;  // of the result
  std::array<std::int32_t, 3> args{-1, -1, -1};
  std::uint64_t bits = 0;  // constant: the value; param: its number
};

/// Straight-line SSA code; instruction k may use those before it.
struct ScalarProgram {
  std::vector<ScalarInst> insts;
  std::int32_t result = -1;
};

/// Appends instructions, reusing equal ones and folding constants (with eval_scalar).
class ScalarBuilder {
 public:
  Scalar param(int number, DType dtype);
  Scalar constant(DType dtype, double value);  // rounded to dtype
  Scalar constant_int(DType dtype, std::int64_t value);
  Scalar constant_bits(DType dtype, std::uint64_t bits);
  Scalar emit(ScalarOp op, DType result, std::initializer_list<Scalar> args);

  DType dtype(Scalar s) const { return program_.insts[s.id].dtype; }
  // Spelled short, because polynomials are made of them.
  Scalar add(Scalar a, Scalar b) { return emit(ScalarOp::add, dtype(a), {a, b}); }
  Scalar sub(Scalar a, Scalar b) { return emit(ScalarOp::sub, dtype(a), {a, b}); }
  Scalar mul(Scalar a, Scalar b) { return emit(ScalarOp::mul, dtype(a), {a, b}); }
  Scalar div(Scalar a, Scalar b) { return emit(ScalarOp::div, dtype(a), {a, b}); }
  Scalar fma(Scalar a, Scalar b, Scalar c) { return emit(ScalarOp::fma, dtype(a), {a, b, c}); }
  Scalar neg(Scalar a) { return emit(ScalarOp::neg, dtype(a), {a}); }
  Scalar abs(Scalar a) { return emit(ScalarOp::abs, dtype(a), {a}); }
  Scalar sqrt(Scalar a) { return emit(ScalarOp::sqrt, dtype(a), {a}); }
  Scalar eq(Scalar a, Scalar b) { return emit(ScalarOp::eq, DType::boolean, {a, b}); }
  Scalar ne(Scalar a, Scalar b) { return emit(ScalarOp::ne, DType::boolean, {a, b}); }
  Scalar lt(Scalar a, Scalar b) { return emit(ScalarOp::lt, DType::boolean, {a, b}); }
  Scalar le(Scalar a, Scalar b) { return emit(ScalarOp::le, DType::boolean, {a, b}); }
  Scalar select(Scalar p, Scalar a, Scalar b) {
    return emit(ScalarOp::select, dtype(a), {p, a, b});
  }
  Scalar convert(Scalar a, DType to) { return emit(ScalarOp::convert, to, {a}); }
  Scalar bitcast(Scalar a, DType to) { return emit(ScalarOp::bitcast, to, {a}); }

  const ScalarProgram& program() const { return program_; }
  ScalarProgram take(Scalar result);

 private:
  ScalarProgram program_;
  std::unordered_multimap<std::uint64_t, std::int32_t> known_;
};

/// One opcode on one element; arguments and result are bit patterns in the low bytes.
std::uint64_t eval_scalar(ScalarOp op, DType result, DType operand, const std::uint64_t* args);

/// `program` on n elements: params[k] points at n packed elements of that parameter's dtype
/// (stride 0 elements when splat[k]), out at n elements of the result's. Runs in blocks.
void eval_scalar_program(const ScalarProgram& program, std::span<const void* const> params,
                         std::span<const bool> splat, void* out, std::int64_t n);

}  // namespace weft::ir
