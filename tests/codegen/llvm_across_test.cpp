// Kernels with lanes on the last parallel axis, compiled, against the interpreter of kernels.
#include "llvm_check.h"

namespace weft::codegen {
namespace {

using Kind = Section::Kind;
using ir::Op;

constexpr DType all_dtypes[] = {DType::boolean, DType::i32, DType::i64, DType::u32,
                                DType::u64,     DType::f32, DType::f64};

// o[i] = x[i] * y + z[i * stride], with y one element.
Kernel scaled_sum(DType dtype) {
  KernelWriter w(1, false);
  int stride = w.add_param();
  int x = w.access(dtype, false, {Coef::one()});
  int y = w.access(dtype, false, {Coef::zero()});
  int z = w.access(dtype, false, {Coef::at(stride)});
  int o = w.access(dtype, true, {Coef::one()});
  w.begin(Kind::once);
  Reg product = w.op(Op::mul, dtype, {w.load(x), w.load(y)});
  w.store(o, w.op(Op::add, dtype, {product, w.load(z)}));
  return w.kernel();
}

TEST_CASE("an elementwise kernel is right at every size with broadcasts and strides") {
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::u64}) {
    CheckedKernel kernel(scaled_sum(dtype));
    for (std::int64_t n = 0; n <= 70; n += n < 36 || n > 60 ? 1 : 7)
      for (std::int64_t stride : {0, 1, 3}) {
        auto count = static_cast<std::size_t>(n);
        kernel.run({n, stride}, {test_values(dtype, count), test_values(dtype, 1, 2),
                                 test_values(dtype, count * 3 + 1, 3), TestArray(dtype, count)});
      }
  }
}

TEST_CASE("a copy of every dtype is right at sizes around vectors and tiles, streaming or not") {
  for (DType dtype : all_dtypes) {
    KernelWriter w(1, false);
    int x = w.access(dtype, false, {Coef::one()});
    int o = w.access(dtype, true, {Coef::one()});
    w.begin(Kind::once);
    w.store(o, w.load(x));
    for (bool streaming : {false, true}) {
      Kernel copy = w.kernel();
      copy.streaming = streaming;
      CheckedKernel kernel(copy);
      for (std::int64_t n : {0, 1, 7, 8, 15, 16, 17, 31, 63, 64, 65, 4095, 4096, 4097, 12345}) {
        auto count = static_cast<std::size_t>(n);
        kernel.run({n}, {test_values(dtype, count), TestArray(dtype, count)});
      }
    }
  }
}

TEST_CASE("outer axes run row-major with their own strides") {
  // o[i, j, k] = x[i, k] - y[j] over strided x
  KernelWriter w(3, false);
  int x_stride = w.add_param(), o_i = w.add_param(), o_j = w.add_param();
  int x = w.access(DType::f32, false, {Coef::at(x_stride), Coef::zero(), Coef::one()});
  int y = w.access(DType::f32, false, {Coef::zero(), Coef::one(), Coef::zero()});
  int o = w.access(DType::f32, true, {Coef::at(o_i), Coef::at(o_j), Coef::one()});
  w.begin(Kind::once);
  w.store(o, w.op(Op::sub, DType::f32, {w.load(x), w.load(y)}));
  CheckedKernel kernel(w.kernel());
  struct Sizes {
    std::int64_t i, j, k;
  };
  for (auto [i, j, k] : {Sizes{3, 4, 5},
                         {1, 1, 100},
                         {5, 1, 64},
                         {2, 7, 4100},
                         {0, 3, 4},
                         {3, 0, 4},
                         {3, 4, 0},
                         {2, 2, 16}}) {
    auto total = static_cast<std::size_t>(i * j * k);
    kernel.run(
        {i, j, k, k + 2, j * k, k},
        {test_values(DType::f32, static_cast<std::size_t>(i * (k + 2))),
         test_values(DType::f32, static_cast<std::size_t>(j), 2), TestArray(DType::f32, total)});
  }
}

TEST_CASE("an output may be the memory of an input") {
  CheckedKernel kernel(scaled_sum(DType::f32));
  for (std::int64_t n : {1, 15, 16, 100, 5000}) {
    auto count = static_cast<std::size_t>(n);
    kernel.run({n, 1}, {test_values(DType::f32, count), test_values(DType::f32, 1, 2)},
               {0, 1, 0, 0});
  }
}

TEST_CASE("a load under a mask gives zero and touches no memory where the mask is off") {
  // pad: o[i] = low <= i < high ? x[i - low] : 0; x has nothing around its elements
  for (DType dtype : all_dtypes)
    for (bool strided : {false, true}) {
      KernelWriter w(1, false);
      int low = w.add_param(), high = w.add_param(), start = w.add_param();
      int stride = w.add_param();
      int x = w.access(dtype, false, {strided ? Coef::at(stride) : Coef::one()});
      int o = w.access(dtype, true, {Coef::one()});
      w.begin(Kind::once);
      Reg i = w.index({Coef::one()});
      auto compare = [&](Reg a, Reg b, const char* direction) {
        return w.op(Op::compare, DType::boolean, {a, b}, {{"direction", std::string(direction)}});
      };
      Reg inside = w.op(Op::and_, DType::boolean,
                        {compare(i, w.param(low), "ge"), compare(i, w.param(high), "lt")});
      w.store(o, w.load(x, inside, {{w.param(start), strided ? Coef::at(stride) : Coef::one()}}));
      CheckedKernel kernel(w.kernel());
      for (std::int64_t n : {1, 40, 100})
        for (std::int64_t from : {0, 3, 35})
          for (std::int64_t size : {0, 1, 5, 50}) {
            kernel.run({n, from, from + size, -from, 2},
                       {test_values(dtype, static_cast<std::size_t>(size) * 2),
                        TestArray(dtype, static_cast<std::size_t>(n))});
          }
    }
}

TEST_CASE("an index compares right with numbers of every size") {
  // o[i, j] = (j + start) compared with y[i], z[i] and 3 in all directions
  for (bool one : {true, false}) {
    KernelWriter w(2, false);
    int start = w.add_param(), step = w.add_param();
    int y = w.access(DType::i64, false, {Coef::one(), Coef::zero()});
    int o = w.access(DType::i32, true, {Coef::at(1), Coef::one()});
    w.begin(Kind::once);
    Reg index = w.index({Coef::zero(), one ? Coef::one() : Coef::at(step)}, start);
    Reg bits = w.constant(DType::i32, 0);
    for (Reg number : {w.load(y), w.constant(DType::i64, 3), w.constant(DType::i64, 0), w.param(1)})
      for (bool swapped : {false, true})
        for (const char* direction : {"lt", "le", "gt", "ge", "eq", "ne"}) {
          Reg is = w.op(Op::compare, DType::boolean,
                        {swapped ? number : index, swapped ? index : number},
                        {{"direction", std::string(direction)}});
          Reg bit = w.op(Op::convert, DType::i32, {is}, {{"dtype", DType::i32}});
          bits = w.op(Op::add, DType::i32, {w.op(Op::add, DType::i32, {bits, bits}), bit});
        }
    w.store(o, bits);
    CheckedKernel kernel(w.kernel());
    constexpr std::int64_t low = INT64_MIN, high = INT64_MAX;
    std::vector<std::int64_t> numbers = {low, low + 1, -17, -1, 0,        1,
                                         15,  16,      17,  40, high - 1, high};
    for (std::int64_t first : {-20, 0, 5, 1000})
      for (std::int64_t n : {1, 16, 50}) {
        auto rows = static_cast<std::int64_t>(numbers.size());
        kernel.run(
            {rows, n, first, -2},
            {TestArray::of(numbers), TestArray(DType::i32, static_cast<std::size_t>(rows * n))});
      }
  }
}

TEST_CASE("a mask that all lanes share keeps a load from memory") {
  // rows of a concatenation: o[i, j] = i < rows ? x[i, j] + x[i, 0] : 0
  for (DType dtype : {DType::f32, DType::boolean}) {
    KernelWriter w(2, false);
    int rows = w.add_param();
    int x = w.access(dtype, false, {Coef::at(1), Coef::one()});
    int first = w.access(dtype, false, {Coef::at(1), Coef::zero()});
    int o = w.access(dtype, true, {Coef::at(1), Coef::one()});
    w.begin(Kind::once);
    Reg i = w.index({Coef::one(), Coef::zero()});
    Reg inside =
        w.op(Op::compare, DType::boolean, {i, w.param(rows)}, {{"direction", std::string("lt")}});
    Op both = is_bool(dtype) ? Op::xor_ : Op::add;
    w.store(o, w.op(both, dtype, {w.load(x, inside), w.load(first, inside)}));
    CheckedKernel kernel(w.kernel());
    for (std::int64_t n : {3, 16, 50})
      kernel.run({4, n, 2},
                 {test_values(dtype, static_cast<std::size_t>(2 * n)),
                  test_values(dtype, static_cast<std::size_t>(2 * n), 2),
                  TestArray(dtype, static_cast<std::size_t>(4 * n))},
                 {0, 0, 2});
  }
}

TEST_CASE("a store under a mask leaves the rest alone") {
  for (DType dtype : all_dtypes) {
    KernelWriter w(1, false);
    int x = w.access(dtype, false, {Coef::one()});
    int m = w.access(DType::boolean, false, {Coef::one()});
    int o = w.access(dtype, true, {Coef::one()});
    w.begin(Kind::once);
    w.store(o, w.load(x), w.load(m));
    CheckedKernel kernel(w.kernel());
    for (std::int64_t n : {1, 16, 47, 100}) {
      auto count = static_cast<std::size_t>(n);
      kernel.run({n}, {test_values(dtype, count), test_values(DType::boolean, count, 5),
                       TestArray(dtype, count)});
    }
  }
}

// o[i] = table[clamp(indices[i]) * stride]
TEST_CASE("a gather reads where indices say") {
  for (DType dtype : all_dtypes) {
    KernelWriter w(1, false);
    int table_size = w.add_param(), stride = w.add_param();
    int table = w.access(dtype, false, {Coef::zero()});
    int indices = w.access(DType::i32, false, {Coef::one()});
    int o = w.access(dtype, true, {Coef::one()});
    w.begin(Kind::once);
    Reg index = w.op(Op::convert, DType::i64, {w.load(indices)}, {{"dtype", DType::i64}});
    Reg last = w.op(Op::sub, DType::i64, {w.param(table_size), w.constant(DType::i64, 1)});
    Reg clamped = w.op(Op::clamp, DType::i64, {w.constant(DType::i64, 0), index, last});
    w.store(o, w.load(table, -1, {{clamped, Coef::at(stride)}}));
    CheckedKernel kernel(w.kernel());
    for (std::int64_t n : {1, 13, 16, 64, 99})
      kernel.run({n, 10, 3},
                 {test_values(dtype, 28), test_values(DType::i32, static_cast<std::size_t>(n)),
                  TestArray(dtype, static_cast<std::size_t>(n))});
  }
}

TEST_CASE("a reversed load runs backwards") {
  for (DType dtype : {DType::boolean, DType::f32, DType::i64}) {
    KernelWriter w(1, false);
    int last = w.add_param(), minus_one = w.add_param();
    int x = w.access(dtype, false, {Coef::zero()});
    int y = w.access(dtype, false, {Coef::at(minus_one)});
    int o = w.access(dtype, true, {Coef::one()}), p = w.access(dtype, true, {Coef::one()});
    w.begin(Kind::once);
    w.store(o, w.load(x, -1, {{w.index({Coef::at(minus_one)}, last), Coef::one()}}));
    w.store(p, w.load(y, -1, {{w.param(last), Coef::one()}}));
    CheckedKernel kernel(w.kernel());
    for (std::int64_t n : {1, 16, 41}) {
      auto count = static_cast<std::size_t>(n);
      kernel.run({n, n - 1, -1},
                 {test_values(dtype, count), TestArray(dtype, count), TestArray(dtype, count)},
                 {0, 0, 1, 2});
    }
  }
}

TEST_CASE("updates of one element from several lanes happen in order") {
  // o[clamp(index[i])] op= x[i], all in one vector's lanes
  for (const char* monoid : {"add", "mul", "max", "set"})
    for (DType dtype : {DType::f32, DType::i64}) {
      KernelWriter w(1, false);
      int table = w.access(dtype, true, {Coef::zero()});
      int indices = w.access(DType::i64, false, {Coef::one()});
      int x = w.access(dtype, false, {Coef::one()});
      int count = w.access(DType::i64, true, {Coef::zero()});
      w.begin(Kind::once);
      w.update(monoid, table, w.load(x), -1, {{w.load(indices), Coef::one()}});
      w.update("add", count, w.constant(DType::i64, 1));
      CheckedKernel kernel(w.kernel());
      for (std::int64_t n : {1, 16, 70}) {
        std::vector<std::int64_t> where;
        for (std::int64_t k = 0; k < n; ++k) where.push_back(k * k % 5);
        kernel.run({n}, {test_values(dtype, 5), TestArray::of(where),
                         test_values(dtype, static_cast<std::size_t>(n), 3),
                         TestArray::of<std::int64_t>({7})});
      }
    }
}

TEST_CASE("scattered rows add up in the order of the row axis") {
  // o[index[j], i] += x[j, i], masked by m[j]
  for (DType dtype : {DType::f32, DType::f64, DType::i32}) {
    KernelWriter w(1, true);
    int o = w.access(dtype, true, {Coef::one(), Coef::zero()});
    int indices = w.access(DType::i64, false, {Coef::zero(), Coef::one()});
    int m = w.access(DType::boolean, false, {Coef::zero(), Coef::one()});
    int x = w.access(dtype, false, {Coef::one(), Coef::at(0)});
    w.begin(Kind::over);
    w.update("add", o, w.load(x), w.load(m), {{w.load(indices), Coef::at(0)}});
    CheckedKernel kernel(w.kernel());
    for (std::int64_t n : {1, 30, 64, 100}) {
      std::vector<std::int64_t> where = {2, 0, 2, 1, 1, 2, 0};
      auto rows = static_cast<std::int64_t>(where.size());
      kernel.run({n, rows}, {test_values(dtype, static_cast<std::size_t>(3 * n)),
                             TestArray::of(where), test_values(DType::boolean, where.size(), 4),
                             test_values(dtype, static_cast<std::size_t>(rows * n), 3)});
    }
  }
}

TEST_CASE("sums of columns take rows in order, for every monoid and dtype") {
  for (DType dtype : all_dtypes)
    for (const char* monoid : {"add", "mul", "max", "min", "and", "or"}) {
      bool logical = std::string(monoid) == "and" || std::string(monoid) == "or";
      if (logical ? is_float(dtype) : is_bool(dtype)) continue;
      KernelWriter w(1, true);
      int x = w.access(dtype, false, {Coef::one(), Coef::at(0)});
      int o = w.access(dtype, true, {Coef::one(), Coef::zero()});
      w.begin(Kind::over);
      Reg sum = w.reduce(monoid, dtype, w.load(x));
      w.begin(Kind::once);
      w.store(o, sum);
      CheckedKernel kernel(w.kernel());
      for (std::int64_t n : {1, 16, 64, 77, 130, 1100})
        for (std::int64_t rows : {0, 1, 9, 17})
          kernel.run({n, rows}, {test_values(dtype, static_cast<std::size_t>(n * rows)),
                                 TestArray(dtype, static_cast<std::size_t>(n))});
    }
}

TEST_CASE("scans of columns take rows in order, from either end, for every monoid and dtype") {
  for (DType dtype : all_dtypes)
    for (const char* monoid : {"add", "mul", "max", "min", "and", "or"}) {
      bool logical = std::string(monoid) == "and" || std::string(monoid) == "or";
      if (logical ? is_float(dtype) : is_bool(dtype)) continue;
      KernelWriter w(1, true);
      int x = w.access(dtype, false, {Coef::one(), Coef::at(0)});
      int o = w.access(dtype, true, {Coef::one(), Coef::at(0)});
      w.begin(Kind::over);
      w.store(o, w.scan(monoid, dtype, w.load(x)));
      CHECK(w.kernel().sums_columns());
      CheckedKernel kernel(w.kernel());
      for (std::int64_t n : {1, 16, 64, 77, 130, 1100})
        for (std::int64_t rows : {0, 1, 9, 17}) {
          auto count = static_cast<std::size_t>(n * rows);
          kernel.run({n, rows}, {test_values(dtype, count), TestArray(dtype, count)});
        }
    }
}

TEST_CASE("scans of columns are kept and feed reductions") {
  for (DType dtype : {DType::f32, DType::f64}) {
    KernelWriter w(1, true);
    int x = w.access(dtype, false, {Coef::one(), Coef::at(0)});
    int o = w.access(dtype, true, {Coef::one(), Coef::at(0)});
    w.begin(Kind::over);
    Reg value = w.load(x);
    Reg s = w.scan("add", dtype, value), most = w.reduce("max", dtype, s);
    Reg least = w.scan("min", dtype, value);
    w.keep(s);
    w.begin(Kind::over);
    w.store(o, w.op(Op::sub, dtype, {s, most}));
    CHECK(!w.kernel().sums_columns());
    CHECK(least > s);
    CheckedKernel kernel(w.kernel());
    for (std::int64_t n : {1, 16, 77, 130})
      for (std::int64_t rows : {0, 1, 17}) {
        auto count = static_cast<std::size_t>(n * rows);
        kernel.run({n, rows}, {test_values(dtype, count), TestArray(dtype, count)});
      }
  }
}

TEST_CASE("sums of columns read values of the column and feed what follows") {
  // per column i of block b: s = sum over j of (x[b, j, i] - c[i])^2, m = min of them;
  // o[b, i] = s / m + c[i]; p[b, i] = m
  for (DType dtype : {DType::f32, DType::f64}) {
    KernelWriter w(2, true);
    int block = w.add_param();
    int x = w.access(dtype, false, {Coef::at(block), Coef::one(), Coef::at(1)});
    int c = w.access(dtype, false, {Coef::zero(), Coef::one(), Coef::zero()});
    int o = w.access(dtype, true, {Coef::at(1), Coef::one(), Coef::zero()});
    int p = w.access(dtype, true, {Coef::at(1), Coef::one(), Coef::zero()});
    w.begin(Kind::once);
    Reg center = w.load(c);
    w.begin(Kind::over);
    Reg d = w.op(Op::sub, dtype, {w.load(x), center});
    Reg square = w.op(Op::mul, dtype, {d, d});
    Reg sum = w.reduce("add", dtype, square), least = w.reduce("min", dtype, square);
    w.begin(Kind::once);
    w.store(o, w.op(Op::add, dtype, {w.op(Op::div, dtype, {sum, least}), center}));
    w.store(p, least);
    CHECK(w.kernel().sums_columns());
    CheckedKernel kernel(w.kernel());
    for (std::int64_t n : {0, 1, 15, 100, 2049, 4200})
      for (std::int64_t rows : {0, 3, 11})
        for (std::int64_t blocks : {1, 9}) {
          auto count = static_cast<std::size_t>(n * blocks);
          kernel.run({blocks, n, rows, n * rows},
                     {test_values(dtype, count * static_cast<std::size_t>(rows)),
                      test_values(dtype, static_cast<std::size_t>(n), 2), TestArray(dtype, count),
                      TestArray(dtype, count)});
        }
  }
}

TEST_CASE("softmax over an outer axis keeps its exponentials") {
  KernelWriter w(2, true);
  int stride = w.add_param();
  std::vector<Coef> strides = {Coef::at(stride), Coef::one(), Coef::at(1)};
  int x = w.access(DType::f32, false, strides), o = w.access(DType::f32, true, strides);
  w.begin(Kind::over);
  Reg high = w.reduce("max", DType::f32, w.load(x));
  w.begin(Kind::over);
  Reg e = w.op(Op::exp, DType::f32, {w.op(Op::sub, DType::f32, {w.load(x), high})});
  Reg big = w.op(Op::compare, DType::boolean, {e, w.constant(DType::f32, 0x3f000000)},
                 {{"direction", std::string("gt")}});
  Reg sum = w.reduce("add", DType::f32, e);
  w.keep(e);
  w.keep(big);
  w.begin(Kind::once);
  Reg inverse = w.op(Op::div, DType::f32, {w.constant(DType::f32, 0x3f800000), sum});
  w.begin(Kind::over);
  Reg scaled = w.op(Op::mul, DType::f32, {e, inverse});
  w.store(o, w.op(Op::select, DType::f32, {big, scaled, w.op(Op::neg, DType::f32, {scaled})}));
  CheckedKernel kernel(w.kernel());
  for (std::int64_t n : {1, 16, 63, 64, 100, 200}) {
    std::int64_t rows = 11;
    auto count = static_cast<std::size_t>(3 * n * rows);
    TestArray values = test_values(DType::f32, count);
    for (std::size_t k = 0; k < count; ++k)
      if (k % 7 != 3) values.at<float>(k) = static_cast<float>(k % 19) - 9;
    kernel.run({3, n, rows, n * rows}, {values, TestArray(DType::f32, count)});
  }
}

TEST_CASE("a long body goes one masked vector at a time and gives the same") {
  KernelWriter w(1, false);
  int x = w.access(DType::f32, false, {Coef::one()});
  int o = w.access(DType::f32, true, {Coef::one()});
  int p = w.access(DType::boolean, true, {Coef::one()});
  w.begin(Kind::once);
  Reg value = w.load(x);
  for (Op op : {Op::exp, Op::log, Op::tanh, Op::sin}) value = w.op(op, DType::f32, {value});
  w.store(o, value);
  w.store(p, w.op(Op::is_finite, DType::boolean, {value}));
  CheckedKernel kernel(w.kernel());
  for (std::int64_t n = 0; n < 40; ++n) {
    auto count = static_cast<std::size_t>(n);
    kernel.run({n}, {test_values(DType::f32, count, 9), TestArray(DType::f32, count),
                     TestArray(DType::boolean, count)});
  }
}

TEST_CASE("values of one section are read in the next without a row axis") {
  KernelWriter w(1, false);
  int x = w.access(DType::f64, false, {Coef::one()}),
      y = w.access(DType::f64, false, {Coef::zero()});
  int o = w.access(DType::f64, true, {Coef::one()}), p = w.access(DType::f64, true, {Coef::one()});
  w.begin(Kind::once);
  Reg a = w.load(x), b = w.load(y);
  w.store(o, w.op(Op::add, DType::f64, {a, b}));
  w.begin(Kind::once);
  w.store(p, w.op(Op::mul, DType::f64, {a, b}));
  CheckedKernel kernel(w.kernel());
  for (std::int64_t n : {1, 30, 64, 5000}) {
    auto count = static_cast<std::size_t>(n);
    kernel.run({n}, {test_values(DType::f64, count), test_values(DType::f64, 1, 2),
                     TestArray(DType::f64, count), TestArray(DType::f64, count)});
  }
}

}  // namespace
}  // namespace weft::codegen
