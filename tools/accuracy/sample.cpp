#include "tools/accuracy/sample.h"

namespace weft::accuracy {

namespace {

/// The distances of variations are powers of two up to this many last places.
constexpr int search_bits = 30;

template <class T>
class Sampler {
 public:
  Sampler(const Function& f, std::uint64_t seed) : f_(f), random_(seed * 2 + f.borders.size()) {}

  T one(std::size_t i) {
    switch (i % 8) {
      case 0:
      case 1:
        return any();
      case 2:
        return beside(std::ldexp(T(sign()), exponent()));
      case 3:
        return f_.borders.empty() ? any() : beside(static_cast<T>(f_.borders[pick(f_.borders)]));
      case 4:
        return special();
      default:
        return of_interest();
    }
  }

  void pair(std::size_t i, T& x, T& y) {
    if (i % 16 == 0) {
      x = one(i / 16);
      y = one(random_());
    } else if (f_.op == ir::Op::pow) {
      pow_pair(i, x, y);
    } else {
      // Both of any size, or of about one size.
      const double spread = i % 2 ? 4 : std::numeric_limits<T>::max_exponent * 0.95;
      x = scaled(spread);
      y = i % 8 == 1 ? beside(x) : scaled(spread);
    }
  }

  T beside(T center) {
    const double distance = std::exp2(unit() * search_bits) - 1;
    return shifted(center, sign() * static_cast<std::int64_t>(distance));
  }
  double unit() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

 private:
  int sign() { return random_() & 1 ? 1 : -1; }
  template <class V>
  std::size_t pick(const V& values) {
    return random_() % values.size();
  }
  T any() { return std::bit_cast<T>(static_cast<Pattern<T>>(random_() >> (64 - 8 * sizeof(T)))); }
  int exponent() {
    using Limits = std::numeric_limits<T>;
    const int low = Limits::min_exponent - Limits::digits;
    return low + static_cast<int>(random_() % static_cast<unsigned>(Limits::max_exponent - low));
  }
  T scaled(double spread) {
    return static_cast<T>(sign() * std::exp2((unit() - 0.5) * 2 * spread));
  }
  T of_interest() {
    const double bound = sizeof(T) == 4 ? 110 : HUGE_VAL;  // f32 overflows earlier
    const double low = std::max(f_.low, -bound), high = std::min(f_.high, bound);
    return static_cast<T>(low + (high - low) * unit());
  }
  /// Next to 0, 1 and 2, next to integers, and next to multiples of pi/2.
  T special() {
    const double t = sign() * std::exp2(-60 * unit());
    switch (random_() % 4) {
      case 0:
        return static_cast<T>(static_cast<double>(random_() % 3) + t);
      case 1:
        return beside(std::nearbyint(of_interest()));
      case 2:
        return beside(static_cast<T>(static_cast<long double>(random_() % 100000) *
                                     1.57079632679489661923132169163975144L));
      default:
        return static_cast<T>(std::floor(std::exp2(unit() * 50)) *
                              1.57079632679489661923132169163975144L);
    }
  }
  /// Results over the whole range, from bases of any size, around 1, and next to it.
  void pow_pair(std::size_t i, T& x, T& y) {
    const double range = sizeof(T) == 4 ? 152 : 1080;
    const double spread = i % 3 == 0 ? range : i % 3 == 1 ? 4 : std::exp2(-30 * unit());
    x = static_cast<T>(std::exp2((unit() - 0.5) * 2 * spread));
    const double result = (unit() - 0.5) * 2 * range * (i % 5 == 0 ? 0.01 : 1);
    y = static_cast<T>(result / std::log2(static_cast<double>(x)));
    if (i % 7 == 0) y = std::nearbyint(y);
    if (i % 14 == 0) x = -x;
  }
  /// `by` last places further from zero; stays a number of that sign.
  static T shifted(T value, std::int64_t by) {
    const auto bits = std::bit_cast<Pattern<T>>(value);
    return std::bit_cast<T>(static_cast<Pattern<T>>(bits + static_cast<Pattern<T>>(by)));
  }

  const Function& f_;
  std::mt19937_64 random_;
};

}  // namespace

template <class T>
void sample_block(const Function& f, std::uint64_t block, T* x, T* y, std::size_t n) {
  Sampler<T> sampler(f, 1000003 * block + 17);
  for (std::size_t i = 0; i < n; ++i) {
    if (f.arity == 1)
      x[i] = sampler.one(i);
    else
      sampler.pair(i, x[i], y[i]);
  }
}

template <class T>
void search_block(const Function& f, const Tally<T>& known, std::uint64_t round, T* x, T* y,
                  std::size_t n) {
  Sampler<T> sampler(f, 7000003 * round + 29);
  for (std::size_t i = 0; i < n; ++i) {
    const Worst<T>& bucket = known.local[i % known.local.size()];
    const Worst<T>& from = i % 3 == 0 || bucket.ulp < 0 ? known.worst : bucket;
    x[i] = i % 5 == 0 && f.arity == 2 ? from.x : sampler.beside(from.x);
    if (f.arity == 2) y[i] = i % 5 == 1 ? from.y : sampler.beside(from.y);
  }
}

template void sample_block(const Function&, std::uint64_t, float*, float*, std::size_t);
template void sample_block(const Function&, std::uint64_t, double*, double*, std::size_t);
template void search_block(const Function&, const Tally<float>&, std::uint64_t, float*, float*,
                           std::size_t);
template void search_block(const Function&, const Tally<double>&, std::uint64_t, double*, double*,
                           std::size_t);

}  // namespace weft::accuracy
