// Kernels of attention and its gradients: text, rules, and compiled code against the interpreter on
// every processor.
#include <doctest/doctest.h>

#include <array>

#include "llvm_check.h"

namespace weft::codegen {
namespace {

// q, k, v, o with the strides of batch and row in params 6 to 13.
Kernel attention_kernel(DType dtype, bool causal) {
  Kernel kernel;
  kernel.parallel_axes = 5;
  kernel.param_count = 14;
  constexpr std::size_t axes[4][2] = {{1, 3}, {2, 3}, {2, 4}, {1, 4}};
  for (int k = 0; k < 4; ++k) {
    Access access{dtype, k == 3, std::vector<Coef>(5)};
    access.strides[0] = Coef::at(6 + 2 * k);
    access.strides[axes[k][0]] = Coef::at(7 + 2 * k);
    access.strides[axes[k][1]] = Coef::one();
    kernel.accesses.push_back(std::move(access));
  }
  Section section{.kind = Section::Kind::attention};
  section.dtype = dtype;
  section.causal = causal;
  section.scale = 5;
  kernel.sections.push_back(std::move(section));
  return kernel;
}

// q, k, v, g and the gradients `wrt` with the strides of batch and row from param 8 on, those of
// keys and values with the stride of parts behind.
Kernel gradient_kernel(DType dtype, bool causal, std::array<bool, 3> wrt) {
  Kernel kernel;
  kernel.parallel_axes = 6;
  kernel.param_count = 8;
  const auto access = [&](std::size_t row, std::size_t last, bool written) {
    Access made{dtype, written, std::vector<Coef>(6)};
    made.strides[0] = Coef::at(kernel.param_count++);
    made.strides[row] = Coef::at(kernel.param_count++);
    made.strides[last] = Coef::one();
    if (written && row == 2) made.strides[5] = Coef::at(kernel.param_count++);
    kernel.accesses.push_back(std::move(made));
  };
  access(1, 3, false);
  access(2, 3, false);
  access(2, 4, false);
  access(1, 4, false);
  if (wrt[0]) access(1, 3, true);
  if (wrt[1]) access(2, 3, true);
  if (wrt[2]) access(2, 4, true);
  Section section{.kind = Section::Kind::attention_gradient};
  section.dtype = dtype;
  section.causal = causal;
  section.scale = 6;
  section.chunk = 7;
  section.wrt = wrt;
  kernel.sections.push_back(std::move(section));
  return kernel;
}

struct Sizes {
  std::int64_t batch, queries, keys, depth, value_depth;
};

/// Hard values, or such that sums neither overflow nor vanish.
TestArray values(DType dtype, std::int64_t count, unsigned seed, bool hard) {
  TestArray array = test_values(dtype, static_cast<std::size_t>(count), seed);
  for (std::size_t k = 0; k < array.count() && !hard; ++k) {
    const double value = static_cast<double>((k * 7919 + seed) % 201) / 100 - 1;
    if (dtype == DType::f32)
      array.at<float>(k) = static_cast<float>(value);
    else
      array.at<double>(k) = value;
  }
  return array;
}

void check(const CheckedKernel& kernel, DType dtype, const Sizes& s, std::int64_t gap, bool hard) {
  std::vector<std::int64_t> params{s.batch, s.queries,     s.keys,
                                   s.depth, s.value_depth, std::bit_cast<std::int64_t>(0.3)};
  std::vector<TestArray> arrays;
  const std::pair<std::int64_t, std::int64_t> shapes[] = {
      {s.queries, s.depth}, {s.keys, s.depth}, {s.keys, s.value_depth}, {s.queries, s.value_depth}};
  for (auto [rows, columns] : shapes) {
    const std::int64_t row = columns + gap, batch = rows * row + gap;
    params.insert(params.end(), {batch, row});
    arrays.push_back(values(dtype, s.batch * batch, static_cast<unsigned>(params.size()), hard));
  }
  kernel.run(params, arrays);
}

TEST_CASE("compiled attention gives the interpreter's bits at every size") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const bool causal : {false, true}) {
      const CheckedKernel kernel(attention_kernel(dtype, causal));
      for (const Sizes& sizes :
           {Sizes{1, 1, 1, 1, 1}, Sizes{2, 33, 65, 5, 9}, Sizes{1, 70, 31, 16, 8},
            Sizes{3, 5, 130, 1, 17}, Sizes{2, 3, 0, 4, 4}, Sizes{0, 3, 3, 4, 4},
            Sizes{1, 0, 3, 4, 4}, Sizes{1, 40, 40, 0, 3}, Sizes{1, 4, 4, 3, 0}})
        for (const bool hard : {false, true}) check(kernel, dtype, sizes, hard ? 3 : 0, hard);
    }
}

/// Parts divide chunks of 32 queries.
void check_gradient(const CheckedKernel& kernel, DType dtype, std::array<bool, 3> wrt,
                    const Sizes& s, std::int64_t gap, bool hard, bool all_parts) {
  constexpr std::int64_t chunk = 32;
  const std::int64_t parts = all_parts ? std::max<std::int64_t>(1, (s.queries + 31) / chunk) : 1;
  std::vector<std::int64_t> params{
      s.batch, s.queries, s.keys, s.depth, s.value_depth, parts, std::bit_cast<std::int64_t>(0.3),
      chunk};
  std::vector<TestArray> arrays;
  const auto add = [&](std::int64_t rows, std::int64_t columns, bool in_parts) {
    const std::int64_t row = columns + gap, part = rows * row + gap;
    const std::int64_t batch = in_parts ? part * parts : part;
    params.insert(params.end(), {batch, row});
    if (in_parts) params.push_back(part);
    arrays.push_back(values(dtype, s.batch * batch, static_cast<unsigned>(params.size()), hard));
  };
  add(s.queries, s.depth, false);
  add(s.keys, s.depth, false);
  add(s.keys, s.value_depth, false);
  add(s.queries, s.value_depth, false);
  if (wrt[0]) add(s.queries, s.depth, false);
  if (wrt[1]) add(s.keys, s.depth, true);
  if (wrt[2]) add(s.keys, s.value_depth, true);
  kernel.run(params, arrays);
}

TEST_CASE("compiled gradients of attention give the interpreter's bits at every size") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const bool causal : {false, true})
      for (const std::array<bool, 3> wrt :
           {std::array{true, true, true}, std::array{true, false, false},
            std::array{false, true, false}, std::array{false, false, true},
            std::array{false, true, true}}) {
        const CheckedKernel kernel(gradient_kernel(dtype, causal, wrt));
        for (const Sizes& sizes :
             {Sizes{1, 1, 1, 1, 1}, Sizes{2, 33, 65, 5, 9}, Sizes{1, 70, 31, 16, 33},
              Sizes{2, 101, 130, 40, 17}, Sizes{2, 3, 0, 4, 4}, Sizes{0, 3, 3, 4, 4},
              Sizes{2, 0, 3, 4, 4}, Sizes{1, 40, 40, 0, 3}, Sizes{1, 40, 4, 3, 0}})
          for (const bool hard : {false, true})
            check_gradient(kernel, dtype, wrt, sizes, hard ? 3 : 0, hard, hard);
        check_gradient(kernel, dtype, wrt, {1, 70, 40, 8, 8}, 0, false, true);
      }
}

TEST_CASE("quick code of attention and its gradients gives the interpreter's bits") {
  constexpr std::array all{true, true, true};
  for (const DType dtype : {DType::f32, DType::f64}) {
    const CheckedKernel forward(attention_kernel(dtype, true), Effort::quick);
    const CheckedKernel gradient(gradient_kernel(dtype, true, all), Effort::quick);
    for (const bool hard : {false, true}) {
      check(forward, dtype, {2, 70, 131, 9, 17}, 1, hard);
      check_gradient(gradient, dtype, all, {2, 70, 131, 9, 17}, 1, hard, true);
    }
  }
}

TEST_CASE("the text of attention says what decides its code") {
  CHECK(print(attention_kernel(DType::f64, true)) ==
        "kernel across i0 i1 i2 i3 i4 {\n"
        "  @0 read f64 [i0*p6 + i1*p7 + i3]\n"
        "  @1 read f64 [i0*p8 + i2*p9 + i3]\n"
        "  @2 read f64 [i0*p10 + i2*p11 + i4]\n"
        "  @3 write f64 [i0*p12 + i1*p13 + i4]\n"
        "  attention causal scale p5 : f64\n"
        "}\n");
}

TEST_CASE("the text of a gradient of attention says what it writes") {
  CHECK(print(gradient_kernel(DType::f32, true, {true, false, true})) ==
        "kernel across i0 i1 i2 i3 i4 i5 {\n"
        "  @0 read f32 [i0*p8 + i1*p9 + i3]\n"
        "  @1 read f32 [i0*p10 + i2*p11 + i3]\n"
        "  @2 read f32 [i0*p12 + i2*p13 + i4]\n"
        "  @3 read f32 [i0*p14 + i1*p15 + i4]\n"
        "  @4 write f32 [i0*p16 + i1*p17 + i3]\n"
        "  @5 write f32 [i0*p18 + i2*p19 + i4 + i5*p20]\n"
        "  attention_gradient q v chunk p7 causal scale p6 : f32\n"
        "}\n");
}

TEST_CASE("the rules of kernels of attention's gradients") {
  const auto breaks = [](void (*change)(Kernel&), const std::string& rule) {
    Kernel kernel = gradient_kernel(DType::f32, false, {true, true, false});
    verify(kernel);
    change(kernel);
    CHECK_THROWS_WITH_AS(verify(kernel), doctest::Contains((rule + ":").c_str()), InternalError);
  };
  breaks([](Kernel& k) { k.sections.push_back({}); }, "K13");
  breaks([](Kernel& k) { k.sections[0].chunk = 21; }, "K10");
  breaks([](Kernel& k) { k.sections[0].wrt = {}; }, "K13");
  breaks([](Kernel& k) { k.sections[0].wrt[2] = true; }, "K13");
  breaks([](Kernel& k) { k.accesses[3].written = true; }, "K13");
  breaks([](Kernel& k) { k.accesses[4].strides[5] = Coef::at(7); }, "K13");
  breaks([](Kernel& k) { k.accesses[1].strides[5] = Coef::at(7); }, "K13");
}

TEST_CASE("the rules of attention kernels") {
  const auto breaks = [](void (*change)(Kernel&), const std::string& rule) {
    Kernel kernel = attention_kernel(DType::f32, false);
    verify(kernel);
    change(kernel);
    CHECK_THROWS_WITH_AS(verify(kernel), doctest::Contains((rule + ":").c_str()), InternalError);
  };
  breaks([](Kernel& k) { k.sections.push_back({}); }, "K13");
  breaks([](Kernel& k) { k.sections[0].dtype = DType::i32; }, "K13");
  breaks([](Kernel& k) { k.sections[0].scale = 14; }, "K10");
  breaks([](Kernel& k) { k.accesses.pop_back(); }, "K13");
  breaks([](Kernel& k) { k.accesses[1].dtype = DType::f64; }, "K13");
  breaks([](Kernel& k) { k.accesses[0].written = true; }, "K13");
  breaks([](Kernel& k) { k.accesses[0].strides[4] = Coef::one(); }, "K13");
  breaks([](Kernel& k) { k.accesses[2].strides[4] = Coef::at(7); }, "K13");
}

}  // namespace
}  // namespace weft::codegen
