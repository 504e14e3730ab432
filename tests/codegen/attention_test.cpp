// Kernels of attention: text, rules, and compiled code against the interpreter on every processor.
#include <doctest/doctest.h>

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

struct Sizes {
  std::int64_t batch, queries, keys, depth, value_depth;
};

void check(const CheckedKernel& kernel, DType dtype, const Sizes& s, std::int64_t gap, bool hard) {
  std::vector<std::int64_t> params{s.batch, s.queries,     s.keys,
                                   s.depth, s.value_depth, std::bit_cast<std::int64_t>(0.3)};
  std::vector<TestArray> arrays;
  const std::pair<std::int64_t, std::int64_t> shapes[] = {
      {s.queries, s.depth}, {s.keys, s.depth}, {s.keys, s.value_depth}, {s.queries, s.value_depth}};
  for (auto [rows, columns] : shapes) {
    const std::int64_t row = columns + gap, batch = rows * row + gap;
    params.insert(params.end(), {batch, row});
    const auto count = static_cast<std::size_t>(s.batch * batch);
    TestArray array = test_values(dtype, count, static_cast<unsigned>(params.size()));
    for (std::size_t k = 0; k < count && !hard; ++k) {
      const double value = static_cast<double>((k * 7919 + params.size()) % 201) / 100 - 1;
      if (dtype == DType::f32)
        array.at<float>(k) = static_cast<float>(value);
      else
        array.at<double>(k) = value;
    }
    arrays.push_back(std::move(array));
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
