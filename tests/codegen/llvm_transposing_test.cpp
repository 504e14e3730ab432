// Elementwise kernels with arrays that lie side by side along another axis than the lanes,
// compiled, against the interpreter of kernels.
#include "llvm_check.h"

namespace weft::codegen {
namespace {

using Kind = Section::Kind;
using ir::Op;

constexpr DType all_dtypes[] = {DType::boolean, DType::i32, DType::i64, DType::u32,
                                DType::u64,     DType::f32, DType::f64};

// o[i, j] = x[j, i], each a part of something larger. Parameters: sizes, row lengths of x and o.
Kernel transposition(DType dtype, bool streaming) {
  KernelWriter w(2, false);
  int x_row = w.add_param(), o_row = w.add_param();
  int x = w.access(dtype, false, {Coef::one(), Coef::at(x_row)});
  int o = w.access(dtype, true, {Coef::at(o_row), Coef::one()});
  w.begin(Kind::once);
  w.store(o, w.load(x));
  Kernel kernel = w.kernel();
  kernel.streaming = streaming;
  return kernel;
}

// Rows are longer than what is used of them, so what is beyond must stay as it was.
void check_transposition(const CheckedKernel& kernel, DType dtype, std::int64_t m, std::int64_t n,
                         std::int64_t more) {
  std::int64_t x_row = m + more, o_row = n + more;
  kernel.run({m, n, x_row, o_row}, {test_values(dtype, static_cast<std::size_t>(n * x_row)),
                                    TestArray(dtype, static_cast<std::size_t>(m * o_row))});
}

TEST_CASE("a transposition is right at every small size") {
  for (DType dtype : {DType::f32, DType::f64}) {
    CheckedKernel kernel(transposition(dtype, false));
    for (std::int64_t m = 1; m <= 40; ++m)
      for (std::int64_t n = 1; n <= 40; ++n) check_transposition(kernel, dtype, m, n, (m + n) % 3);
  }
}

TEST_CASE("a transposition of every dtype is right at the edges of blocks, streaming or not") {
  for (DType dtype : all_dtypes)
    for (bool streaming : {false, true}) {
      CheckedKernel kernel(transposition(dtype, streaming));
      for (std::int64_t m : {0, 1, 3, 8, 16, 17, 40})
        for (std::int64_t n : {0, 1, 2, 15, 16, 31, 64, 65, 100})
          for (std::int64_t more : {0, 7}) check_transposition(kernel, dtype, m, n, more);
    }
}

TEST_CASE("a transposition is right around tiles and chunks") {
  for (bool streaming : {false, true}) {
    CheckedKernel kernel(transposition(DType::f32, streaming));
    for (auto [m, n] : {std::pair{255, 70}, {256, 64}, {257, 33}, {600, 40}, {20, 4160}, {3, 8200}})
      check_transposition(kernel, DType::f32, m, n, 0);
  }
}

TEST_CASE("arrays turned along different axes meet in one kernel") {
  // o[i, j, k] = x[k, i, j] + y[j, k, i] * z[i, j, k] - b[k] * c[i]: x lies near j, y near i
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::boolean}) {
    KernelWriter w(3, false);
    int ij = w.add_param(), ki = w.add_param(), jk = w.add_param();
    int x = w.access(dtype, false, {Coef::at(1), Coef::one(), Coef::at(ij)});
    int y = w.access(dtype, false, {Coef::one(), Coef::at(ki), Coef::at(0)});
    int z = w.access(dtype, false, {Coef::at(jk), Coef::at(2), Coef::one()});
    int b = w.access(dtype, false, {Coef::zero(), Coef::zero(), Coef::one()});
    int c = w.access(dtype, false, {Coef::one(), Coef::zero(), Coef::zero()});
    int o = w.access(dtype, true, {Coef::at(jk), Coef::at(2), Coef::one()});
    w.begin(Kind::once);
    bool logical = is_bool(dtype);
    Op times = logical ? Op::and_ : Op::mul, plus = logical ? Op::xor_ : Op::add;
    Reg product = w.op(times, dtype, {w.load(y), w.load(z)});
    Reg sum = w.op(plus, dtype, {w.load(x), product});
    w.store(o, w.op(logical ? plus : Op::sub, dtype,
                    {sum, w.op(times, dtype, {w.load(b), w.load(c)})}));
    CheckedKernel kernel(w.kernel());
    struct Sizes {
      std::int64_t i, j, k;
    };
    for (auto [i, j, k] : {Sizes{1, 1, 1},
                           {2, 16, 16},
                           {2, 35, 18},
                           {3, 7, 50},
                           {40, 3, 37},
                           {1, 33, 4100},
                           {0, 3, 4},
                           {3, 0, 4},
                           {3, 4, 0}}) {
      auto total = static_cast<std::size_t>(i * j * k);
      auto row = static_cast<std::size_t>(k), column = static_cast<std::size_t>(i);
      kernel.run(
          {i, j, k, i * j, k * i, j * k},
          {test_values(dtype, total), test_values(dtype, total, 2), test_values(dtype, total, 3),
           test_values(dtype, row, 4), test_values(dtype, column, 5), TestArray(dtype, total)});
    }
  }
}

// o[i, j] = y[j, i] = x[i, j]: y is written across the lanes.
Kernel two_copies(DType dtype, bool streaming) {
  KernelWriter w(2, false);
  int x = w.access(dtype, false, {Coef::at(1), Coef::one()});
  int o = w.access(dtype, true, {Coef::at(1), Coef::one()});
  int y = w.access(dtype, true, {Coef::one(), Coef::at(0)});
  w.begin(Kind::once);
  Reg value = w.load(x);
  w.store(o, value);
  w.store(y, value);
  Kernel kernel = w.kernel();
  kernel.streaming = streaming;
  return kernel;
}

TEST_CASE("results written across the lanes are turned, too") {
  for (DType dtype : all_dtypes)
    for (bool streaming : {false, true}) {
      CheckedKernel kernel(two_copies(dtype, streaming));
      for (std::int64_t m : {1, 5, 16, 33, 48})
        for (std::int64_t n : {1, 4, 16, 37, 64, 70}) {
          auto count = static_cast<std::size_t>(m * n);
          kernel.run({m, n},
                     {test_values(dtype, count), TestArray(dtype, count), TestArray(dtype, count)});
        }
    }
}

TEST_CASE("a turned result may be the memory of an operand turned alike") {
  KernelWriter w(2, false);
  int x = w.access(DType::f32, false, {Coef::one(), Coef::at(0)});
  int z = w.access(DType::f32, false, {Coef::at(1), Coef::one()});
  int o = w.access(DType::f32, true, {Coef::one(), Coef::at(0)});
  int p = w.access(DType::f32, true, {Coef::at(1), Coef::one()});
  w.begin(Kind::once);
  Reg difference = w.op(Op::sub, DType::f32, {w.load(x), w.load(z)});
  w.store(o, difference);
  w.store(p, difference);
  CheckedKernel kernel(w.kernel());
  for (std::int64_t m : {1, 7, 16, 50})
    for (std::int64_t n : {1, 16, 35, 64}) {
      auto count = static_cast<std::size_t>(m * n);
      kernel.run({m, n}, {test_values(DType::f32, count), test_values(DType::f32, count, 2)},
                 {0, 1, 0, 1});
    }
}

TEST_CASE("a long body and a mixture of dtypes run on turned operands") {
  // o[i, j] = tanh(exp(x[j, i])) where b[j, i], else y[i, j] as f32
  KernelWriter w(2, false);
  int x = w.access(DType::f32, false, {Coef::one(), Coef::at(0)});
  int b = w.access(DType::boolean, false, {Coef::one(), Coef::at(0)});
  int y = w.access(DType::f64, false, {Coef::at(1), Coef::one()});
  int o = w.access(DType::f32, true, {Coef::at(1), Coef::one()});
  w.begin(Kind::once);
  Reg value = w.op(Op::tanh, DType::f32, {w.op(Op::exp, DType::f32, {w.load(x)})});
  Reg other = w.op(Op::convert, DType::f32, {w.load(y)}, {{"dtype", DType::f32}});
  w.store(o, w.op(Op::select, DType::f32, {w.load(b), value, other}));
  for (bool streaming : {false, true}) {
    Kernel chosen = w.kernel();
    chosen.streaming = streaming;
    CheckedKernel kernel(chosen);
    for (std::int64_t m : {1, 16, 19})
      for (std::int64_t n : {1, 15, 32, 50}) {
        auto count = static_cast<std::size_t>(m * n);
        kernel.run({m, n}, {test_values(DType::f32, count), test_values(DType::boolean, count),
                            test_values(DType::f64, count), TestArray(DType::f32, count)});
      }
  }
}

}  // namespace
}  // namespace weft::codegen
