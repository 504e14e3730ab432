// Compilation itself: from several threads, its texts, and the life of code.
#include <thread>

#include "llvm_check.h"

namespace weft::codegen {
namespace {

using Kind = Section::Kind;
using ir::Op;

// o[i] = x[i] op x[i]
Kernel twice(Op op) {
  KernelWriter w(1, false);
  int x = w.access(DType::f32, false, {Coef::one()}), o = w.access(DType::f32, true, {Coef::one()});
  w.begin(Kind::once);
  Reg value = w.load(x);
  w.store(o, w.op(op, DType::f32, {value, value}));
  return w.kernel();
}

std::vector<float> run(const CompiledKernel& compiled, std::vector<float> x) {
  std::vector<float> out(x.size());
  void* pointers[] = {x.data(), out.data()};
  std::int64_t params[] = {static_cast<std::int64_t>(x.size())};
  compiled.fn(pointers, params, 0, 1, nullptr);
  return out;
}

TEST_CASE("threads compile side by side") {
  constexpr Op ops[] = {Op::add, Op::mul, Op::sub, Op::max};
  std::vector<std::vector<float>> results(std::size(ops));
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < std::size(ops); ++k)
    threads.emplace_back([&, k] {
      for (int turn = 0; turn < 5; ++turn) {
        CompiledKernel compiled = compile_llvm(twice(ops[k]));
        results[k] = run(compiled, {1, 2, 3});
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(results[0] == std::vector<float>{2, 4, 6});
  CHECK(results[1] == std::vector<float>{1, 4, 9});
  CHECK(results[2] == std::vector<float>{0, 0, 0});
  CHECK(results[3] == std::vector<float>{1, 2, 3});
}

TEST_CASE("code lives as long as somebody holds it, wherever it was compiled") {
  CompiledKernel kept;
  std::thread([&] { kept = compile_llvm(twice(Op::add)); }).join();
  { CompiledKernel dropped = compile_llvm(twice(Op::mul)); }
  CompiledKernel copy = kept;
  kept = {};
  CHECK(run(copy, {4}) == std::vector<float>{8});
  CHECK(copy.compile_ms > 0);
}

TEST_CASE("llvm_text shows the function with named loops, asm_text its instructions") {
  Kernel kernel = twice(Op::mul);
  std::string ir = llvm_text(kernel);
  CHECK(ir.find("define void @kernel(ptr %pointers, ptr %params, i64 %begin, i64 %end, "
                "ptr %scratch)") != std::string::npos);
  CHECK(ir.find("\npart:") != std::string::npos);
  CHECK(ir.find("fmul <") != std::string::npos);
  CHECK(asm_text(kernel).find("\nkernel:") != std::string::npos);
  CHECK(target_description().find("-bit vectors, LLVM 19") != std::string::npos);
}

TEST_CASE("nothing is contracted: a product and a sum stay two roundings") {
  KernelWriter w(1, false);
  int x = w.access(DType::f32, false, {Coef::one()}), o = w.access(DType::f32, true, {Coef::one()});
  w.begin(Kind::once);
  Reg value = w.load(x);
  Reg square = w.op(Op::mul, DType::f32, {value, value});
  w.store(o, w.op(Op::sub, DType::f32, {square, w.constant(DType::f32, 0x3f800000)}));
  float almost = 1.0F + 0x1p-13F;  // its square rounds
  volatile float product = almost * almost;
  CHECK(run(compile_llvm(w.kernel()), {almost}) == std::vector<float>{product - 1.0F});
}

}  // namespace
}  // namespace weft::codegen
