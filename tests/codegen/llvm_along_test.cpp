// Kernels with lanes on the row axis, compiled, against the interpreter of kernels.
#include <limits>

#include "llvm_check.h"

namespace weft::codegen {
namespace {

using Kind = Section::Kind;
using ir::Op;

constexpr DType all_dtypes[] = {DType::boolean, DType::i32, DType::i64, DType::u32,
                                DType::u64,     DType::f32, DType::f64};

TestArray moderate_values(DType dtype, std::size_t count) {
  TestArray values(dtype, count);
  for (std::size_t k = 0; k < count; ++k) {
    double value = static_cast<double>(k * 37 % 101) / 16 - 3;
    if (dtype == DType::f32) {
      values.at<float>(k) = static_cast<float>(value);
    } else {
      values.at<double>(k) = value;
    }
  }
  return values;
}

TEST_CASE("rows reduce in 32 lanes at every length, for every monoid and dtype") {
  for (DType dtype : all_dtypes)
    for (const char* monoid : {"add", "mul", "max", "min", "and", "or"}) {
      bool logical = std::string(monoid) == "and" || std::string(monoid) == "or";
      if (logical ? is_float(dtype) : is_bool(dtype)) continue;
      KernelWriter w(1, true, Lanes::along);
      int x = w.access(dtype, false, {Coef::at(1), Coef::one()});
      int o = w.access(dtype, true, {Coef::one(), Coef::zero()});
      w.begin(Kind::over);
      Reg sum = w.reduce(monoid, dtype, w.load(x));
      w.begin(Kind::once);
      w.store(o, sum);
      CheckedKernel kernel(w.kernel());
      for (std::int64_t n : {0, 1, 8, 17, 31, 32, 33, 64, 95, 200}) {
        auto count = static_cast<std::size_t>(3 * n);
        kernel.run({3, n}, {test_values(dtype, count), TestArray(dtype, 3)});
      }
    }
}

TEST_CASE(
    "rows scan in blocks of 16 at every length, from either end, for every monoid and dtype") {
  for (DType dtype : all_dtypes)
    for (const char* monoid : {"add", "mul", "max", "min", "and", "or"}) {
      bool logical = std::string(monoid) == "and" || std::string(monoid) == "or";
      if (logical ? is_float(dtype) : is_bool(dtype)) continue;
      for (Coef step : {Coef::one(), Coef::minus_one()}) {
        KernelWriter w(1, true, Lanes::along);
        int start = w.add_param();
        int x = w.access(dtype, false, {Coef::at(1), step});
        int o = w.access(dtype, true, {Coef::at(1), step});
        w.begin(Kind::over);
        Reg first = w.param(start);
        Reg sum = w.scan(monoid, dtype, w.load(x, -1, {{first, Coef::one()}}));
        w.store(o, sum, -1, {{first, Coef::one()}});
        CheckedKernel kernel(w.kernel());
        for (std::int64_t n : {1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 95, 200}) {
          auto count = static_cast<std::size_t>(3 * n);
          kernel.run({3, n, step.is_one() ? 0 : n - 1},
                     {test_values(dtype, count), TestArray(dtype, count)});
        }
      }
    }
}

TEST_CASE("scans stand beside reductions, feed them, and are kept") {
  // s = scan add x, t = scan max s * x; m = max of t, u = sum of x; o = (s - m) * u + t
  for (DType dtype : {DType::f32, DType::f64}) {
    KernelWriter w(1, true, Lanes::along);
    int x = w.access(dtype, false, {Coef::at(1), Coef::one()});
    int o = w.access(dtype, true, {Coef::at(1), Coef::one()});
    w.begin(Kind::over);
    Reg value = w.load(x);
    Reg s = w.scan("add", dtype, value);
    Reg t = w.scan("max", dtype, w.op(Op::mul, dtype, {s, value}));
    Reg m = w.reduce("max", dtype, t), u = w.reduce("add", dtype, value);
    w.keep(s);
    w.keep(t);
    w.begin(Kind::over);
    Reg scaled = w.op(Op::mul, dtype, {w.op(Op::sub, dtype, {s, m}), u});
    w.store(o, w.op(Op::add, dtype, {scaled, t}));
    CheckedKernel kernel(w.kernel());
    for (std::int64_t n : {0, 1, 15, 16, 31, 32, 33, 63, 64, 65, 130, 300}) {
      auto count = static_cast<std::size_t>(3 * n);
      kernel.run({3, n}, {moderate_values(dtype, count), TestArray(dtype, count)});
    }
  }
}

TEST_CASE("a scan of a long body, in place, streaming or not") {
  for (DType dtype : {DType::f32, DType::f64})
    for (bool streaming : {false, true}) {
      KernelWriter w(1, true, Lanes::along);
      int x = w.access(dtype, false, {Coef::at(1), Coef::one()});
      int o = w.access(dtype, true, {Coef::at(1), Coef::one()});
      w.begin(Kind::over);
      Reg e = w.op(Op::exp, dtype, {w.op(Op::sin, dtype, {w.load(x)})});
      w.store(o, w.op(Op::log, dtype, {w.scan("add", dtype, e)}));
      w.kernel().streaming = streaming;
      CheckedKernel kernel(w.kernel());
      for (std::int64_t n : {1, 16, 40, 127})
        kernel.run({2, n}, {moderate_values(dtype, static_cast<std::size_t>(2 * n)),
                            TestArray(dtype, static_cast<std::size_t>(2 * n))});
    }
}

Kernel softmax(DType dtype) {
  KernelWriter w(2, true, Lanes::along);
  int outer = w.add_param();
  std::vector<Coef> strides = {Coef::at(outer), Coef::at(2), Coef::one()};
  int x = w.access(dtype, false, strides), o = w.access(dtype, true, strides);
  w.begin(Kind::over);
  Reg high = w.reduce("max", dtype, w.load(x));
  w.begin(Kind::over);
  Reg e = w.op(Op::exp, dtype, {w.op(Op::sub, dtype, {w.load(x), high})});
  Reg sum = w.reduce("add", dtype, e);
  w.keep(e);
  w.begin(Kind::over);
  w.store(o, w.op(Op::div, dtype, {e, sum}));
  return w.kernel();
}

TEST_CASE("softmax is one kernel, right at every row length, streaming or not") {
  for (DType dtype : {DType::f32, DType::f64}) {
    for (bool streaming : {false, true}) {
      Kernel written = softmax(dtype);
      written.streaming = streaming;
      CheckedKernel kernel(written);
      for (std::int64_t n = 0; n <= 70; n += n < 36 || n > 62 ? 1 : 9) {
        auto count = static_cast<std::size_t>(6 * n);
        kernel.run({2, 3, n, 3 * n}, {moderate_values(dtype, count), TestArray(dtype, count)});
        kernel.run({2, 3, n, 3 * n}, {test_values(dtype, count), TestArray(dtype, count)});
      }
    }
  }
}

TEST_CASE("a row may be normalised in place") {
  CheckedKernel kernel(softmax(DType::f32));
  for (std::int64_t n : {5, 32, 100})
    kernel.run({2, 3, n, 3 * n}, {moderate_values(DType::f32, static_cast<std::size_t>(6 * n))},
               {0, 0});
}

TEST_CASE("layer_norm computes between its sections on one row's scalars") {
  for (DType dtype : {DType::f32, DType::f64}) {
    KernelWriter w(1, true, Lanes::along);
    int x = w.access(dtype, false, {Coef::at(1), Coef::one()});
    int scale = w.access(dtype, false, {Coef::zero(), Coef::one()});
    int o = w.access(dtype, true, {Coef::at(1), Coef::one()});
    int mean_out = w.access(dtype, true, {Coef::one(), Coef::zero()});
    w.begin(Kind::over);
    Reg sum = w.reduce("add", dtype, w.load(x));
    w.begin(Kind::once);
    Reg n = w.op(Op::convert, dtype, {w.param(1)}, {{"dtype", dtype}});
    Reg mean = w.op(Op::div, dtype, {sum, n});
    w.store(mean_out, mean);
    w.begin(Kind::over);
    Reg centered = w.op(Op::sub, dtype, {w.load(x), mean});
    Reg squares = w.reduce("add", dtype, w.op(Op::mul, dtype, {centered, centered}));
    w.begin(Kind::once);
    Reg deviation = w.op(Op::sqrt, dtype, {w.op(Op::div, dtype, {squares, n})});
    w.begin(Kind::over);
    Reg again = w.op(Op::sub, dtype, {w.load(x), mean});
    Reg normal = w.op(Op::div, dtype, {again, deviation});
    w.store(o, w.op(Op::mul, dtype, {normal, w.load(scale)}));
    CheckedKernel kernel(w.kernel());
    for (std::int64_t size : {1, 16, 33, 100, 1000}) {
      auto count = static_cast<std::size_t>(4 * size);
      kernel.run({4, size}, {moderate_values(dtype, count),
                             test_values(dtype, static_cast<std::size_t>(size), 2),
                             TestArray(dtype, count), TestArray(dtype, 4)});
    }
  }
}

TEST_CASE("a class picks its column, wherever it is") {
  for (const char* direction : {"eq", "ne"}) {
    KernelWriter w(1, true, Lanes::along);
    int x = w.access(DType::f32, false, {Coef::at(1), Coef::one()});
    int label = w.access(DType::i64, false, {Coef::one(), Coef::zero()});
    int o = w.access(DType::f32, true, {Coef::one(), Coef::zero()});
    int masked = w.access(DType::f32, true, {Coef::at(1), Coef::one()});
    w.begin(Kind::over);
    Reg column = w.index({Coef::zero(), Coef::one()});
    Reg here = w.op(Op::compare, DType::boolean, {column, w.load(label)},
                    {{"direction", std::string(direction)}});
    Reg picked = w.op(Op::select, DType::f32, {here, w.load(x), w.constant(DType::f32, 0)});
    w.store(masked, picked);
    Reg sum = w.reduce("add", DType::f32, picked);
    w.begin(Kind::once);
    w.store(o, sum);
    CheckedKernel kernel(w.kernel());
    constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
    for (std::int64_t n : {1, 16, 33, 64, 100}) {
      const std::vector<std::int64_t> labels = {0, n - 1, n / 2, n, -1, lowest, ~lowest};
      auto count = static_cast<std::size_t>(n) * labels.size();
      kernel.run({static_cast<std::int64_t>(labels.size()), n},
                 {moderate_values(DType::f32, count), TestArray::of(labels),
                  TestArray(DType::f32, labels.size()), TestArray(DType::f32, count)});
    }
  }
}

TEST_CASE("several reductions of different dtypes share one pass") {
  // the largest value, where it stands first, how many ties, whether all are finite
  KernelWriter w(1, true, Lanes::along);
  int x = w.access(DType::f32, false, {Coef::at(1), Coef::one()});
  int where = w.access(DType::i64, true, {Coef::one(), Coef::zero()});
  int ties = w.access(DType::i32, true, {Coef::one(), Coef::zero()});
  int finite = w.access(DType::boolean, true, {Coef::one(), Coef::zero()});
  auto compare = [&](Reg a, Reg b) {
    return w.op(Op::compare, DType::boolean, {a, b}, {{"direction", std::string("eq")}});
  };
  w.begin(Kind::over);
  Reg value = w.load(x);
  Reg high = w.reduce("max", DType::f32, value);
  Reg all_finite = w.reduce("and", DType::boolean, w.op(Op::is_finite, DType::boolean, {value}));
  w.begin(Kind::over);
  Reg is_high = compare(w.load(x), high);
  Reg index = w.index({Coef::zero(), Coef::one()});
  Reg far = w.constant(DType::i64, 1000000);
  Reg first = w.reduce("min", DType::i64, w.op(Op::select, DType::i64, {is_high, index, far}));
  Reg one = w.op(Op::convert, DType::i32, {is_high}, {{"dtype", DType::i32}});
  Reg count = w.reduce("add", DType::i32, one);
  w.begin(Kind::once);
  w.store(where, first);
  w.store(ties, count);
  w.store(finite, all_finite);
  CheckedKernel kernel(w.kernel());
  for (std::int64_t n : {1, 31, 64, 77})
    kernel.run({5, n},
               {test_values(DType::f32, static_cast<std::size_t>(5 * n), 6),
                TestArray(DType::i64, 5), TestArray(DType::i32, 5), TestArray(DType::boolean, 5)});
}

TEST_CASE("a kept bool and a kept f64 survive in the row scratch") {
  KernelWriter w(1, true, Lanes::along);
  int x = w.access(DType::f32, false, {Coef::at(1), Coef::one()});
  int o = w.access(DType::f64, true, {Coef::at(1), Coef::one()});
  w.begin(Kind::over);
  Reg value = w.load(x);
  Reg positive = w.op(Op::compare, DType::boolean, {value, w.constant(DType::f32, 0)},
                      {{"direction", std::string("gt")}});
  Reg wide = w.op(Op::convert, DType::f64, {value}, {{"dtype", DType::f64}});
  Reg sum = w.reduce("add", DType::f64, wide);
  w.keep(positive);
  w.keep(wide);
  w.begin(Kind::over);
  Reg less = w.op(Op::sub, DType::f64, {wide, sum});
  w.store(o, w.op(Op::select, DType::f64, {positive, less, wide}));
  CheckedKernel kernel(w.kernel());
  for (std::int64_t n : {1, 16, 50, 129}) {
    auto count = static_cast<std::size_t>(2 * n);
    kernel.run({2, n}, {test_values(DType::f32, count), TestArray(DType::f64, count)});
  }
}

TEST_CASE("a reduction of everything has no parallel axis") {
  KernelWriter w(0, true, Lanes::along);
  int x = w.access(DType::f32, false, {Coef::one()}),
      o = w.access(DType::f32, true, {Coef::zero()});
  w.begin(Kind::over);
  Reg sum = w.reduce("add", DType::f32, w.load(x));
  w.begin(Kind::once);
  w.store(o, sum);
  CheckedKernel kernel(w.kernel());
  for (std::int64_t n : {0, 1, 100, 65536})
    kernel.run(
        {n}, {moderate_values(DType::f32, static_cast<std::size_t>(n)), TestArray(DType::f32, 1)});
}

TEST_CASE("rows with strides, gathers and scatters along the lanes") {
  // o[i, j] = x[i, reversed j] + table[index[j]]; count[index[j]] += 1 in the order of j
  KernelWriter w(1, true, Lanes::along);
  int last = w.add_param(), minus_one = w.add_param();
  int x = w.access(DType::f32, false, {Coef::at(1), Coef::at(minus_one)});
  int table = w.access(DType::f32, false, {Coef::zero(), Coef::zero()});
  int indices = w.access(DType::i64, false, {Coef::zero(), Coef::one()});
  int o = w.access(DType::f32, true, {Coef::at(1), Coef::one()});
  int history = w.access(DType::f32, true, {Coef::zero(), Coef::zero()});
  w.begin(Kind::over);
  Reg index = w.load(indices);
  Reg value = w.load(x, -1, {{w.param(last), Coef::one()}});
  Reg sum = w.op(Op::add, DType::f32, {value, w.load(table, -1, {{index, Coef::one()}})});
  w.store(o, sum);
  w.update("add", history, value, -1, {{index, Coef::one()}});
  CheckedKernel kernel(w.kernel());
  for (std::int64_t n : {1, 16, 45}) {
    std::vector<std::int64_t> where;
    for (std::int64_t k = 0; k < n; ++k) where.push_back(k * k % 7);
    auto count = static_cast<std::size_t>(2 * n);
    kernel.run({2, n, n - 1, -1},
               {test_values(DType::f32, count), test_values(DType::f32, 7, 2), TestArray::of(where),
                TestArray(DType::f32, count), test_values(DType::f32, 7, 8)});
  }
}

TEST_CASE("a masked load in a row pads it") {
  // sum over j of x[i, j] where j < length[i]
  KernelWriter w(1, true, Lanes::along);
  int x = w.access(DType::f32, false, {Coef::at(1), Coef::one()});
  int length = w.access(DType::i64, false, {Coef::one(), Coef::zero()});
  int o = w.access(DType::f32, true, {Coef::one(), Coef::zero()});
  w.begin(Kind::over);
  Reg inside =
      w.op(Op::compare, DType::boolean, {w.index({Coef::zero(), Coef::one()}), w.load(length)},
           {{"direction", std::string("lt")}});
  Reg sum = w.reduce("add", DType::f32, w.load(x, inside));
  w.begin(Kind::once);
  w.store(o, sum);
  CheckedKernel kernel(w.kernel());
  for (std::int64_t n : {1, 40, 90})
    kernel.run({3, n}, {moderate_values(DType::f32, static_cast<std::size_t>(3 * n)),
                        TestArray::of<std::int64_t>({0, n / 2, n}), TestArray(DType::f32, 3)});
}

}  // namespace
}  // namespace weft::codegen
