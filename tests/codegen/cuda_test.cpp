// CUDA C++ of kernels: its shape as text, and whether NVRTC compiles it where that is installed.
#include <doctest/doctest.h>

#include <limits>

#include "codegen/cuda/nvrtc.h"
#include "codegen/cuda/resources.h"
#include "codegen/cuda/schedule.h"
#include "codegen/jit.h"
#include "kernel_writer.h"

namespace weft::codegen {
namespace {

using Kind = Section::Kind;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

int count(const std::string& text, std::string_view part) {
  int found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
  return found;
}

// The part of the text after the prelude.
std::string kernel_text(const Kernel& kernel) {
  std::string text = cuda_text(kernel);
  return text.substr(text.find("extern \"C\""));
}

void compile_if_possible(const Kernel& kernel) {
  verify(kernel);
  std::string text = cuda_text(kernel);
  const cuda::Nvrtc* compiler = cuda::Nvrtc::find();
  if (!compiler) {
    static const bool told = [] {
      MESSAGE("skipped compiling for sm_90: ", cuda::Nvrtc::missing_reason());
      return true;
    }();
    CHECK(told);
    return;
  }
  CAPTURE(text);
  CHECK(!compiler->compile(text, "sm_90").empty());
}

ir::Attributes direction(const char* name) { return {{"direction", std::string(name)}}; }

// Every operation of one class on a dtype, chained into one value.
Kernel many_operations(DType dtype, const std::vector<ir::Op>& unary,
                       const std::vector<ir::Op>& binary) {
  KernelWriter w(2, false);
  int x = w.access(dtype, false, {Coef::at(1), Coef::one()});
  int y = w.access(dtype, true, {Coef::at(1), Coef::one()});
  w.begin(Kind::once);
  Reg value = w.load(x);
  for (ir::Op op : unary) value = w.op(op, dtype, {value});
  for (ir::Op op : binary) value = w.op(op, dtype, {value, w.load(x)});
  for (const char* name : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    Reg p = w.op(ir::Op::compare, DType::boolean, {value, w.load(x)}, direction(name));
    value = w.op(ir::Op::select, dtype, {p, w.load(x), value});
  }
  w.store(y, value);
  return w.kernel();
}

TEST_CASE("cuda text of an elementwise kernel is one loop over indices") {
  KernelWriter w(2, false);
  int x = w.access(DType::f32, false, {Coef::at(2), Coef::one()});
  int y = w.access(DType::f32, true, {Coef::at(1), Coef::one()});
  w.add_param();
  w.begin(Kind::once);
  Reg scale = w.constant(DType::f32, 0x3fc00000);
  w.store(y, w.op(ir::Op::mul, DType::f32, {w.load(x), scale}));
  CHECK(kernel_text(w.kernel()) ==
        "extern \"C\" __global__ void kernel(const f32* a0, f32* a1, i64 p0, i64 p1, i64 p2, "
        "unsigned char* scratch)\n"
        "{\n"
        "  const i64 slot = ((i64)blockIdx.x * blockDim.x + threadIdx.x);\n"
        "  const i64 slots = ((i64)gridDim.x * blockDim.x);\n"
        "  for (i64 unit = slot; unit < p0 * p1; unit += slots) {\n"
        "    const i64 i1 = unit % p1;\n"
        "    const i64 rest1 = unit / p1;\n"
        "    const i64 i0 = rest1;\n"
        "    const f32 v0 = 0x1.8p+0f;\n"
        "    const f32 v1 = a0[i0 * p2 + i1];\n"
        "    const f32 v2 = __fmul_rn(v1, v0);\n"
        "    a1[i0 * p1 + i1] = v2;\n"
        "  }\n"
        "}\n");
  compile_if_possible(w.kernel());
}

// y = (x + bias) * x by rows of n elements; bias has one element per column.
Kernel biased_square() {
  KernelWriter w(2, false);
  int x = w.access(DType::f32, false, {Coef::at(1), Coef::one()});
  int bias = w.access(DType::f32, false, {Coef::zero(), Coef::one()});
  int y = w.access(DType::f32, true, {Coef::at(1), Coef::one()});
  w.begin(Kind::once);
  Reg value = w.load(x);
  Reg sum = w.op(ir::Op::add, DType::f32, {value, w.load(bias)});
  w.store(y, w.op(ir::Op::mul, DType::f32, {sum, value}));
  return w.kernel();
}

TEST_CASE(
    "a launch whose memory allows it moves packs; one whose rows end inside a pack does not") {
  const Kernel kernel = biased_square();
  const std::int64_t whole[] = {6, 8}, odd[] = {6, 7}, huge[] = {1 << 20, 1 << 20};
  const std::int64_t aligned[] = {0, 4, 8}, shifted[] = {0, 3, 8}, no_store[] = {0, 4, 2};
  const cuda::Schedule packs = cuda::schedule(kernel, whole, aligned);
  CHECK(packs.narrow);
  CHECK(packs.copies == 2);  // two loads of each
  CHECK(packs.packed == std::vector<bool>{true, true, true});
  CHECK(!packs.ragged);
  CHECK(!cuda::schedule(kernel, odd, aligned).in_packs());
  CHECK(!cuda::schedule(kernel, huge, aligned).narrow);
  CHECK(cuda::schedule(kernel, whole, shifted).packed == std::vector<bool>{true, false, true});
  CHECK(!cuda::schedule(kernel, whole, no_store).in_packs());
}

TEST_CASE("a launch in packs reads and writes 16 bytes at a time, without spills or stack") {
  const Kernel kernel = biased_square();
  const std::int64_t params[] = {64, 4096}, offsets[] = {0, 0, 0};
  const std::string text = cuda_text(kernel, params, offsets);
  const cuda::Nvrtc* compiler = cuda::Nvrtc::find();
  if (!compiler) return;  // compile_if_possible tells
  for (const char* architecture : {"sm_80", "sm_90", "sm_120"}) {
    const cuda::Nvrtc::Compiled compiled = compiler->compile_all(text, architecture);
    CAPTURE(compiled.ptx);
    CAPTURE(compiled.log);
    CHECK(count(compiled.ptx, "ld.global.v4") + count(compiled.ptx, "ld.global.nc.v4") == 4);
    CHECK(count(compiled.ptx, "st.global.v4") == 2);
    CHECK(contains(compiled.log, "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"));
  }
}

TEST_CASE("rows and products spill nothing and need no stack") {
  const cuda::Nvrtc* compiler = cuda::Nvrtc::find();
  if (!compiler) return;  // compile_if_possible tells
  KernelWriter w(2, true);
  int a = w.access(DType::f32, false, {Coef::at(2), Coef::zero(), Coef::one()});
  int b = w.access(DType::f32, false, {Coef::zero(), Coef::one(), Coef::at(1)});
  int c = w.access(DType::f32, true, {Coef::at(1), Coef::one(), Coef::zero()});
  w.begin(Kind::contract);
  Reg left = w.load(a);
  w.right();
  Reg product = w.product(DType::f32, left, w.load(b));
  w.begin(Kind::once);
  w.store(c, product);
  for (const Kernel& kernel : {row_softmax(), w.kernel()})
    for (const char* architecture : {"sm_80", "sm_90", "sm_120"}) {
      const std::string log = compiler->compile_all(cuda_text(kernel), architecture).log;
      CAPTURE(log);
      CHECK(contains(log, "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"));
    }
}

TEST_CASE("rows that fit are copied into shared memory, and what is kept lies over them") {
  const Kernel kernel = row_softmax();
  const std::int64_t offsets[] = {0, 0};
  const auto planned = [&](std::vector<std::int64_t> sizes, std::vector<std::int64_t> from) {
    sizes.resize(static_cast<std::size_t>(kernel.param_count), sizes.back());
    return cuda::schedule(kernel, sizes, from).rows;
  };
  const cuda::SharedRows rows = planned({64, 1000}, {0, 0});
  CHECK(rows.copied == std::vector<int>{0, -1});
  CHECK(rows.kept == std::vector<int>{0});
  CHECK(rows.slots == 1);
  CHECK(rows.capacity == 1024);
  CHECK(rows.warps == 8);
  CHECK(planned({64, 4096}, {0, 0}).warps == 2);
  CHECK(planned({64, 12288}, {0, 0}).warps == 1);
  CHECK(!planned({64, 12289}, {0, 0}).any());
  CHECK(planned({64, 1000}, {2, 0}).copied == std::vector<int>{-1, -1});  // not of whole 16 bytes
  CHECK(planned({64, 1002}, {0, 0}).copied == std::vector<int>{-1, -1});
  CHECK(planned({64, 1002}, {0, 0}).slots == 1);  // what is kept

  const std::int64_t params[] = {64, 4096, 4096, 4096};
  const std::string text = cuda_text(
      kernel, std::span(params).first(static_cast<std::size_t>(kernel.param_count)), offsets);
  CHECK(contains(text, "__shared__ __align__(16) unsigned char rows[32768];"));
  CHECK(contains(text, "weft_copy_row(row0, a0 + ("));
  const cuda::Nvrtc* compiler = cuda::Nvrtc::find();
  if (!compiler) return;  // compile_if_possible tells
  for (const char* architecture : {"sm_80", "sm_90", "sm_120"}) {
    const cuda::Nvrtc::Compiled compiled = compiler->compile_all(text, architecture);
    CAPTURE(compiled.ptx);
    CAPTURE(compiled.log);
    CHECK(contains(compiled.ptx, "cp.async.cg.shared.global"));
    CHECK(!contains(compiled.ptx, "ld.global"));
    CHECK(contains(compiled.log, "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"));
  }
}

TEST_CASE("rows are copied on devices that cannot do so by themselves, too") {
  const cuda::Nvrtc* compiler = cuda::Nvrtc::find();
  if (!compiler) return;  // compile_if_possible tells
  const Kernel kernel = row_softmax();
  std::vector<std::int64_t> sizes{64, 1024};
  sizes.resize(static_cast<std::size_t>(kernel.param_count), 1024);
  const std::int64_t offsets[] = {0, 0};
  const std::string ptx = compiler->compile_all(cuda_text(kernel, sizes, offsets), "sm_75").ptx;
  CHECK(!contains(ptx, "cp.async"));
  CHECK(contains(ptx, "ld.global"));
}

TEST_CASE("packs need strides of whole packs, however large and whichever their sign") {
  KernelWriter w(2, false);
  const int x = w.access(DType::f32, false, {Coef::at(1), Coef::one()});
  const int y = w.access(DType::f32, true, {Coef::zero(), Coef::one()});
  w.begin(Kind::once);
  w.store(y, w.op(ir::Op::neg, DType::f32, {w.load(x)}));
  Kernel kernel = w.kernel();
  kernel.accesses[0].strides[0] = Coef::at(2);
  kernel.param_count = 3;
  const std::int64_t offsets[] = {0, 0};
  for (const std::int64_t stride : {std::int64_t{1073741824}, std::int64_t{-1073741824}}) {
    const std::int64_t whole[] = {5, 64, stride}, odd[] = {5, 64, stride + 1};
    CHECK(cuda::schedule(kernel, whole, offsets).packed[0]);
    CHECK(!cuda::schedule(kernel, odd, offsets).packed[0]);
  }
}

TEST_CASE("what lies along another axis goes through shared memory in squares") {
  KernelWriter w(2, false);
  const int x = w.access(DType::f32, false, {Coef::one(), Coef::at(1)});
  const int y = w.access(DType::f32, true, {Coef::at(1), Coef::one()});
  w.begin(Kind::once);
  w.store(y, w.op(ir::Op::neg, DType::f32, {w.load(x)}));
  const Kernel kernel = w.kernel();
  const std::int64_t offsets[] = {0, 0}, large[] = {4096, 4096}, thin[] = {4096, 16};
  CHECK(cuda::schedule(kernel, large, offsets).turned == 0);
  CHECK(!cuda::schedule(kernel, large, offsets).in_packs());
  CHECK(cuda::schedule(kernel, thin, offsets).turned == -1);
  CHECK(cuda::launch_shape(kernel, cuda::schedule(kernel, large, offsets), large).threads == 256);
  const std::string text = cuda_text(kernel, large, offsets);
  CHECK(contains(text, "__shared__ f32 square0[32][33];"));
  const cuda::Nvrtc* compiler = cuda::Nvrtc::find();
  if (!compiler) return;  // compile_if_possible tells
  for (const char* architecture : {"sm_80", "sm_90", "sm_120"}) {
    const cuda::Nvrtc::Compiled compiled = compiler->compile_all(text, architecture);
    CAPTURE(compiled.ptx);
    CAPTURE(compiled.log);
    CHECK(count(compiled.ptx, "ld.shared.") == 4);
    CHECK(count(compiled.ptx, "st.shared.") == 4);
    CHECK(contains(compiled.log, "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"));
  }
}

TEST_CASE("cuda text of a row kernel gives each lane every 32nd element and ends in a tree") {
  std::string text = kernel_text(row_softmax());
  CHECK(contains(text, "for (i64 j = lane; j < p1; j += 32) {"));
  CHECK(contains(text, "f32 sum1 = weft_bitcast<f32>(0xff800000u);"));
  CHECK(contains(text, "for (int half = 16; half > 0; half /= 2) {"));
  CHECK(contains(text, "sum1 = weft_max(sum1, other);"));
  CHECK(contains(text, "sum1 = __shfl_sync(0xffffffffu, sum1, 0);"));
  CHECK(contains(text, "keep0[j] = "));
  CHECK(contains(text, "__fdiv_rn(keep0[j], sum5)"));
  compile_if_possible(row_softmax());
}

TEST_CASE("cuda text needs no header and contracts nothing") {
  std::string text = cuda_text(row_softmax());
  CHECK(!contains(text, "#include"));
  CHECK(contains(text, "__fmaf_rn("));
}

TEST_CASE("every scalar opcode compiles for every dtype that has it") {
  using enum ir::Op;
  for (DType dtype : {DType::f32, DType::f64})
    compile_if_possible(
        many_operations(dtype, {neg, abs, sign, floor, ceil, round, sqrt, exp, log, sin, tanh, erf},
                        {add, sub, mul, div, rem, max, min, pow}));
  for (DType dtype : {DType::i32, DType::i64, DType::u32, DType::u64})
    compile_if_possible(many_operations(dtype, {neg, abs, not_},
                                        {add, sub, mul, div, rem, max, min, and_, or_, xor_,
                                         shift_left, shift_right_logical, shift_right_arithmetic}));
  compile_if_possible(many_operations(DType::boolean, {not_}, {and_, or_, xor_}));
}

TEST_CASE("conversions and bitcasts between all dtypes compile") {
  const DType all[] = {DType::boolean, DType::i32, DType::i64, DType::u32,
                       DType::u64,     DType::f32, DType::f64};
  KernelWriter w(1, false);
  w.begin(Kind::once);
  for (DType from : all) {
    int x = w.access(from, false, {Coef::one()});
    for (DType to : all) {
      if (to == from) continue;
      int y = w.access(to, true, {Coef::one()});
      w.store(y, w.op(ir::Op::convert, to, {w.load(x)}, {{"dtype", to}}));
      if (size_of(to) != size_of(from)) continue;
      w.store(y, w.op(ir::Op::bitcast, to, {w.load(x)}, {{"dtype", to}}));
    }
  }
  compile_if_possible(w.kernel());
}

TEST_CASE("masks, dynamic terms and reductions of every dtype compile, along and across") {
  for (Lanes lanes : {Lanes::along, Lanes::across}) {
    KernelWriter w(2, true, lanes);
    int at = w.access(DType::i64, false, {Coef::zero(), Coef::zero(), Coef::one()});
    w.begin(Kind::over);
    Reg where = w.load(at);
    Reg row = w.index({Coef::zero(), Coef::zero(), Coef::one()}, 0);
    Reg below = w.op(ir::Op::compare, DType::boolean, {row, where}, direction("lt"));
    Reg any = w.reduce("or", DType::boolean, below);
    std::vector<Reg> sums;
    const DType dtypes[] = {DType::i32, DType::i64, DType::u32, DType::u64, DType::f32, DType::f64};
    for (DType dtype : dtypes) {
      int x = w.access(dtype, false, {Coef::at(1), Coef::one(), Coef::zero()});
      Reg loaded = w.load(x, below, {{where, Coef::at(2)}});
      sums.push_back(w.reduce("add", dtype, w.scan("max", dtype, loaded)));
    }
    w.begin(Kind::once);
    for (std::size_t k = 0; k < sums.size(); ++k) {
      int y = w.access(dtypes[k], true, {Coef::at(1), Coef::one(), Coef::zero()});
      w.store(y, sums[k], any);
    }
    compile_if_possible(w.kernel());
  }
}

TEST_CASE("products with what follows them, and updates, compile for every dtype") {
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::u64}) {
    KernelWriter w(3, true);
    int a = w.access(dtype, false, {Coef::at(4), Coef::at(3), Coef::zero(), Coef::one()});
    int b = w.access(dtype, false, {Coef::at(4), Coef::zero(), Coef::one(), Coef::at(2)});
    int c = w.access(dtype, true, {Coef::at(4), Coef::at(2), Coef::one(), Coef::zero()});
    w.add_param();
    w.begin(Kind::contract);
    Reg left = w.op(ir::Op::neg, dtype, {w.load(a)});
    w.right();
    Reg product = w.product(dtype, left, w.load(b));
    w.begin(Kind::once);
    w.store(c, w.op(ir::Op::max, dtype, {product, w.constant(dtype, 0)}));
    compile_if_possible(w.kernel());
    CHECK(contains(kernel_text(w.kernel()), "__shared__"));
  }
  for (const char* monoid : {"set", "add", "max"}) {
    KernelWriter w(1, true);
    int y = w.access(DType::f32, true, {Coef::one(), Coef::zero()});
    int at = w.access(DType::i64, false, {Coef::zero(), Coef::one()});
    w.begin(Kind::over);
    Reg index = w.load(at);
    w.update(monoid, y, w.constant(DType::f32, 0x40000000), -1, {{index, Coef::at(0)}});
    compile_if_possible(w.kernel());
  }
}

TEST_CASE("what kernels need of a device is read from the assembler's log") {
  const auto found = cuda::read_resources(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'k2' for 'sm_90'\n"
      "ptxas info    : Function properties for k2\n"
      "ptxas         .     8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads\n"
      "ptxas info    : Used 255 registers, used 0 barriers\n"
      "ptxas info    : Compiling entry function 'k1' for 'sm_90'\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 10 registers, used 1 barriers, 256 bytes smem, 400 bytes cmem[0]");
  REQUIRE(found.size() == 2);
  CHECK(found[0].kernel == "k2");
  CHECK(
      found[0].str() ==
      "255 registers, no shared memory, 8 bytes of stack, spills of 4 bytes stored and 12 loaded");
  CHECK(found[1].str() == "10 registers, 256 bytes of shared memory, no stack, no spills");
  CHECK(cuda::read_resources("").empty());
}

}  // namespace
}  // namespace weft::codegen
