// Products compiled through LLVM, for several processors, against the interpreter of kernels, bit
// for bit.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "llvm_check.h"

namespace weft::codegen {
namespace {

using Kind = Section::Kind;

enum class Layout { rows, columns, spread };  // which axis is contiguous; spread: neither

struct Shape {
  std::int64_t batch, m, n, k;
};

struct Options {
  DType dtype = DType::f32;
  Layout a = Layout::rows, b = Layout::rows, c = Layout::rows;
  bool prologue = false, epilogue = false;
  bool panels = false;  // the right factor may be packed ahead, and is one matrix for all products
};

std::size_t as_size(std::int64_t n) { return static_cast<std::size_t>(n); }

// A copy of bytes that ends where readable memory ends.
class AtPageEnd {
 public:
  explicit AtPageEnd(std::span<const std::byte> bytes) {
    std::size_t page = as_size(sysconf(_SC_PAGESIZE));
    std::size_t room = (bytes.size() + page - 1) / page * page;
    mapped_ = room + page;
    base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(base_ != MAP_FAILED);
    auto* end = static_cast<std::byte*>(base_) + room;
    REQUIRE(mprotect(end, page, PROT_NONE) == 0);
    data_ = end - bytes.size();
    if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
  }
  ~AtPageEnd() { munmap(base_, mapped_); }
  AtPageEnd(const AtPageEnd&) = delete;
  AtPageEnd& operator=(const AtPageEnd&) = delete;
  void* data() const { return data_; }

 private:
  std::size_t mapped_ = 0;
  void* base_ = nullptr;
  std::byte* data_ = nullptr;
};

class ProductCase {
 public:
  ProductCase(const Options& options, const Shape& shape, unsigned seed)
      : options_(options), shape_(shape), random_(seed), w_(3, true) {
    params_ = {shape.batch, shape.m, shape.n, shape.k};
    build();
  }

  const Kernel& kernel() { return w_.kernel(); }

  /// All memory after the interpreter.
  std::vector<TestArray> expected() {
    std::vector<TestArray> memory = operands_;
    interpret(kernel(), addresses(memory).data(), params_.data());
    return memory;
  }

  /// The right factor as the code for a target wants it; from now on check() hands it over, and
  /// nothing to read beside it.
  void pack_ahead(const cpu::Target& target) {
    const PanelWidths widths = cpu::panel_widths(target, options_.dtype);
    const RightFactor right = right_factor(kernel(), params_, operands_[1].data());
    packed_.assign(as_size(panel_elements(right, widths)) * right.element_bytes, std::byte{0xff});
    pack_panels(right, widths, packed_.data());
    params_[as_size(kernel().sections[0].panels)] = reinterpret_cast<std::intptr_t>(packed_.data());
  }

  /// Runs compiled code, its units in pieces of `piece`, and compares all memory.
  void check(const CompiledKernel& compiled, std::int64_t piece,
             const std::vector<TestArray>& expected) {
    std::vector<TestArray> got = operands_;
    std::vector<void*> pointers = addresses(got);
    // Factors end with memory, so reading more of them than there is faults.
    const AtPageEnd a(used_bytes(0, options_.a)), b(used_bytes(1, options_.b));
    pointers[0] = a.data();
    pointers[1] = packed_.empty() ? b.data() : nullptr;
    std::size_t bytes = scratch_bytes(kernel(), params_);
    std::int64_t units = unit_count(kernel(), params_);
    for (std::int64_t begin = 0; begin < units; begin += piece) {
      std::unique_ptr<unsigned char, decltype(&std::free)> scratch(
          static_cast<unsigned char*>(std::aligned_alloc(64, bytes + 64)), std::free);
      // Bits of a NaN: what is read without having been packed shows.
      std::memset(scratch.get(), 0xff, bytes + 64);
      compiled.fn(pointers.data(), params_.data(), begin, std::min(begin + piece, units),
                  scratch.get());
      CHECK(std::all_of(scratch.get() + bytes, scratch.get() + bytes + 64,
                        [](unsigned char byte) { return byte == 0xff; }));
    }
    for (std::size_t k = 0; k < got.size(); ++k) CHECK(got[k].bytes == expected[k].bytes);
  }

 private:
  static constexpr int batch_axis = 0, m_axis = 1, n_axis = 2, k_axis = 3;

  // Without what add_operand leaves after the last element.
  std::span<const std::byte> used_bytes(std::size_t operand, Layout layout) const {
    const TestArray& array = operands_[operand];
    std::size_t unused = 1 + gap + (layout == Layout::spread ? 2 : 0);
    std::size_t used = array.count() > unused ? array.count() - unused : 0;
    return {array.bytes.data() + TestArray::guard, used * size_of(array.dtype)};
  }

  static constexpr std::int64_t gap = 5;  // elements between rows

  // An access [batch, x, y] of a dense array with a gap; `contiguous` names the axis of stride 1.
  int add_operand(DType dtype, bool written, int x, int y, Layout layout) {
    std::int64_t inner = params_[as_size(layout == Layout::columns ? x : y)];
    std::int64_t outer = params_[as_size(layout == Layout::columns ? y : x)];
    std::int64_t unit = layout == Layout::spread ? 3 : 1;
    std::int64_t pitch = inner * unit + gap;
    std::vector<Coef> strides(4, Coef::zero());
    const bool shared = options_.panels && x == k_axis && y == n_axis;
    strides[batch_axis] = shared ? Coef::zero() : add_param(pitch * outer);
    strides[as_size(layout == Layout::columns ? y : x)] = add_param(pitch);
    strides[as_size(layout == Layout::columns ? x : y)] = unit == 1 ? Coef::one() : add_param(unit);
    operands_.push_back(random_array(dtype, shape_.batch * pitch * outer + 1));
    return w_.access(dtype, written, strides);
  }

  int add_vector(DType dtype, int axis) {
    std::vector<Coef> strides(4, Coef::zero());
    strides[as_size(axis)] = Coef::one();
    operands_.push_back(random_array(dtype, params_[as_size(axis)] + 1));
    return w_.access(dtype, false, strides);
  }

  Coef add_param(std::int64_t value) {
    params_.push_back(value);
    return Coef::at(w_.add_param());
  }

  TestArray random_array(DType dtype, std::int64_t elements) {
    TestArray array(dtype, as_size(elements));
    std::uniform_real_distribution<double> uniform(-2, 2);
    for (std::size_t k = 0; k < array.count(); ++k) {
      double real = uniform(random_);
      auto single = static_cast<float>(real);
      std::uint64_t word = static_cast<std::uint64_t>(random_()) << 32 | random_();
      if (is_bool(dtype)) word &= 1;
      const void* from = &word;
      if (dtype == DType::f32) from = &single;
      if (dtype == DType::f64) from = &real;
      std::memcpy(array.data() + k * size_of(dtype), from, size_of(dtype));
    }
    return array;
  }

  void build() {
    DType dtype = options_.dtype;
    int a = add_operand(dtype, false, m_axis, k_axis, options_.a);
    int b = add_operand(dtype, false, k_axis, n_axis, options_.b);
    w_.begin(Kind::contract);
    Reg left = w_.load(a);
    if (options_.prologue) left = scaled_and_masked(left);
    w_.right();
    Reg right = w_.load(b);
    if (options_.prologue) right = plus_converted(right);
    Reg product = w_.product(dtype, left, right);
    if (options_.panels) {
      w_.panels();
      params_.push_back(0);
    }
    w_.begin(Kind::once);
    if (options_.epilogue) {
      finish(product);
    } else {
      w_.store(add_operand(dtype, true, m_axis, n_axis, options_.c), product);
    }
    verify(kernel());
  }

  // a[m, k] * scale[k], 0 where k < m.
  Reg scaled_and_masked(Reg value) {
    DType dtype = options_.dtype;
    Reg scale = w_.load(add_vector(dtype, k_axis));
    Reg product = w_.op(ir::Op::mul, dtype, {value, scale});
    std::vector<Coef> m(4, Coef::zero()), k(4, Coef::zero());
    m[m_axis] = Coef::one();
    k[k_axis] = Coef::one();
    Reg below = w_.op(ir::Op::compare, DType::boolean, {w_.index(k), w_.index(m)},
                      {{"direction", std::string("lt")}});
    return w_.op(ir::Op::select, dtype, {below, w_.constant(dtype, 0), product});
  }

  // b[k, n] + convert(i32[n]).
  Reg plus_converted(Reg value) {
    Reg other = w_.load(add_vector(DType::i32, n_axis));
    DType dtype = options_.dtype;
    if (dtype != DType::i32) other = w_.op(ir::Op::convert, dtype, {other}, {{"dtype", dtype}});
    return w_.op(ir::Op::add, dtype, {value, other});
  }

  // max(product + bias[n], 0) + residual[m, n], and whether the product is positive.
  void finish(Reg product) {
    DType dtype = options_.dtype;
    Reg zero = w_.constant(dtype, 0);
    Reg biased = w_.op(ir::Op::add, dtype, {product, w_.load(add_vector(dtype, n_axis))});
    Reg cut = w_.op(ir::Op::max, dtype, {biased, zero});
    Reg residual = w_.load(add_operand(dtype, false, m_axis, n_axis, Layout::rows));
    Reg sum = w_.op(ir::Op::add, dtype, {cut, residual});
    w_.store(add_operand(dtype, true, m_axis, n_axis, options_.c), sum);
    w_.begin(Kind::once);
    Reg positive =
        w_.op(ir::Op::compare, DType::boolean, {zero, product}, {{"direction", std::string("lt")}});
    w_.store(add_operand(DType::boolean, true, m_axis, n_axis, Layout::rows), positive);
  }

  static std::vector<void*> addresses(std::vector<TestArray>& operands) {
    std::vector<void*> pointers;
    for (TestArray& operand : operands) pointers.push_back(operand.data());
    return pointers;
  }

  Options options_;
  Shape shape_;
  std::mt19937 random_;
  KernelWriter w_;
  std::vector<std::int64_t> params_;
  std::vector<TestArray> operands_;
  std::vector<std::byte> packed_;
};

void check_product(const Options& options, const std::vector<Shape>& shapes) {
  Kernel kernel = ProductCase(options, {1, 1, 1, 1}, 0).kernel();
  for (const cpu::Target& target : test_targets()) {
    CompiledKernel compiled = cpu::compile(kernel, target);
    unsigned seed = 1;
    for (const Shape& shape : shapes) {
      CAPTURE(target.cpu);
      CAPTURE(name(options.dtype));
      CAPTURE(shape.batch);
      CAPTURE(shape.m);
      CAPTURE(shape.n);
      CAPTURE(shape.k);
      ProductCase product(options, shape, seed++);
      std::vector<TestArray> expected = product.expected();
      for (std::int64_t piece : {std::int64_t{1}, std::int64_t{3}, std::int64_t{1000}})
        product.check(compiled, piece, expected);
      if (!options.panels) continue;
      product.pack_ahead(target);
      for (std::int64_t piece : {std::int64_t{1}, std::int64_t{1000}})
        product.check(compiled, piece, expected);
    }
  }
}

std::vector<Shape> random_shapes(unsigned seed, int count, std::int64_t limit) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::int64_t> size(0, limit), batch(1, 3);
  std::vector<Shape> shapes;
  for (int k = 0; k < count; ++k)
    shapes.push_back({batch(random), size(random), size(random), size(random)});
  return shapes;
}

const std::vector<Shape> edges = {{1, 1, 1, 1},     {1, 0, 5, 3},     {1, 5, 0, 3},
                                  {2, 5, 3, 0},     {3, 1, 17, 2},    {1, 7, 1, 300},
                                  {1, 24, 48, 256}, {1, 25, 49, 257}, {2, 8, 16, 32},
                                  {1, 9, 33, 31},   {1, 64, 10, 64},  {0, 3, 3, 3}};

TEST_CASE("products of every dtype equal the interpreter's at the edges of tiles") {
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u32, DType::u64}) {
    Options options;
    options.dtype = dtype;
    check_product(options, edges);
  }
}

TEST_CASE("products of random sizes equal the interpreter's") {
  check_product({}, random_shapes(1, 12, 200));
  check_product({.dtype = DType::f64}, random_shapes(2, 6, 130));
}

TEST_CASE("several blocks of k, of columns and of rows add up in order") {
  check_product({}, {{1, 30, 20, 800}, {1, 40, 1100, 520}, {1, 1200, 7, 30}});
  // Deeper than the panels, so partial C waits in scratch.
  check_product({}, {{2, 100, 20, 2100}, {1, 30, 1030, 1100}, {1, 1200, 7, 1030}});
}

TEST_CASE("products take factors and results of any strides") {
  const Layout layouts[] = {Layout::rows, Layout::columns, Layout::spread};
  std::vector<Shape> shapes = {{1, 13, 70, 33}, {2, 40, 21, 260}};
  for (DType dtype : {DType::f32, DType::f64})
    for (Layout a : layouts)
      for (Layout b : layouts) check_product({.dtype = dtype, .a = a, .b = b, .c = a}, shapes);
}

TEST_CASE("small products of every size equal the interpreter's") {
  for (DType dtype : {DType::f32, DType::f64}) {
    std::vector<Shape> shapes;
    for (std::int64_t n = 1; n <= 40; ++n) {
      shapes.push_back({1, n, 41 - n, n % 7 + 1});
      shapes.push_back({1, n % 10 + 1, n, 41 - n});
    }
    check_product({.dtype = dtype}, shapes);
    check_product({.dtype = dtype, .a = Layout::columns, .epilogue = true}, shapes);
  }
}

// Above both bounds of codegen/contract_blocks.h B is packed though it is contiguous.
TEST_CASE("a large right factor is read in place for few rows and packed for many") {
  check_product({}, {{1, 3, 530, 520}, {1, 130, 530, 520}, {2, 129, 528, 513}});
}

TEST_CASE("the columns of a product with few rows are shared, over blocks and edges of panels") {
  for (DType dtype : {DType::f32, DType::f64})
    for (Layout b : {Layout::rows, Layout::columns}) {
      Options options{.dtype = dtype, .b = b};
      check_product(options, {{1, 1, 97, 40}, {2, 5, 1100, 70}, {1, 8, 290, 1100}});
      options.epilogue = true;
      check_product(options, {{2, 3, 1050, 20}});
    }
}

TEST_CASE("a right factor that was packed ahead is read as it is") {
  for (DType dtype : {DType::f32, DType::f64, DType::i32})
    for (Layout b : {Layout::rows, Layout::columns, Layout::spread}) {
      Options options{.dtype = dtype, .b = b, .panels = true};
      check_product(options, edges);
      check_product(options, {{1, 9, 1100, 70}, {2, 130, 50, 1100}, {1, 3, 1041, 1030}});
      options.epilogue = true;
      check_product(options, {{2, 27, 90, 300}});
    }
}

TEST_CASE("products fuse what makes their factors and what follows them") {
  for (DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64})
    for (Layout layout : {Layout::rows, Layout::columns})
      check_product({dtype, layout, layout, layout, true, true},
                    {{2, 50, 60, 70}, {1, 27, 90, 300}, {1, 1, 1, 1}});
}

}  // namespace
}  // namespace weft::codegen
