#include <weft/random.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numbers>
#include <numeric>

#include <weft/autograd.h>
#include <weft/factories.h>
#include <weft/ops.h>
#include "frontend/expr.h"
#include "frontend/promote.h"
#include "frontend/random_key.h"
#include "frontend/storage.h"
#include "frontend/trace.h"

namespace weft {

using detail::OpScope;
using detail::Ref;
using detail::wrap;
namespace expr = detail::expr;
using ir::Op;

namespace detail {
namespace {

struct Generator {
  std::mutex mutex;
  std::uint64_t seed = 0, next_stream = 0;
};
Generator& generator() {
  static Generator only;
  return only;
}

}  // namespace

std::array<std::uint64_t, 2> take_random_streams(std::int64_t streams) {
  Generator& g = generator();
  const std::lock_guard lock(g.mutex);
  const std::uint64_t first = g.next_stream;
  g.next_stream += static_cast<std::uint64_t>(streams);
  return {g.seed, first};
}

Ref record_random_key(std::array<std::uint64_t, 2> key) {
  runtime::Buffer buffer = runtime::allocate(sizeof(key));
  std::copy(key.begin(), key.end(), static_cast<std::uint64_t*>(buffer.data()));
  return record_input(std::move(buffer), layout_of({DType::u64, {2}}, Place::any()));
}

}  // namespace detail

namespace {

Ref random_bits(const Shape& shape) {
  detail::checked_type(shape, DType::u64);
  detail::Trace* trace = detail::Trace::current();
  const Ref key = trace != nullptr ? trace->next_random_key()
                                   : detail::record_random_key(detail::take_random_streams(1));
  return detail::record(Op::random_bits, {key}, {{"dtype", DType::u32}, {"shape", shape.sizes()}});
}

Ref random_bits64(const Shape& shape) {
  const Ref high = expr::convert(random_bits(shape), DType::u64);
  const Ref low = expr::convert(random_bits(shape), DType::u64);
  return expr::binary(Op::or_, expr::binary(Op::shift_left, high, expr::scalar_int(DType::u64, 32)),
                      low);
}

Ref shift_right(const Ref& x, std::int64_t bits) {
  return expr::binary(Op::shift_right_logical, x, expr::scalar_int(x->type.dtype, bits));
}

/// The highest bits as an integer of that float dtype, as many as `bits`.
Ref random_integers(const Shape& shape, DType dtype, int bits) {
  const Ref raw = dtype == DType::f64 ? random_bits64(shape) : random_bits(shape);
  const int width = dtype == DType::f64 ? 64 : 32;
  return expr::convert(shift_right(raw, width - bits), dtype);
}

DType float_dtype(const Options& options) {
  const DType dtype = options.dtype().value_or(detail::default_float);
  if (dtype != DType::f32 && dtype != DType::f64) {
    detail::fail("expected dtype f32 or f64, got " + std::string(name(dtype)));
  }
  return dtype;
}

/// Multiples of 2^-24 (f32) or 2^-53 (f64) in [0, 1).
Ref uniform(const Shape& shape, DType dtype) {
  const int bits = dtype == DType::f64 ? 53 : 24;
  return expr::mul(random_integers(shape, dtype, bits), std::ldexp(1.0, -bits));
}

/// By the inverse of the distribution: sqrt(2) * erf_inv(v), v odd multiples of 2^-23 (f32) or
/// 2^-52 (f64) in (-1, 1), symmetric and exact.
Ref normal(const Shape& shape, DType dtype) {
  const int bits = dtype == DType::f64 ? 52 : 23;
  const Ref middle = expr::add(random_integers(shape, dtype, bits), 0.5);
  const Ref v = expr::add(expr::mul(middle, std::ldexp(1.0, 1 - bits)), -1);
  return expr::mul(expr::unary(Op::erf_inv, v), std::numbers::sqrt2);
}

detail::Place place_of(const Options& options) {
  return options.device() ? detail::place_of(*options.device()) : detail::Place::cpu();
}
/// Options without a device: that of `like`; without a dtype, its.
Options as(const Tensor& like, const Options& options) {
  const Options typed = options.dtype(options.dtype().value_or(like.dtype()));
  return typed.device() ? typed : typed.device(like.device());
}

Tensor finish(const Ref& value, const Options& options) {
  Tensor t = wrap(value);
  if (options.requires_grad()) t.requires_grad_();
  return t;
}

/// Refuses a range of integers that the dtype cannot tell apart, or does not have.
void check_holds(DType dtype, std::int64_t first, std::int64_t last) {
  const auto bits = static_cast<int>(8 * size_of(dtype));
  const int exact = dtype == DType::f64 ? 53 : dtype == DType::f32 ? 24 : 0;
  std::int64_t low = INT64_MIN, high = INT64_MAX;
  if (is_bool(dtype)) {
    low = 0, high = 1;
  } else if (exact > 0) {
    high = std::int64_t(1) << exact, low = -high;
  } else if (is_signed_int(dtype) && bits < 64) {
    high = (std::int64_t(1) << (bits - 1)) - 1, low = -high - 1;
  } else if (is_unsigned_int(dtype)) {
    low = 0;
    if (bits < 64) high = (std::int64_t(1) << bits) - 1;
  }
  if (first >= low && last <= high) return;
  detail::fail("the range " + std::to_string(first) + " to " + std::to_string(last) +
               " is out of bounds for " + std::string(name(dtype)));
}

}  // namespace

void manual_seed(std::uint64_t seed) {
  detail::Generator& g = detail::generator();
  const std::lock_guard lock(g.mutex);
  g.seed = seed;
  g.next_stream = 0;
}

Tensor rand(const Shape& shape, const Options& options, Here here) {
  const OpScope scope("rand", here);
  const detail::PlaceScope place(place_of(options));
  return finish(uniform(shape, float_dtype(options)), options);
}

Tensor randn(const Shape& shape, const Options& options, Here here) {
  const OpScope scope("randn", here);
  const detail::PlaceScope place(place_of(options));
  return finish(normal(shape, float_dtype(options)), options);
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, const Options& options,
               Here here) {
  const OpScope scope("randint", here);
  const detail::PlaceScope place(place_of(options));
  if (low >= high) {
    detail::fail("expects from < to, but got from=" + std::to_string(low) +
                 " >= to=" + std::to_string(high));
  }
  const DType dtype = options.dtype().value_or(DType::i64);
  check_holds(dtype, low, high - 1);
  const auto range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  const Ref size = expr::scalar_int(DType::u64, static_cast<std::int64_t>(range));
  Ref offset;
  if (range <= 0xffffffffu) {  // the high half of bits * range
    const Ref bits = expr::convert(random_bits(shape), DType::u64);
    offset = shift_right(expr::mul(bits, size), 32);
  } else {
    offset = expr::binary(Op::rem, random_bits64(shape), size);
  }
  const Ref value = expr::add(expr::convert(offset, DType::i64), expr::scalar_int(DType::i64, low));
  return finish(detail::convert_value(value, dtype), options);
}
Tensor randint(std::int64_t high, const Shape& shape, const Options& options, Here here) {
  return randint(0, high, shape, options, here);
}

Tensor rand_like(const Tensor& like, const Options& options, Here here) {
  return rand(like.shape(), as(like, options), here);
}
Tensor randn_like(const Tensor& like, const Options& options, Here here) {
  return randn(like.shape(), as(like, options), here);
}

Tensor bernoulli(const Tensor& p, Here here) {
  const OpScope scope("bernoulli", here);
  if (!is_float(p.dtype())) {
    detail::fail("expected probabilities of a float dtype, got " + std::string(name(p.dtype())));
  }
  const NoGradGuard guard;
  return (rand_like(p) < p).to(p.dtype());
}

Tensor randperm(std::int64_t n, Here here) {
  const OpScope scope("randperm", here);
  if (n < 0) detail::fail("n must be non-negative, got " + std::to_string(n));
  const Tensor keys = wrap(random_bits64({n}));
  const std::vector<std::uint64_t> key = keys.to_vector<std::uint64_t>(here);
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return std::pair(key[static_cast<std::size_t>(a)], a) <
           std::pair(key[static_cast<std::size_t>(b)], b);
  });
  return tensor(order, {}, here);
}

}  // namespace weft
