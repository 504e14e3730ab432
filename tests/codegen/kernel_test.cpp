// Kernels as data: their text, their rules, and the plain interpreter on small cases.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <functional>

#include "ir/reduce_order.h"
#include "kernel_writer.h"

namespace weft::codegen {
namespace {

using Kind = Section::Kind;

// y[i, j] = exp(x[i, j] - max over j) / sum over j, the exponentials kept.
// c[m, n] = relu(sum over k of a[m, k] * b[k, n]); all row-major.
Kernel relu_product(DType dtype) {
  KernelWriter w(2, true);
  int n = 1, k = 2;
  int a = w.access(dtype, false, {Coef::at(k), Coef::zero(), Coef::one()});
  int b = w.access(dtype, false, {Coef::zero(), Coef::one(), Coef::at(n)});
  int c = w.access(dtype, true, {Coef::at(n), Coef::one(), Coef::zero()});
  w.begin(Kind::contract);
  Reg left = w.load(a);
  w.right();
  Reg right = w.load(b);
  Reg product = w.product(dtype, left, right);
  w.begin(Kind::once);
  w.store(c, w.op(ir::Op::max, dtype, {product, w.constant(dtype, 0)}));
  return w.kernel();
}

void check_breaks(Kernel kernel, const std::function<void(Kernel&)>& damage, const char* rule) {
  damage(kernel);
  std::string message;
  try {
    verify(kernel);
  } catch (const InternalError& error) {
    message = error.what();
  }
  CAPTURE(rule);
  CAPTURE(message);
  CHECK(message.find("kernel " + std::string(rule) + ":") == 0);
}

TEST_CASE("print shows axes, accesses, sections and numbered values") {
  Kernel kernel = row_softmax();
  verify(kernel);
  CHECK(print(kernel) ==
        "kernel along i0 j {\n"
        "  @0 read f32 [i0*p2 + j]\n"
        "  @1 write f32 [i0*p3 + j]\n"
        "  over j {\n"
        "    %0 = load @0 : f32\n"
        "    %1 = reduce max %0 : f32\n"
        "  }\n"
        "  over j {\n"
        "    %2 = load @0 : f32\n"
        "    %3 = sub %2, %1 : f32\n"
        "    %4 = exp %3 : f32\n"
        "    %5 = reduce add %4 : f32\n"
        "    keep %4\n"
        "  }\n"
        "  over j {\n"
        "    %6 = div %4, %5 : f32\n"
        "    store %6 to @1 : f32\n"
        "  }\n"
        "}\n");
}

TEST_CASE("print shows both factors of a product and what follows it") {
  Kernel kernel = relu_product(DType::f64);
  verify(kernel);
  CHECK(print(kernel) ==
        "kernel across i0 i1 j {\n"
        "  @0 read f64 [i0*p2 + j]\n"
        "  @1 read f64 [i1 + j*p1]\n"
        "  @2 write f64 [i0*p1 + i1]\n"
        "  contract j {\n"
        "   lhs:\n"
        "    %0 = load @0 : f64\n"
        "   rhs:\n"
        "    %1 = load @1 : f64\n"
        "  } %2 = sum %0 * %1 : f64\n"
        "  once {\n"
        "    %3 = constant 0 : f64\n"
        "    %4 = max %2, %3 : f64\n"
        "    store %4 to @2 : f64\n"
        "  }\n"
        "}\n");
}

TEST_CASE("print shows masks, dynamic terms, updates, attributes and constants by their bits") {
  KernelWriter w(1, true);
  int x = w.access(DType::f32, false, {Coef::one(), Coef::zero()});
  int y = w.access(DType::f32, true, {Coef::zero(), Coef::one()});
  w.begin(Kind::over);
  Reg i = w.index({Coef::one(), Coef::at(1)}, 0);
  Reg limit = w.param(1);
  Reg inside =
      w.op(ir::Op::compare, DType::boolean, {i, limit}, {{"direction", std::string("lt")}});
  Reg value = w.load(x, inside, {{i, Coef::at(1)}});
  w.constant(DType::f32, 0x7fc00001);
  w.constant(DType::f32, 0x80000000);
  w.number(DType::f32, 2);
  w.update("add", y, value, inside, {{i, Coef::one()}});
  verify(w.kernel());
  CHECK(print(w.kernel()) ==
        "kernel across i0 j {\n"
        "  @0 read f32 [i0]\n"
        "  @1 write f32 [j]\n"
        "  over j {\n"
        "    %0 = index p0 + i0 + j*p1 : i64\n"
        "    %1 = param p1 : i64\n"
        "    %2 = compare %0, %1 {direction = \"lt\"} : bool\n"
        "    %3 = load @0 + %0*p1 where %2 : f32\n"
        "    %4 = constant 0x7fc00001 : f32\n"
        "    %5 = constant -0 : f32\n"
        "    %6 = number p2 : f32\n"
        "    update add %3 to @1 + %0*1 where %2 : f32\n"
        "  }\n"
        "}\n");
}

TEST_CASE("the text does not depend on how registers are numbered, nor on shapes in attributes") {
  Kernel a = row_softmax(), b = row_softmax();
  b.reg_count += 10;
  auto shift = [](Reg& reg) { reg += reg >= 0 ? 10 : 0; };
  for (Section& section : b.sections) {
    for (Inst& inst : section.body) {
      if (inst.result >= 0) shift(inst.result);
      for (Reg& reg : inst.args) shift(reg);
    }
    for (Reg& reg : section.keeps) shift(reg);
  }
  verify(b);
  CHECK(print(a) == print(b));
}

TEST_CASE("verify names the rule that a kernel breaks") {
  const Kernel good = row_softmax();
  const Kernel product = relu_product(DType::f32);
  check_breaks(
      good, [](Kernel& k) { k.row_axis = false; }, "K1");
  check_breaks(
      product, [](Kernel& k) { k.lanes = Lanes::along; }, "K1");
  check_breaks(
      good, [](Kernel& k) { k.param_count = 1; }, "K1");
  check_breaks(
      good, [](Kernel& k) { k.accesses[0].strides.pop_back(); }, "K2");
  check_breaks(
      good, [](Kernel& k) { k.accesses[0].dtype = DType::f16; }, "K2");
  check_breaks(
      good, [](Kernel& k) { k.sections[1].body[0].result = 0; }, "K3");
  check_breaks(
      good, [](Kernel& k) { k.sections[0].body[0].result = 99; }, "K3");
  check_breaks(
      good, [](Kernel& k) { k.sections[2].body[0].args[1] = 2; }, "K4");
  check_breaks(
      good, [](Kernel& k) { k.sections[1].keeps[0] = 0; }, "K4");
  check_breaks(
      good, [](Kernel& k) { k.sections[1].keeps.clear(); }, "K4");
  check_breaks(
      product, [](Kernel& k) { k.sections[0].rhs_value = 0; }, "K4");
  check_breaks(
      product, [](Kernel& k) { k.sections.insert(k.sections.begin(), Section{}); }, "K5");
  check_breaks(
      product, [](Kernel& k) { k.sections[1].kind = Kind::over; }, "K5");
  check_breaks(
      product, [](Kernel& k) { k.sections[1].keeps = {2}; }, "K5");
  check_breaks(
      good, [](Kernel& k) { k.sections[0].body[1].args.clear(); }, "K6");
  check_breaks(
      good, [](Kernel& k) { k.sections[2].body[1].access = 7; }, "K6");
  check_breaks(
      good, [](Kernel& k) { k.sections[0].body[0].args.push_back(0); }, "K6");
  check_breaks(
      good, [](Kernel& k) { k.sections[0].body[0].dtype = DType::f64; }, "K7");
  check_breaks(
      product, [](Kernel& k) { k.sections[0].dtype = DType::f64; }, "K7");
  check_breaks(
      good, [](Kernel& k) { k.accesses[1].written = false; }, "K8");
  check_breaks(
      good, [](Kernel& k) { k.sections[0].body[1].monoid = "and"; }, "K9");
  check_breaks(
      good, [](Kernel& k) { k.sections[0].body[1].monoid = "set"; }, "K9");
  check_breaks(
      good,
      [](Kernel& k) {
        k.sections[0].body[1].kind = Inst::Kind::scan;
        k.sections[0].kind = Kind::once;
        k.accesses[0].strides.back() = Coef::zero();
      },
      "K9");
  check_breaks(
      good, [](Kernel& k) { k.accesses[0].strides[0] = Coef::at(4); }, "K10");
  check_breaks(
      good, [](Kernel& k) { k.sections[0].kind = Kind::once; }, "K11");
  check_breaks(
      product, [](Kernel& k) { k.accesses[0].strides[1] = Coef::one(); }, "K11");
  check_breaks(
      product, [](Kernel& k) { k.accesses[1].strides[0] = Coef::one(); }, "K11");
  check_breaks(
      good, [](Kernel& k) { k.sections[1].body[1].dtype = DType::f64; }, "K12");
}

TEST_CASE("a right factor that may be packed ahead is one array and has a param for its panels") {
  Kernel kernel = relu_product(DType::f32);
  kernel.sections[0].panels = 2;
  verify(kernel);
  CHECK(print(kernel).find("  contract j panels p2 {\n") != std::string::npos);
  check_breaks(
      kernel, [](Kernel& k) { k.sections[0].panels = 99; }, "K10");
  check_breaks(
      kernel,
      [](Kernel& k) {
        Inst second = k.sections[0].rhs[0];
        second.result = k.reg_count++;
        k.sections[0].rhs.push_back(second);
      },
      "K15");
}

TEST_CASE("numbers are the last params, and only numbers read them") {
  KernelWriter w(1, false);
  const int x = w.access(DType::f32, false, {Coef::one()});
  const int y = w.access(DType::f32, true, {Coef::one()});
  w.begin(Kind::once);
  w.store(y, w.op(ir::Op::mul, DType::f32, {w.load(x), w.number(DType::f32, 1)}));
  const Kernel good = w.kernel();
  verify(good);
  check_breaks(
      good, [](Kernel& k) { k.number_count = 0; }, "K14");
  check_breaks(
      good, [](Kernel& k) { k.number_count = 2; }, "K14");
  check_breaks(
      good, [](Kernel& k) { k.accesses[0].strides[0] = Coef::at(1); }, "K14");
  check_breaks(
      good, [](Kernel& k) { k.sections[0].body[1].dtype = DType::boolean; }, "K14");
  float in[] = {1, 2, 3}, out[3] = {};
  void* pointers[] = {in, out};
  const std::int64_t params[] = {3, std::bit_cast<std::int32_t>(1.5f)};
  interpret(good, pointers, params);
  CHECK(out[2] == 4.5f);
}

TEST_CASE("unit_count divides rows, tiles of lanes and blocks of a product's rows") {
  std::int64_t softmax_sizes[] = {7, 100, 100, 100};
  CHECK(unit_count(row_softmax(), softmax_sizes) == 7);
  std::int64_t sizes[] = {contract_rows + 1, 5, 300};
  CHECK(unit_count(relu_product(DType::f32), sizes) == 2);
  std::int64_t few_rows[] = {contract_rows, 500, 300};  // then columns are divided
  CHECK(unit_count(relu_product(DType::f32), few_rows) == 6);
  std::int64_t no_columns[] = {10, 0, 300};
  CHECK(unit_count(relu_product(DType::f32), no_columns) == 0);
  KernelWriter flat(2, false);
  flat.begin(Section::Kind::once);
  std::int64_t flat_sizes[] = {3, across_tile + 1};
  CHECK(unit_count(flat.kernel(), flat_sizes) == 6);
  KernelWriter turned(2, false);
  int x = turned.access(DType::f32, false, {Coef::one(), Coef::at(0)});
  turned.begin(Section::Kind::once);
  turned.load(x);
  CHECK(turned.kernel().turned_axis() == 0);
  std::int64_t turned_sizes[] = {turned_rows + 1, across_tile + 1};
  CHECK(unit_count(turned.kernel(), turned_sizes) == 4);
  KernelWriter rows(2, true);
  std::int64_t row_sizes[] = {3, across_row_tile + 1, 1000};
  CHECK(unit_count(rows.kernel(), row_sizes) == 6);
}

TEST_CASE("scratch_bytes covers kept rows and the panels of a product") {
  std::int64_t narrow[] = {7, 100, 100, 100}, wide[] = {7, 100000, 100, 100};
  CHECK(scratch_bytes(row_softmax(), wide) - scratch_bytes(row_softmax(), narrow) >=
        99000 * sizeof(float));
  std::int64_t sizes[] = {1000, 1000, 1000};
  CHECK(scratch_bytes(relu_product(DType::f64), sizes) >= 256 * 1000 * sizeof(double));
}

TEST_CASE("interpret sums along a row in 32 lanes and a balanced tree") {
  KernelWriter w(0, true, Lanes::along);
  int x = w.access(DType::f32, false, {Coef::one()});
  int y = w.access(DType::f32, true, {Coef::zero()});
  w.begin(Kind::over);
  Reg sum = w.reduce("add", DType::f32, w.load(x));
  w.begin(Kind::once);
  w.store(y, sum);
  verify(w.kernel());
  std::vector<float> values(1001);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = std::sin(static_cast<float>(k));
  std::vector<float> lanes(32, 0.0f);
  for (std::size_t k = 0; k < values.size(); ++k) lanes[k % 32] += values[k];
  for (std::size_t half = 16; half > 0; half /= 2)
    for (std::size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  float result = -1;
  void* pointers[] = {values.data(), &result};
  std::int64_t params[] = {1001};
  interpret(w.kernel(), pointers, params);
  CHECK(result == lanes[0]);
}

TEST_CASE("interpret scans a row in blocks of 16 that meet a carry") {
  KernelWriter w(0, true, Lanes::along);
  int x = w.access(DType::f32, false, {Coef::one()});
  int y = w.access(DType::f32, true, {Coef::one()});
  w.begin(Kind::over);
  w.store(y, w.scan("add", DType::f32, w.load(x)));
  verify(w.kernel());
  std::vector<float> values(100), result(100);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = std::sin(static_cast<float>(k));
  void* pointers[] = {values.data(), result.data()};
  std::int64_t params[] = {100};
  interpret(w.kernel(), pointers, params);
  // Element 13 of a block is ((0..7) + (8..11)) + (12, 13), each a balanced tree.
  const auto tree = [&](std::size_t from, std::size_t count) {
    std::vector<float> part(values.begin() + static_cast<std::ptrdiff_t>(from),
                            values.begin() + static_cast<std::ptrdiff_t>(from + count));
    for (; part.size() > 1; part.resize(part.size() / 2))
      for (std::size_t k = 0; k < part.size() / 2; ++k) part[k] = part[2 * k] + part[2 * k + 1];
    return part[0];
  };
  float carry = 0;
  for (std::size_t block = 0; block < 6; ++block) {
    const std::size_t at = 16 * block;
    CHECK(result[at + 13] == carry + (tree(at, 8) + (tree(at + 8, 4) + tree(at + 12, 2))));
    carry = carry + tree(at, 16);
    CHECK(result[at + 15] == carry);
  }
  CHECK(result[99] == carry + tree(96, 4));
}

TEST_CASE("interpret gives a reduction's identity for an empty row") {
  KernelWriter w(1, true);
  int x = w.access(DType::i32, false, {Coef::one(), Coef::zero()});
  int y = w.access(DType::i32, true, {Coef::one(), Coef::zero()});
  w.begin(Kind::over);
  Reg high = w.reduce("max", DType::i32, w.load(x));
  w.begin(Kind::once);
  w.store(y, high);
  std::int32_t in[] = {1, 2}, out[] = {0, 0};
  void* pointers[] = {in, out};
  std::int64_t params[] = {2, 0};
  interpret(w.kernel(), pointers, params);
  CHECK(out[0] == std::numeric_limits<std::int32_t>::min());
  CHECK(out[1] == std::numeric_limits<std::int32_t>::min());
}

TEST_CASE("interpret sums a product in blocks by fma") {
  std::int64_t m = 2, n = 3, k = 2 * ir::dot_block + 5;
  std::vector<float> a(static_cast<std::size_t>(m * k)), b(static_cast<std::size_t>(k * n)), c(6);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = std::sin(static_cast<float>(i));
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = std::cos(static_cast<float>(i));
  void* pointers[] = {a.data(), b.data(), c.data()};
  std::int64_t params[] = {m, n, k};
  interpret(relu_product(DType::f32), pointers, params);
  for (std::int64_t i = 0; i < m * n; ++i) {
    float total = 0;
    for (std::int64_t start = 0; start < k; start += ir::dot_block) {
      float sum = 0;
      for (std::int64_t p = start; p < std::min(start + ir::dot_block, k); ++p)
        sum = std::fma(a[static_cast<std::size_t>(i / n * k + p)],
                       b[static_cast<std::size_t>(p * n + i % n)], sum);
      total += sum;
    }
    CHECK(c[static_cast<std::size_t>(i)] == std::max(total, 0.0f));
  }
}

TEST_CASE("interpret skips masked loads and stores, and applies updates in order") {
  KernelWriter w(1, true);  // y[index[j]] = 10 * y + x[j], written as set and add
  int where = w.access(DType::i64, false, {Coef::zero(), Coef::one()});
  int x = w.access(DType::i64, false, {Coef::zero(), Coef::one()});
  int y = w.access(DType::i64, true, {Coef::one(), Coef::zero()});
  w.begin(Kind::over);
  Reg at = w.load(where);
  Reg zero = w.constant(DType::i64, 0);
  Reg inside =
      w.op(ir::Op::compare, DType::boolean, {zero, at}, {{"direction", std::string("le")}});
  Reg value = w.load(x, inside);
  w.update("set", y, value, inside, {{at, Coef::one()}});
  w.update("add", y, value, -1, {{zero, Coef::one()}});
  verify(w.kernel());
  std::int64_t indices[] = {2, -1, 1, 2}, values[] = {5, 6, 7, 8}, result[] = {100, 0, 0};
  void* pointers[] = {indices, values, result};
  std::int64_t params[] = {1, 4};
  interpret(w.kernel(), pointers, params);
  CHECK(result[0] == 100 + 5 + 7 + 8);  // the masked load gave 0
  CHECK(result[1] == 7);
  CHECK(result[2] == 8);
}

}  // namespace
}  // namespace weft::codegen
