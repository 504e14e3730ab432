// Mistakes in calls: each is refused by the operation's own name, at the caller's line.
#include <cstdint>
#include <sstream>

#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {

template <class T>
concept SumTakes = requires(const Tensor& x, T dim) {
  x.sum(dim);
};
template <class T>
concept MaxTakes = requires(const Tensor& x, T dim) {
  x.max(dim);
};

}  // namespace

TEST_CASE("brackets and assignments know their line") {
  Tensor x = arange(4);
  const Tensor y = ones({3}), far = tensor({9});
  CHECK_ERROR("select: index 7 is out of bounds", x[7]);
  CHECK_ERROR("select: index -5 is out of bounds", x[-5]);
  CHECK_ERROR("slice: slice step must be positive", x[Slice(none, none, -1)]);
  CHECK_ERROR("index: index 9 is out of bounds", x[far]);
  CHECK_ERROR("copy_: expected a tensor", x[0] = Tensor());
  CHECK_ERROR("copy_: operand 1 has shape [3]", x[Slice(0, 2)] = y);
  CHECK(x[none].shape() == Shape{1, 4});
  CHECK(x[ellipsis].shape() == Shape{4});
}

TEST_CASE("an undefined tensor is named by what was asked of it") {
  Tensor nothing;
  CHECK_ERROR("shape: expected a tensor, got an undefined Tensor", nothing.shape());
  CHECK_ERROR("dtype: expected a tensor", nothing.dtype());
  CHECK_ERROR("numel: expected a tensor", nothing.numel());
  CHECK_ERROR("zero_grad: expected a tensor", (nothing.zero_grad(), 0));
  CHECK_ERROR("select: expected a tensor", nothing[0]);
  CHECK_ERROR("eval: expected a tensor", (eval(ones({1}), nothing), 0));
  CHECK_ERROR("requires_grad: expected a tensor", nothing.requires_grad());
  CHECK_ERROR("is_leaf: expected a tensor", nothing.is_leaf());
  CHECK_ERROR("grad: expected a tensor", nothing.grad());
}

TEST_CASE("settings and devices are refused at the caller's line") {
  CHECK_ERROR("set_num_threads: expected an integer from 1 to", (set_num_threads(0), 0));
  CHECK_ERROR("got -1", (set_num_threads(-1), 0));
  CHECK_ERROR("got 1000000", (set_num_threads(1000000), 0));
  CHECK_ERROR("Device: expected cpu, cuda or cuda:<number>, got \"gpu\"", Device("gpu"));
  CHECK_ERROR("Device: expected cpu", ones({1}).to(Device(std::string("cuda:x"))));
}

TEST_CASE("an undefined argument is refused after calls with others, too") {
  const auto f = jit([](Tensor x) { return x + 1; });
  f(ones({1}));
  CHECK(contains(error_of([&] { f(Tensor()); }), "jit: expected a tensor as argument"));
}

TEST_CASE("printing inside jit is refused at the line that prints") {
  std::ostringstream out;
  const auto prints = jit([&](Tensor x) {
    CHECK_ERROR("print: looks at a value that is not known", out << x);
    CHECK_ERROR("print: looks at a value that is not known", x.str());
    return x;
  });
  prints(ones({2}));
}

TEST_CASE("attention names the operand that does not fit") {
  const Tensor q = ones({2, 3}), k = ones({4, 3}), v = ones({4, 5}), five = ones({5, 5});
  const auto attend = [](const Tensor& a, const Tensor& b, const Tensor& c, Here here = {}) {
    return scaled_dot_product_attention(a, b, c, {}, false, {}, here);
  };
  CHECK_ERROR(
      "scaled_dot_product_attention: expected query [..., S, D] and key [..., T, D], got query of "
      "shape [2,3] and key of shape [4,5]",
      attend(q, v, v));
  CHECK_ERROR(
      "expected key [..., T, D] and value [..., T, E], got key of shape [4,3] and value of "
      "shape [5,5]",
      attend(q, k, five));
  CHECK_ERROR("value has dtype f64, expected query's dtype f32", attend(q, k, v.to(f64)));
  CHECK_ERROR("query has dtype i64, expected a float dtype", attend(q.to(i64), k, v));
  CHECK_ERROR("expected query [..., S, D] and key",
              scaled_dot_product_attention(q, v, v, zeros({2, 4})));
}

TEST_CASE("vjp and gradcheck report their caller") {
  const Tensor x = tensor({1, 2});
  CHECK_ERROR("vjp: expected an argument with a tensor of a float dtype",
              vjp([](const Tensor& a, const Tensor& b) { return a * b; }, x, x));
  CHECK_ERROR("gradcheck expects at least one input tensor to require gradient",
              gradcheck([](const Tensor& a, const Tensor& b) { return a * b; }, x, x));
}

TEST_CASE("empty braces reduce all dimensions, and a flag is no dimension") {
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 6.0}});
  check_tensor(x.sum({}), f32, {}, {12});
  check_tensor(sum(x, {}), f32, {}, {12});
  check_tensor(x.mean({}), f32, {}, {3});
  check_tensor(x.var({}), f32, {}, {14.0 / 3}, 1e-6);
  check_tensor(x.std({}), f32, {}, {std::sqrt(14.0 / 3)}, 1e-6);
  check_tensor(x.prod({}), f32, {}, {36});
  check_tensor(x.sum({0}), f32, {2}, {4, 8});
  check_tensor(x.sum(1u, true), f32, {2, 1}, {3, 9});
  check_tensor(x.var(0, false), f32, {2}, {1, 4});
  static_assert(SumTakes<int> && SumTakes<std::size_t> && !SumTakes<bool>);
  static_assert(MaxTakes<int> && MaxTakes<std::size_t> && !MaxTakes<bool>);
}

TEST_CASE("floor_divide rounds the exact quotient down") {
  const auto quotient = [](double a, double b) {
    return tensor(a, f64).floor_divide(tensor(b, f64)).item<double>();
  };
  CHECK(quotient(6.0, 0.1) == 59);
  CHECK(quotient(1.0, 0.1) == 9);
  CHECK(quotient(-1.0, 0.1) == -10);
  CHECK(quotient(7.0, -2.0) == -4);
  CHECK(quotient(-7.0, -2.0) == 3);
  CHECK(quotient(-1.0, INFINITY) == -1);
  CHECK(quotient(1.0, 0.0) == INFINITY);
  CHECK(std::isnan(quotient(0.0, 0.0)));
}

TEST_CASE("alpha is an integer for integers") {
  const Tensor x = tensor({1, 2});
  CHECK_ERROR("For integral input tensors, argument alpha must not be a floating point number",
              x.add(x, 0.5));
  CHECK_ERROR("argument alpha must not be a floating point number", x.sub(x, 1.0));
  check_values(x.add(x, 2), {3, 6});
  check_values(x.to(f32).add(x, 0.5), {1.5, 3});
  check_values(x.add(x, std::int64_t{1} << 60).sub(x),
               {1e18 * 1.152921504606846976, 2.305843009213694e18}, 1e-12);
}

TEST_CASE("sizes and numbers out of range are refused by name") {
  const std::uint64_t huge = 18446744073709551615u;
  const std::int64_t most = INT64_MAX;
  const Tensor x = arange(3);
  CHECK_ERROR("narrow: start (1) + length (9223372036854775807) exceeds", x.narrow(0, 1, most));
  CHECK_ERROR("arange: expected less than 2^63 elements", arange(INT64_MIN, most));
  CHECK_ERROR("arange: expected at most 64 dimensions and less than 2^62", arange(0, most));
  CHECK_ERROR("arange: expected an integer or float dtype, got bool", arange(5, boolean));
  CHECK_ERROR("tensor: the number 18446744073709551615 is out of range for i64", tensor(huge));
  CHECK_ERROR("full: the number 18446744073709551615 is out of range for i64", full({1}, huge));
  CHECK(tensor(huge, u64).item<std::uint64_t>() == huge);
  CHECK_ERROR("randint: the range 0 to 1099511627775 is out of bounds for i32",
              randint(0, std::int64_t{1} << 40, {2}, i32));
  CHECK_ERROR("randint: the range -1 to 4 is out of bounds for u32", randint(-1, 5, {2}, u32));
  CHECK(randint(0, std::int64_t{1} << 31, {2}, i32).dtype() == i32);
  CHECK_ERROR("add: the number 5000000000 is out of range for i32", tensor({1}, i32) + 5000000000);
  CHECK_ERROR("lt: the number -5000000000 is out of range for i32", tensor({1}, i32) < -5000000000);
  CHECK_ERROR("tensor: the number 300 is out of range for i8", tensor({300}, i8));
  CHECK_ERROR("tensor: the number -129 is out of range for i8", tensor({-129}, i8));
  CHECK_ERROR("tensor: the number 65536 is out of range for u16", tensor({65536}, u16));
  CHECK_ERROR("tensor: the number 1e+30 is out of range for i32", tensor({1e30}, i32));
  CHECK_ERROR("full: the number nan is out of range for i64", full({1}, NAN, i64));
  CHECK_ERROR("full: the number 3000000000 is out of range for i32", full({1}, 3000000000, i32));
  CHECK_ERROR("masked_fill: the number inf is out of range", x.masked_fill(x > 0, INFINITY));
  CHECK(tensor({127, -128}, i8).dtype() == i8);
  check_values(tensor({-1}, u8), {255});  // modulo 2^8, as PyTorch has it
  check_values(tensor({3.9, -3.9}, i32), {3, -3});
  CHECK((tensor({1}, u32) - 1).item<std::uint32_t>() == 0);
  CHECK_ERROR("repeat: trying to create tensor with negative dimension -1", x.repeat({-1}));
  CHECK_ERROR("repeat: ", x.repeat({most}));
  CHECK_ERROR("pad: padding of -2 and -2 for dimension 0 with size 3", pad(x, {-2, -2}));
  CHECK_ERROR("zeros: expected at most 64 dimensions", zeros({3037000500, 3037000500, 1}));
  CHECK_ERROR("rand: trying to create tensor with negative dimension -2", rand({-2}));
  CHECK_ERROR("reshape: shape", zeros({0}).reshape({std::int64_t{1} << 32, std::int64_t{1} << 32}));
  CHECK_ERROR("expand: ", ones({1}).expand({std::int64_t{1} << 40, std::int64_t{1} << 40}));
}

TEST_CASE("from_blob gives the memory back when it throws") {
  float memory[2] = {};
  int freed = 0;
  const auto deleter = [&](void*) { ++freed; };
  CHECK_ERROR("from_blob: ", from_blob(memory, {-1}, deleter));
  CHECK(freed == 1);
  CHECK_ERROR("from_blob: expected a stride", from_blob(memory, {2}, Dims{1, 1}, deleter));
  CHECK(freed == 2);
}

TEST_CASE("what fails elsewhere fails nobody else") {
  const Tensor x = ones({2});
  const Tensor huge = x.reshape({1, 2}).expand({std::int64_t{1} << 40, 2}) * 2;
  check_values(x * 2 + 1, {3, 3});
  CHECK(error_of([&] { huge.eval(); }) != "");
  check_values(x * 3, {3, 3});
}
