// Axes of a few elements: straight code over records, compiled, against the interpreter of kernels.
#include "codegen/kernel_builder.h"
#include "llvm_check.h"

namespace weft::codegen {
namespace {

using ir::Affine;
using ir::Op;
using Kind = Section::Kind;

/// y[i, j] = x[i, j] * sum over j of x[i, j], s[i] = that sum; and x's rows in memory are n apart.
KernelBuilder::Result scaled_rows(DType dtype, std::int64_t rows, std::int64_t n) {
  KernelBuilder b({rows, n}, true, Lanes::along);
  const Affine element{0, {n, 1}}, row{0, {1, 0}};
  KernelBuilder::Slot sums, rest, products;
  const Reg sum = b.reduce(sums, dtype, b.load(sums, dtype, 0, element), "add");
  b.add_section({.kind = Kind::over, .body = std::move(sums)});
  b.store(rest, dtype, 2, row, sum);
  b.add_section({.kind = Kind::once, .body = std::move(rest)});
  const Reg x = b.load(products, dtype, 0, element);
  b.store(products, dtype, 1, element, b.op(products, Op::mul, dtype, {x, sum}));
  b.add_section({.kind = Kind::over, .body = std::move(products)});
  return b.finish();
}

TEST_CASE("rows of two to eight elements become records, at every number of rows") {
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::u64})
    for (std::int64_t n = 2; n <= 8; ++n) {
      const KernelBuilder::Result first = scaled_rows(dtype, 100, n);
      CHECK(!first.kernel->row_axis);
      REQUIRE(first.kernel->accesses.size() == 3);
      CHECK(first.kernel->accesses[0].record == n);
      const CheckedKernel kernel(*first.kernel);
      for (const std::int64_t rows : {9, 15, 16, 17, 31, 33, 64, 100, 4097}) {
        const KernelBuilder::Result other = scaled_rows(dtype, rows, n);
        CHECK(print(*other.kernel) == print(*first.kernel));
        const auto count = static_cast<std::size_t>(rows * n);
        std::vector<TestArray> memory;
        for (const Place& place : other.places)
          memory.push_back(place.memory == 0   ? test_values(dtype, count)
                           : place.memory == 1 ? TestArray(dtype, count)
                                               : TestArray(dtype, static_cast<std::size_t>(rows)));
        kernel.run(other.params, memory);
      }
    }
}

TEST_CASE("records stream, and may be written in place") {
  for (std::int64_t n = 2; n <= 8; ++n) {
    KernelBuilder b({1000, n}, false, Lanes::across);
    KernelBuilder::Slot slot;
    const Affine element{0, {n, 1}}, column{0, {0, 1}};
    const Reg product =
        b.op(slot, Op::mul, DType::f32,
             {b.load(slot, DType::f32, 0, element), b.load(slot, DType::f32, 1, column)});
    b.store(slot, DType::f32, 2, element, product);
    b.add_section({.kind = Kind::once, .body = std::move(slot)});
    b.stream_stores();
    const KernelBuilder::Result made = b.finish();
    const CheckedKernel kernel(*made.kernel);
    const auto count = static_cast<std::size_t>(1000 * n);
    std::vector<TestArray> memory{test_values(DType::f32, count),
                                  test_values(DType::f32, static_cast<std::size_t>(n), 2),
                                  TestArray(DType::f32, count)};
    std::vector<std::size_t> apart, in_place;
    for (const Place& place : made.places) {
      apart.push_back(static_cast<std::size_t>(place.memory));
      in_place.push_back(place.memory == 2 ? 0 : static_cast<std::size_t>(place.memory));
    }
    // Offsets of places are not bound here: the factors of one column are all its first.
    kernel.run(made.params, memory, apart);
    kernel.run(made.params, memory, in_place);
  }
}

TEST_CASE("a window of fields is a record only where all of it exists") {
  // x[3 i] + x[3 i + 2] reads whole records, x[3 i] + x[3 i + 1] does not.
  for (const std::int64_t second : {2, 1}) {
    KernelBuilder b({100}, false, Lanes::across);
    KernelBuilder::Slot slot;
    const Reg sum =
        b.op(slot, Op::add, DType::f32,
             {b.load(slot, DType::f32, 0, {0, {3}}), b.load(slot, DType::f32, 0, {second, {3}})});
    b.store(slot, DType::f32, 1, {0, {1}}, sum);
    b.add_section({.kind = Kind::once, .body = std::move(slot)});
    CHECK(b.finish().kernel->accesses[0].record == (second == 2 ? 3 : 1));
  }
}

TEST_CASE("the rules of records") {
  const Kernel good = *scaled_rows(DType::f32, 100, 3).kernel;
  verify(good);
  const auto breaks = [&](auto change) {
    Kernel bad = good;
    change(bad);
    std::string message;
    try {
      verify(bad);
    } catch (const InternalError& error) {
      message = error.what();
    }
    CHECK(message.find("kernel K2") != std::string::npos);
  };
  const auto access_of = [&](Inst::Kind kind) {
    for (const Inst& inst : good.sections[0].body)
      if (inst.kind == kind && good.accesses[static_cast<std::size_t>(inst.access)].record > 1)
        return inst.access;
    return -1;
  };
  const auto read = static_cast<std::size_t>(access_of(Inst::Kind::load));
  const auto written = static_cast<std::size_t>(access_of(Inst::Kind::store));
  breaks([&](Kernel& k) { k.accesses[read].record = 9; });
  breaks([&](Kernel& k) { k.accesses[read].record = 4; });     // its last field is not read
  breaks([&](Kernel& k) { k.accesses[written].record = 2; });  // a field beyond it
  breaks([&](Kernel& k) { k.accesses[read].dtype = DType::boolean; });
  breaks([&](Kernel& k) { k.accesses[read].strides.back() = Coef::one(); });
  breaks([&](Kernel& k) { k.sections.push_back({}); });
  breaks([&](Kernel& k) {
    for (Inst& inst : k.sections[0].body)
      if (inst.kind == Inst::Kind::store && static_cast<std::size_t>(inst.access) == written)
        inst.bits = 0;
  });
}

}  // namespace
}  // namespace weft::codegen
