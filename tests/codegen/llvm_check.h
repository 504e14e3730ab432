// Runs a kernel through LLVM, for several processors, and through codegen::interpret, on equal
// memory, and compares all of that memory to the bit (any NaN equals any NaN).
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "codegen/jit.h"
#include "codegen/llvm/compile.h"
#include "kernel_writer.h"

namespace weft::codegen {

/// Processors whose code this machine runs: itself, and older ones that take other ways.
inline const std::vector<cpu::Target>& test_targets() {
  static const std::vector<cpu::Target> targets = [] {
    std::vector<cpu::Target> all = {cpu::host_target()};
    if (all[0].triple.rfind("x86_64", 0) != 0) return all;
    if (all[0].vector_bits == 512) all.push_back(cpu::target_for_cpu("haswell"));
    all.push_back(cpu::target_for_cpu("x86-64"));
    return all;
  }();
  return targets;
}

/// Memory of one dtype with guards before and after, whose change is a failure.
struct TestArray {
  static constexpr std::size_t guard = 192;
  DType dtype;
  std::vector<std::byte> bytes;

  TestArray(DType type, std::size_t count)
      : dtype(type), bytes(count * size_of(type) + 2 * guard, std::byte{0x5a}) {}
  template <class T>
  static TestArray of(const std::vector<T>& values) {
    TestArray array(dtype_of<T>, values.size());
    for (std::size_t k = 0; k < values.size(); ++k) array.at<T>(k) = values[k];
    return array;
  }

  std::byte* data() { return bytes.data() + guard; }
  std::size_t count() const { return (bytes.size() - 2 * guard) / size_of(dtype); }
  template <class T>
  T& at(std::size_t k) {
    return reinterpret_cast<T*>(data())[k];
  }
};

inline bool is_nan_at(const std::byte* at, DType dtype) {
  double wide = 0;
  float narrow = 0;
  if (dtype == DType::f64) std::memcpy(&wide, at, 8);
  if (dtype == DType::f32) std::memcpy(&narrow, at, 4);
  return wide != wide || narrow != narrow;
}

inline void check_equal(TestArray& got, TestArray& expected, const std::string& what) {
  if (got.bytes == expected.bytes) return;
  std::size_t size = size_of(got.dtype);
  for (std::size_t k = 0; k < got.count(); ++k) {
    std::byte *a = got.data() + k * size, *b = expected.data() + k * size;
    if (std::memcmp(a, b, size) == 0 || (is_nan_at(a, got.dtype) && is_nan_at(b, got.dtype)))
      continue;
    std::uint64_t x = 0, y = 0;
    std::memcpy(&x, a, size);
    std::memcpy(&y, b, size);
    FAIL_CHECK(what, ": element ", k, " of ", name(got.dtype), " has bits ", x, ", expected ", y);
    return;
  }
  auto guards_differ = [&](std::size_t from) {
    return std::memcmp(got.bytes.data() + from, expected.bytes.data() + from, TestArray::guard);
  };
  if (guards_differ(0) || guards_differ(got.bytes.size() - TestArray::guard))
    FAIL_CHECK(what, ": wrote outside of an array of ", name(got.dtype));
}

/// A kernel compiled once for every processor, to be run on many sizes.
class CheckedKernel {
 public:
  explicit CheckedKernel(Kernel kernel, Effort effort = Effort::full) : kernel_(std::move(kernel)) {
    verify(kernel_);
    for (const cpu::Target& target : test_targets())
      compiled_.push_back(cpu::compile(kernel_, target, effort));
  }

  /// arrays[where[a]] is the memory of access a; where empty: one array per access.
  void run(std::vector<std::int64_t> params, const std::vector<TestArray>& arrays,
           std::vector<std::size_t> where = {}) const {
    for (std::size_t k = where.size(); k < kernel_.accesses.size(); ++k) where.push_back(k);
    auto pointers_of = [&](std::vector<TestArray>& memory) {
      std::vector<void*> pointers;
      for (std::size_t k : where) pointers.push_back(memory[k].data());
      return pointers;
    };
    std::vector<TestArray> expected = arrays;
    interpret(kernel_, pointers_of(expected).data(), params.data());

    std::int64_t units = unit_count(kernel_, params);
    std::size_t scratch_size = scratch_bytes(kernel_, params);
    std::vector<std::byte> scratch(scratch_size + 64 + TestArray::guard, std::byte{0x77});
    auto address = reinterpret_cast<std::uintptr_t>(scratch.data());
    std::byte* aligned = scratch.data() + (64 - address % 64) % 64;
    for (std::size_t t = 0; t < compiled_.size(); ++t) {
      const std::string& processor = test_targets()[t].cpu;
      for (std::int64_t parts : {1, 3}) {
        std::vector<TestArray> got = arrays;
        for (std::int64_t part = 0; part < parts; ++part)
          compiled_[t].fn(pointers_of(got).data(), params.data(), units * part / parts,
                          units * (part + 1) / parts, aligned);
        for (std::size_t k = 0; k < got.size(); ++k)
          check_equal(got[k], expected[k], processor + ", array " + std::to_string(k));
      }
      auto* end = scratch.data() + scratch.size();
      CHECK(std::all_of(aligned + scratch_size, end,
                        [](std::byte b) { return b == std::byte{0x77}; }));
    }
  }

 private:
  Kernel kernel_;
  std::vector<CompiledKernel> compiled_;
};

/// Values that arithmetic finds hard, and random ones.
inline TestArray test_values(DType dtype, std::size_t count, unsigned seed = 1) {
  TestArray array(dtype, count);
  std::mt19937_64 random(seed);
  constexpr double special[] = {0.0,     -0.0,  1.0,    -1.0,     0.5,  1e-40,
                                -1e-310, 1e38,  -1e300, 2.5,      -3.5, 2147483648.0,
                                -9.3e18, 65536, 1e10,   INFINITY, NAN};
  for (std::size_t k = 0; k < count; ++k) {
    bool hard = random() % 4 == 0;
    double pick = random() % 2 == 0 ? special[random() % std::size(special)]
                                    : std::bit_cast<double>(random());
    double number = hard ? pick : static_cast<double>(random() % 2000) / 128.0 - 7.0;
    std::uint64_t bits = hard ? random() : random() % 41 - 20;
    if (random() % 8 == 0) bits = std::uint64_t{1} << (random() % 64);
    switch (dtype) {
      case DType::boolean:
        array.at<std::uint8_t>(k) = static_cast<std::uint8_t>(random() % 2);
        break;
      case DType::f32:
        array.at<float>(k) = static_cast<float>(number);
        break;
      case DType::f64:
        array.at<double>(k) = number;
        break;
      case DType::i32:
      case DType::u32:
        array.at<std::uint32_t>(k) = static_cast<std::uint32_t>(bits);
        break;
      default:
        array.at<std::uint64_t>(k) = bits;
    }
  }
  return array;
}

}  // namespace weft::codegen
