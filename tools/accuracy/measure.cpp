#include "tools/accuracy/measure.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <weft/error.h>

#include "tools/accuracy/kernel.h"
#include "tools/accuracy/quick_vector.h"
#include "tools/accuracy/sample.h"

namespace weft::accuracy {

namespace {

/// The quick references' own error stays below this many ULP.
template <class T>
constexpr double quick_error = sizeof(T) == 4 ? 1e-6 : 4e-3;
constexpr double nearly_exact = 0.01;
/// Next to irrational zeros it does not: where the result is below this, MPFR decides.
constexpr double near_zero = 1e-4;

/// Adds blocks to a tally; one for each thread.
template <class T>
class Judge {
 public:
  Judge(const Function& f, const Kernel& kernel) : f_(f), block_(kernel), want_(block_size) {}

  T* x() { return block_.x<T>(); }
  T* y() { return block_.y<T>(); }
  void run(Tally<T>& tally) {
    const T* got = block_.run<T>();
    if constexpr (sizeof(T) == 4)
      f_.quick_f32(x(), y(), want_.data(), block_size);
    else
      f_.quick_f64(x(), y(), want_.data(), block_size);
    tally.arguments += block_size;
    if (has_no_candidate(tally, got)) return;
    PerBucket worst{};
    double sum = 0;
    for (std::size_t i = 0; i < block_size; ++i) {
      double ulp = ulp_error_in_range(got[i], want_[i]);
      if (!(ulp < 1e6)) ulp = ulp_error<T>(got[i], want_[i]);
      const bool close = std::fabs(want_[i]) < near_zero || ulp > 2 - quick_error<T>;
      if (!(ulp < 1e6) || (close && f_.has_irrational_zeros())) {
        sum += exactly(tally, i, got[i]);
        continue;
      }
      sum += ulp;
      Candidate& c = worst[bucket(i)];
      if (ulp > c.ulp) c = {ulp, i};
    }
    tally.sum += sum;
    for (std::size_t k = 0; k < worst.size(); ++k)
      if (worst[k].ulp > tally.local[k].ulp - quick_error<T>)
        exactly(tally, worst[k].at, got[worst[k].at]);
  }

 private:
  /// The largest quick error of a block, and where.
  struct Candidate {
    double ulp = -1;
    std::size_t at = 0;
  };
  using PerBucket = std::array<Candidate, std::tuple_size_v<decltype(Tally<T>::local)>>;

  std::size_t bucket(std::size_t i) {
    return static_cast<std::size_t>(std::bit_cast<Pattern<T>>(x()[i]) >> (8 * sizeof(T) - 12)) %
           PerBucket{}.size();
  }
  /// Adds the errors of a block whose arguments are neighbours, if none is a candidate: below the
  /// worst of its bucket, or nearly exact where there is another one.
  bool has_no_candidate(Tally<T>& tally, const T* got) {
    if constexpr (sizeof(T) == 4) {
      const double known = tally.local[bucket(0)].ulp;
      const auto first = std::bit_cast<Pattern<T>>(x()[0]);
      const auto last = std::bit_cast<Pattern<T>>(x()[block_size - 1]);
      if (known < 0 || last - first != block_size - 1 || f_.arity != 1) return false;
      const BlockErrors errors = block_errors(got, want_.data(), block_size);
      if (errors.largest >= std::max(known - quick_error<T>, nearly_exact)) return false;
      if (f_.has_irrational_zeros() && errors.smallest_result < near_zero) return false;
      tally.sum += errors.sum;
      return true;
    }
    return false;
  }
  /// The exact error of argument i, which joins the tally.
  double exactly(Tally<T>& tally, std::size_t i, T got) {
    const ExactValue::Error error = exact_.error<T>(f_, x()[i], y()[i], got);
    const double absolute = sizeof(T) == 4 ? 0 : f_.absolute_f64;
    if (error.ulp > 2 && error.absolute <= absolute && x()[i] < 0) {
      ++tally.only_absolute;
      return 0;
    }
    const Worst<T> found{error.ulp, x()[i], f_.arity == 2 ? y()[i] : T(0), got};
    Worst<T>& local = tally.local[bucket(i)];
    if (error.ulp > local.ulp) local = found;
    if (error.ulp > tally.worst.ulp) tally.worst = found;
    return error.ulp;
  }

  const Function& f_;
  Kernel::Block block_;
  std::vector<Wide<T>> want_;
  ExactValue exact_;
};

/// Runs blocks 0 to count - 1, each filled by `fill(block, x, y)`, on some threads.
template <class T, class Fill>
Tally<T> run_blocks(const Function& f, const Kernel& kernel, std::uint64_t count, int threads,
                    const Tally<T>& known, const Fill& fill,
                    const std::function<void(double)>& progress) {
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  Tally<T> total;
  std::exception_ptr failure;
  const auto work = [&](bool reports) {
    try {
      Judge<T> judge(f, kernel);
      Tally<T> tally;
      tally.worst = known.worst;
      tally.local = known.local;
      for (std::uint64_t block = next++; block < count; block = next++) {
        fill(block, judge.x(), judge.y());
        judge.run(tally);
        if (reports) progress(static_cast<double>(block) / static_cast<double>(count));
      }
      const std::lock_guard lock(mutex);
      total.merge(tally);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      next = count;
    }
  };
  std::vector<std::thread> others;
  for (int k = 1; k < threads; ++k) others.emplace_back(work, false);
  work(true);
  for (std::thread& t : others) t.join();
  if (failure) std::rethrow_exception(failure);
  return total;
}

template <class T>
Measurement measure_as(const Function& f, DType dtype, const Options& options,
                       const std::function<void(double)>& progress) {
  const Kernel kernel(f, dtype);
  const bool exhaustive = options.sample == 0;
  Tally<T> tally;
  if (exhaustive) {
    constexpr std::uint64_t blocks = (std::uint64_t{1} << 32) / block_size;
    const auto fill = [](std::uint64_t block, T* x, T*) {
      for (std::size_t i = 0; i < block_size; ++i)
        x[i] = std::bit_cast<T>(static_cast<Pattern<T>>(block * block_size + i));
    };
    tally = run_blocks<T>(f, kernel, blocks, options.threads, {}, fill, progress);
  } else {
    // Half of the arguments are the sample, the other half eight rounds of search.
    constexpr std::uint64_t rounds = 8;
    const std::uint64_t blocks = std::max<std::uint64_t>(1, options.sample / block_size / 2);
    const auto first = [&f](std::uint64_t block, T* x, T* y) {
      sample_block<T>(f, block, x, y, block_size);
    };
    tally = run_blocks<T>(f, kernel, blocks, options.threads, {}, first,
                          [&](double part) { progress(part / 2); });
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const std::uint64_t count = std::max<std::uint64_t>(1, blocks / rounds);
      const auto next = [&, round](std::uint64_t block, T* x, T* y) {
        search_block<T>(f, tally, round * count + block, x, y, block_size);
      };
      Tally<T> found = run_blocks<T>(f, kernel, count, options.threads, tally, next, [&](double p) {
        progress(0.5 + (static_cast<double>(round) + p) / (2 * rounds));
      });
      tally.arguments += found.arguments;
      tally.only_absolute += found.only_absolute;
      tally.worst = found.worst;
      tally.local = found.local;
    }
    // The mean is that of the sample alone: the search looks for bad arguments.
    tally.sum *= static_cast<double>(tally.arguments) / static_cast<double>(blocks * block_size);
  }
  return {.function = f.name(),
          .dtype = std::string(name(dtype)),
          .exhaustive = exhaustive,
          .arguments = tally.arguments,
          .max_ulp = tally.worst.ulp,
          .mean_ulp = tally.sum / static_cast<double>(tally.arguments),
          .worst_x = tally.worst.x,
          .worst_y = tally.worst.y,
          .worst_got = tally.worst.got,
          .only_absolute = tally.only_absolute,
          .operations = kernel.operations()};
}

}  // namespace

Measurement measure(const Function& f, DType dtype, const Options& options,
                    const std::function<void(double)>& progress) {
  if (options.sample == 0 && !(dtype == DType::f32 && f.has_few_arguments()))
    throw Error(
        "weft-accuracy: " + f.name() + " " + std::string(name(dtype)) +
        ": expected a sample; only f32 functions of one argument have few enough arguments");
  return dtype == DType::f32 ? measure_as<float>(f, dtype, options, progress)
                             : measure_as<double>(f, dtype, options, progress);
}

}  // namespace weft::accuracy
