// Runs scalar programs: one typed loop per opcode over a block of elements, so that the choice of
// loop is paid once per block and the values stay in the first-level cache.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include <weft/error.h>
#include "ir/scalar.h"
#include "ir/scalar_element.h"

#if defined(__x86_64__)
#define WEFT_TARGET_FMA __attribute__((target("avx2,fma")))
#endif

namespace weft::ir {

namespace {

constexpr std::int64_t block_length = 256;

/// n elements: out[i] = f(args[0][i], ...).
using BlockFn = void (*)(void* out, const void* const* args, std::int64_t n);

template <auto f, class R, class... A, std::size_t... k>
void run_block(R (*)(A...), std::index_sequence<k...>, void* out, const void* const* args,
               std::int64_t n) {
  R* result = static_cast<R*>(out);
  const std::tuple<const A*...> operands{static_cast<const A*>(args[k])...};
  for (std::int64_t i = 0; i < n; ++i) result[i] = f(std::get<k>(operands)[i]...);
}
template <class R, class... A>
constexpr auto argument_indices(R (*)(A...)) {
  return std::index_sequence_for<A...>{};
}
template <auto f>
void block(void* out, const void* const* args, std::int64_t n) {
  run_block<f>(f, argument_indices(f), out, args, n);
}

// fma rounds once everywhere: as an instruction where the processor has it, else in the C library.
// Both loops are the same text; only the code generation differs.
template <class T>
void fma_portable(void* out, const void* const* args, std::int64_t n) {
  T* result = static_cast<T*>(out);
  const T *a = static_cast<const T*>(args[0]), *b = static_cast<const T*>(args[1]),
          *c = static_cast<const T*>(args[2]);
  for (std::int64_t i = 0; i < n; ++i) result[i] = std::fma(a[i], b[i], c[i]);
}
template <class T>
void fma_row_portable(T a, const T* x, T* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = std::fma(a, x[i], y[i]);
}

#ifdef WEFT_TARGET_FMA
template <class T>
WEFT_TARGET_FMA inline T fma_instruction(T a, T b, T c) {
  if constexpr (sizeof(T) == 4)
    return __builtin_fmaf(a, b, c);
  else
    return __builtin_fma(a, b, c);
}
template <class T>
WEFT_TARGET_FMA void fma_hardware(void* out, const void* const* args, std::int64_t n) {
  T* result = static_cast<T*>(out);
  const T *a = static_cast<const T*>(args[0]), *b = static_cast<const T*>(args[1]),
          *c = static_cast<const T*>(args[2]);
  for (std::int64_t i = 0; i < n; ++i) result[i] = fma_instruction(a[i], b[i], c[i]);
}
template <class T>
WEFT_TARGET_FMA void fma_row_hardware(T a, const T* x, T* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = fma_instruction(a, x[i], y[i]);
}
bool has_fma() {
  static const bool has = __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2");
  return has;
}
#endif

template <class T>
BlockFn fma_block() {
#ifdef WEFT_TARGET_FMA
  if (has_fma()) return fma_hardware<T>;
#endif
  return fma_portable<T>;
}

template <class T>
void fma_any_row(T a, const T* x, T* y, std::int64_t n) {
#ifdef WEFT_TARGET_FMA
  if (has_fma()) return fma_row_hardware(a, x, y, n);
#endif
  fma_row_portable(a, x, y, n);
}

template <class To>
BlockFn convert_block(DType from) {
  return element::with_type(
      from, []<class From>() -> BlockFn { return block<element::convert<To, From>>; },
      []() -> BlockFn { return nullptr; });
}
template <class To>
BlockFn bitcast_block(DType from) {
  return element::with_type(
      from,
      []<class From>() -> BlockFn {
        if constexpr (sizeof(To) == sizeof(From))
          return block<element::bitcast<To, From>>;
        else
          return nullptr;
      },
      []() -> BlockFn { return nullptr; });
}

template <class T>
BlockFn float_block(ScalarOp op) {
  if constexpr (element::Float<T>) {
    switch (op) {
      case ScalarOp::fma:
        return fma_block<T>();
      case ScalarOp::sqrt:
        return block<element::sqrt<T>>;
      case ScalarOp::floor:
        return block<element::floor<T>>;
      case ScalarOp::ceil:
        return block<element::ceil<T>>;
      case ScalarOp::round_even:
        return block<element::round_even<T>>;
      case ScalarOp::trunc:
        return block<element::trunc<T>>;
      case ScalarOp::scale:
        return block<element::scale<T>>;
      case ScalarOp::exponent:
        return block<element::exponent<T>>;
      case ScalarOp::mantissa:
        return block<element::mantissa<T>>;
      default:
        break;
    }
  }
  return nullptr;
}
template <class T>
BlockFn bits_block(ScalarOp op) {
  if constexpr (element::Bits<T>) {
    switch (op) {
      case ScalarOp::and_:
        return block<element::and_<T>>;
      case ScalarOp::or_:
        return block<element::or_<T>>;
      case ScalarOp::xor_:
        return block<element::xor_<T>>;
      case ScalarOp::not_:
        return block<element::not_<T>>;
      default:
        break;
    }
  }
  if constexpr (element::Int<T>) {
    switch (op) {
      case ScalarOp::shl:
        return block<element::shl<T>>;
      case ScalarOp::shr_logical:
        return block<element::shr_logical<T>>;
      case ScalarOp::shr_arith:
        return block<element::shr_arith<T>>;
      default:
        break;
    }
  }
  return nullptr;
}
template <class T>
BlockFn arithmetic_block(ScalarOp op) {
  if constexpr (element::Number<T>) {
    switch (op) {
      case ScalarOp::add:
        return block<element::add<T>>;
      case ScalarOp::sub:
        return block<element::sub<T>>;
      case ScalarOp::mul:
        return block<element::mul<T>>;
      case ScalarOp::div:
        return block<element::div<T>>;
      case ScalarOp::rem:
        return block<element::rem<T>>;
      case ScalarOp::neg:
        return block<element::neg<T>>;
      case ScalarOp::abs:
        return block<element::abs<T>>;
      case ScalarOp::min:
        return block<element::min<T>>;
      case ScalarOp::max:
        return block<element::max<T>>;
      default:
        break;
    }
  }
  return nullptr;
}

/// The loop of an opcode whose operands are T; null when T has none.
template <class T>
BlockFn block_on(ScalarOp op) {
  switch (op) {
    case ScalarOp::eq:
      return block<element::eq<T>>;
    case ScalarOp::ne:
      return block<element::ne<T>>;
    case ScalarOp::lt:
      return block<element::lt<T>>;
    case ScalarOp::le:
      return block<element::le<T>>;
    case ScalarOp::select:
      return block<element::select<T>>;
    default:
      break;
  }
  if (BlockFn fn = arithmetic_block<T>(op)) return fn;
  if (BlockFn fn = float_block<T>(op)) return fn;
  return bits_block<T>(op);
}

bool is_comparison(ScalarOp op) {
  return op == ScalarOp::eq || op == ScalarOp::ne || op == ScalarOp::lt || op == ScalarOp::le;
}

BlockFn find_block(ScalarOp op, DType result, DType operand) {
  const auto none = []() -> BlockFn { return nullptr; };
  const DType dtype = is_comparison(op) ? operand : result;
  const BlockFn fn = element::with_type(
      dtype,
      [&]<class T>() -> BlockFn {
        if (op == ScalarOp::convert) return convert_block<T>(operand);
        if (op == ScalarOp::bitcast) return bitcast_block<T>(operand);
        return block_on<T>(op);
      },
      none);
  if (!fn)
    throw Unsupported("scalar " + std::string(info(op).name) + ": no arithmetic on " +
                      std::string(name(operand)) + " giving " + std::string(name(result)));
  return fn;
}

/// A program laid out for evaluation: where each value of the current block stands.
class BlockRunner {
 public:
  BlockRunner(const ScalarProgram& program, std::span<const void* const> params,
              std::span<const bool> splat, void* out, std::int64_t n)
      : program_(program),
        params_(params),
        splat_(splat),
        out_(static_cast<std::byte*>(out)),
        length_(std::min(n, block_length)) {
    assign_slots();
    memory_.reset(new std::byte[static_cast<std::size_t>(slots_ * length_) * 8]);
    for (std::size_t k = 0; k < program_.insts.size(); ++k) {
      if (slot_[k] >= 0) place_[k] = memory_.get() + slot_[k] * length_ * 8;
      prepare(k);
    }
  }

  void run(std::int64_t begin, std::int64_t n) {
    const std::size_t result = static_cast<std::size_t>(program_.result);
    std::byte* out = out_ + begin * element_size(result);
    for (std::size_t k = 0; k < program_.insts.size(); ++k) {
      const ScalarInst& inst = program_.insts[k];
      if (streams(k))
        place_[k] = const_cast<std::byte*>(static_cast<const std::byte*>(params_[inst.bits])) +
                    begin * element_size(k);
      if (!fns_[k]) continue;
      if (k == result) place_[k] = out;
      const void* args[3];
      for (int a = 0; a < 3; ++a) args[a] = inst.args[a] >= 0 ? place_[inst.args[a]] : nullptr;
      fns_[k](place_[k], args, n);
    }
    if (!fns_[result]) std::memcpy(out, place_[result], n * element_size(result));
  }

 private:
  std::int64_t element_size(std::size_t k) const {
    return static_cast<std::int64_t>(size_of(program_.insts[k].dtype));
  }
  bool streams(std::size_t k) const {
    return program_.insts[k].op == ScalarOp::param && !splat_[program_.insts[k].bits];
  }
  bool is_fixed(std::size_t k) const {  // the same in every block
    const ScalarOp op = program_.insts[k].op;
    return op == ScalarOp::constant || (op == ScalarOp::param && !streams(k));
  }

  /// A slot is free again after the last reader of its value has run, not before: in-place loops
  /// of unequal element sizes would overwrite what they have yet to read.
  void assign_slots() {
    const std::size_t count = program_.insts.size();
    std::vector<std::int32_t> last_use(count, -1);
    for (std::size_t k = 0; k < count; ++k)
      for (std::int32_t arg : program_.insts[k].args)
        if (arg >= 0) last_use[arg] = static_cast<std::int32_t>(k);
    slot_.assign(count, -1);
    place_.assign(count, nullptr);
    fns_.assign(count, nullptr);
    std::vector<std::int64_t> free;
    for (std::size_t k = 0; k < count; ++k) {
      if (streams(k) || (static_cast<std::int32_t>(k) == program_.result && !is_fixed(k))) continue;
      if (!is_fixed(k) && !free.empty()) {
        slot_[k] = free.back();
        free.pop_back();
      } else {
        slot_[k] = slots_++;
      }
      for (std::int32_t arg : program_.insts[k].args) {
        if (arg < 0 || last_use[arg] != static_cast<std::int32_t>(k)) continue;
        if (slot_[arg] >= 0 && !is_fixed(arg)) free.push_back(slot_[arg]);
        last_use[arg] = -1;  // an operand may appear twice
      }
    }
  }

  void prepare(std::size_t k) {
    const ScalarInst& inst = program_.insts[k];
    if (is_fixed(k)) {
      const void* value = inst.op == ScalarOp::constant ? &inst.bits : params_[inst.bits];
      for (std::int64_t i = 0; i < length_; ++i)
        std::memcpy(place_[k] + i * element_size(k), value, element_size(k));
    } else if (inst.op != ScalarOp::param) {
      const std::int32_t first = inst.args[0];
      fns_[k] = find_block(inst.op, inst.dtype, program_.insts[first].dtype);
    }
  }

  const ScalarProgram& program_;
  std::span<const void* const> params_;
  std::span<const bool> splat_;
  std::byte* out_;
  std::int64_t length_;
  std::int64_t slots_ = 0;
  std::vector<std::int64_t> slot_;
  std::vector<std::byte*> place_;
  std::vector<BlockFn> fns_;
  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace

namespace element {
void fma_row(float a, const float* x, float* y, std::int64_t n) { fma_any_row(a, x, y, n); }
void fma_row(double a, const double* x, double* y, std::int64_t n) { fma_any_row(a, x, y, n); }
}  // namespace element

std::uint64_t eval_scalar(ScalarOp op, DType result, DType operand, const std::uint64_t* args) {
  alignas(8) std::byte values[4][8] = {};
  const void* pointers[3];
  for (int k = 0; k < 3; ++k) {
    pointers[k] = values[k];
    if (k < info(op).arity) std::memcpy(values[k], &args[k], 8);
  }
  find_block(op, result, operand)(values[3], pointers, 1);
  std::uint64_t bits = 0;
  std::memcpy(&bits, values[3], size_of(result));
  return bits;
}

void eval_scalar_program(const ScalarProgram& program, std::span<const void* const> params,
                         std::span<const bool> splat, void* out, std::int64_t n) {
  if (n <= 0) return;
  BlockRunner runner(program, params, splat, out, n);
  for (std::int64_t begin = 0; begin < n; begin += block_length)
    runner.run(begin, std::min(block_length, n - begin));
}

}  // namespace weft::ir
