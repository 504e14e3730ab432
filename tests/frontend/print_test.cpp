// Printing, against what Python's torch prints.
#include <sstream>

#include "tests/frontend/check.h"

using namespace weft;

TEST_CASE("floats print with four digits, whole ones with a dot") {
  CHECK(tensor({1.0, 2.0, 3.0}).str() == "tensor([1., 2., 3.])");
  CHECK(tensor({0.5, 10.25}).str() == "tensor([ 0.5000, 10.2500])");
  CHECK(tensor({-1.0, 2.0}).str() == "tensor([-1.,  2.])");
  CHECK(tensor(3.14159).str() == "tensor(3.1416)");
  CHECK(tensor(5.0).str() == "tensor(5.)");
  CHECK(zeros({2}).str() == "tensor([0., 0.])");
  CHECK(tensor({{1.0, 2.0}, {3.0, 4.5}}).str() ==
        "tensor([[1.0000, 2.0000],\n        [3.0000, 4.5000]])");
}

TEST_CASE("large ratios print in scientific notation") {
  CHECK(tensor({0.0001, 1000.0}).str() == "tensor([1.0000e-04, 1.0000e+03])");
  CHECK(tensor({1e-5}).str() == "tensor([1.0000e-05])");
  CHECK(tensor({1.0, 2000.0}).str() == "tensor([1.0000e+00, 2.0000e+03])");
  CHECK(tensor({1e9}).str() == "tensor([1.0000e+09])");
}

TEST_CASE("NaN and infinities do not choose the notation") {
  CHECK(tensor({1.0, NAN, INFINITY}).str() == "tensor([1., nan, inf])");
  CHECK(tensor({0.5, -INFINITY}).str() == "tensor([0.5000,   -inf])");
}

TEST_CASE("integers and bools are aligned to the right") {
  CHECK(tensor({1, 20, -3}).str() == "tensor([ 1, 20, -3])");
  CHECK(tensor({true, false}).str() == "tensor([ True, False])");
  CHECK(tensor(7).str() == "tensor(7)");
  CHECK(tensor({true}).str() == "tensor([True])");
}

TEST_CASE("a dtype that is no default is named") {
  CHECK(tensor({1, 2}, i32).str() == "tensor([1, 2], dtype=i32)");
  CHECK(tensor({1.5}, f64).str() == "tensor([1.5000], dtype=f64)");
}

TEST_CASE("empty tensors show their size") {
  CHECK(zeros({0}).str() == "tensor([])");
  CHECK(zeros({2, 0}).str() == "tensor([], size=(2, 0))");
  CHECK(zeros({0}, i64).str() == "tensor([], dtype=i64)");
  CHECK(Tensor().str() == "tensor(undefined)");
}

TEST_CASE("more than a thousand elements are summarised") {
  CHECK(arange(1001).str() == "tensor([   0,    1,    2,  ...,  998,  999, 1000])");
  CHECK(arange(2000).reshape({2, 1000}).str() ==
        "tensor([[   0,    1,    2,  ...,  997,  998,  999],\n"
        "        [1000, 1001, 1002,  ..., 1997, 1998, 1999]])");
  CHECK(zeros({1001, 2}).str() ==
        "tensor([[0., 0.],\n        [0., 0.],\n        [0., 0.],\n        ...,\n"
        "        [0., 0.],\n        [0., 0.],\n        [0., 0.]])");
}

TEST_CASE("long rows break, and matrices are set apart by an empty line") {
  CHECK(arange(30).str() ==
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
        "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])");
  CHECK(zeros({2, 1, 2}).str() == "tensor([[[0., 0.]],\n\n        [[0., 0.]]])");
}

TEST_CASE("what takes part in gradients says so") {
  const Tensor x = tensor({1.0}).requires_grad_();
  CHECK(x.str() == "tensor([1.], requires_grad=True)");
  CHECK((x * 2).str() == "tensor([2.], grad_fn=<MulBackward0>)");
  CHECK(x.sum().str() == "tensor(1., grad_fn=<SumBackward0>)");
  CHECK(x.reshape({1, 1}).str() == "tensor([[1.]], grad_fn=<ReshapeBackward0>)");
  CHECK(x.detach().str() == "tensor([1.])");
  const Tensor square = x * x;
  square.backward(BackwardOptions{.create_graph = true});
  CHECK(x.grad().str() == "tensor([2.], grad_fn=<MulBackward0>)");
}

TEST_CASE("a NaN has no sign") {
  CHECK(tensor({-NAN, NAN, 1.5}).str() == "tensor([   nan,    nan, 1.5000])");
  CHECK(tensor(-NAN).str() == "tensor(nan)");
}

TEST_CASE("print options that make no sense are refused") {
  CHECK_ERROR("set_printoptions: precision, expected at least 0 and at most 100, got -1",
              (set_printoptions({.precision = -1}), 0));
  CHECK_ERROR("got 101", (set_printoptions({.precision = 101}), 0));
  CHECK_ERROR("threshold, expected at least 0, got -1", (set_printoptions({.threshold = -1}), 0));
  CHECK_ERROR("edgeitems, expected at least 1, got 0", (set_printoptions({.edgeitems = 0}), 0));
  CHECK_ERROR("linewidth, expected at least 1, got 0", (set_printoptions({.linewidth = 0}), 0));
  CHECK(tensor({1.5}).str() == "tensor([1.5000])");
}

TEST_CASE("print options change precision, threshold and notation") {
  set_printoptions({.precision = 2, .threshold = 5, .edgeitems = 1, .sci_mode = false});
  // The width is still that of the scientific notation, as in Python.
  CHECK(tensor({0.001, 1000.0}).str() == "tensor([    0.00,  1000.00])");
  CHECK(arange(6).str() == "tensor([0,  ..., 5])");
  set_printoptions({});
  std::ostringstream out;
  out << tensor({1}) << Device("cuda:0") << Shape{2, 3};
  CHECK(out.str() == "tensor([1])cuda:0[2, 3]");
}
