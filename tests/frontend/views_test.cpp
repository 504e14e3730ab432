// Views share storage, copies do not; writes through a view are seen by every alias.
#include <algorithm>

#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("view, reshape, transpose, squeeze and slices share their storage") {
  Tensor x = arange(6).reshape({2, 3});
  const Tensor flat = x.view({-1}), t = x.t(), row = x[1], cut = x.slice(1, Slice(1, none)),
               wide = x.unsqueeze(0);
  x[1][2] = 50;
  check_values(flat, {0, 1, 2, 3, 4, 50});
  check_tensor(t, i64, {3, 2}, {0, 3, 1, 4, 2, 50});
  check_values(row, {3, 4, 50});
  check_values(cut, {1, 2, 4, 50});
  CHECK(wide.shape() == Shape{1, 2, 3});
  CHECK(wide.shares_storage(x));
}

TEST_CASE("clone and contiguous copies do not share") {
  Tensor x = zeros({2, 2});
  const Tensor copy = x.clone(), turned = x.t().contiguous();
  x.fill_(1);
  check_values(copy, {0, 0, 0, 0});
  check_values(turned, {0, 0, 0, 0});
  CHECK(x.contiguous().is_same(x));
}

TEST_CASE("writes through chains of views reach the base") {
  Tensor x = zeros({3, 4});
  x.t()[1].add_(5);                                       // column 1
  x.slice(1, Slice(0, none, 2))[2] = tensor({7.0, 8.0});  // row 2, columns 0 and 2
  x.permute({1, 0}).reshape({2, 2, 3}).select(0, 1).select(0, 1).mul_(0);
  x.view({12}).narrow(0, 11, 1).fill_(9);
  check_values(x, {0, 5, 0, 0, 0, 5, 0, 0, 7, 5, 8, 9});
}

TEST_CASE("a diagonal block is written through two slices") {
  Tensor x = zeros({4, 4});
  x.index({Slice(1, 3), Slice(1, 3)}) = tensor({{1.0, 2.0}, {3.0, 4.0}});
  check_values(x.index({Slice(1, 3), Slice(1, 3)}), {1, 2, 3, 4});
  CHECK(x.sum().item<float>() == 10);
}

TEST_CASE("an assignment to a temporary writes, one to a name rebinds") {
  Tensor x = zeros({2});
  Tensor y = x[0];
  y = ones({});
  check_values(x, {0, 0});
  x[0] = 3;
  check_values(x, {3, 0});
  x[1] = x[0];
  check_values(x, {3, 3});
  x[0] += 1;
  check_values(x, {4, 3});
}

TEST_CASE("expanded tensors are read, and not written") {
  const Tensor x = tensor({{1.0}, {2.0}}), wide = x.expand({2, 3});
  check_tensor(wide, f32, {2, 3}, {1, 1, 1, 2, 2, 2});
  CHECK(wide.stride() == std::vector<std::int64_t>{1, 0});
  CHECK(x.expand({-1, 4}).shape() == Shape{2, 4});
  Tensor target = wide;
  CHECK_ERROR("more than one element of the written-to tensor refers to a single memory location",
              target.add_(1));
  CHECK_ERROR("must match the existing size (2) at non-singleton dimension 0", x.expand({3, 3}));
}

TEST_CASE("strides are PyTorch's, and decide what view and reshape do") {
  const Tensor x = arange(6).reshape({2, 3});
  CHECK(x.t().stride() == std::vector<std::int64_t>{1, 3});
  CHECK_FALSE(x.t().is_contiguous());
  CHECK(x.slice(1, Slice(0, none, 2)).stride() == std::vector<std::int64_t>{3, 2});
  CHECK_ERROR("view size is not compatible with input tensor's size and stride", x.t().view({-1}));
  const Tensor copied = x.t().reshape({-1});
  CHECK_FALSE(copied.shares_storage(x));
  check_values(copied, {0, 3, 1, 4, 2, 5});
  CHECK(x.t().reshape({3, 1, 2}).shares_storage(x));
  CHECK(x.view({3, 2}).shares_storage(x));
}

TEST_CASE("shapes of views") {
  const Tensor x = zeros({1, 2, 1, 3});
  CHECK(x.squeeze().shape() == Shape{2, 3});
  CHECK(x.squeeze(0).shape() == Shape{2, 1, 3});
  CHECK(x.squeeze(1).shape() == Shape{1, 2, 1, 3});
  CHECK(x.unsqueeze(-1).shape() == Shape{1, 2, 1, 3, 1});
  CHECK(x.flatten(1, 2).shape() == Shape{1, 2, 3});
  CHECK(x.flatten().shape() == Shape{6});
  CHECK(x.movedim(3, 0).shape() == Shape{3, 1, 2, 1});
  CHECK(x.T().shape() == Shape{3, 1, 2, 1});
  CHECK(x.transpose(1, -1).shape() == Shape{1, 3, 1, 2});
  CHECK(zeros({6}).unflatten(0, {2, -1}).shape() == Shape{2, 3});
  CHECK_ERROR("shape '[4]' is invalid for input of size 6", x.view({4}));
  CHECK_ERROR("only one dimension can be inferred", x.reshape({-1, -1}));
  CHECK_ERROR("t() expects a tensor with <= 2 dimensions, but self is 4D", x.t());
}

TEST_CASE("chunk, split and unbind cut a dimension") {
  const Tensor x = arange(7);
  CHECK(x.chunk(3).size() == 3);
  check_values(x.chunk(3)[2], {6});
  CHECK(x.split(2).size() == 4);
  check_values(x.split({3, 4})[1], {3, 4, 5, 6});
  CHECK(x.unbind().size() == 7);
  CHECK_ERROR("expected sizes that sum to 7", x.split({3, 3}));
}

TEST_CASE("a data pointer of a view stays valid while the view lives") {
  const Tensor x = arange(6, f32).reshape({2, 3}), t = x.t();
  const float* data = t.data<float>();
  CHECK(std::vector<float>(data, data + 6) == std::vector<float>{0, 3, 1, 4, 2, 5});
}

TEST_CASE("permuted tensors read right, alone and among rows and broadcasts") {
  const Shape shape = {2, 3, 4, 5};
  for (DType dtype : {boolean, i64, f32}) {
    const Tensor x = arange(120).remainder(7).reshape(shape).to(dtype);
    const std::vector<double> values = numbers(x);
    std::vector<std::int64_t> order = {0, 1, 2, 3};
    do {
      const Tensor moved = x.permute(order);
      const Tensor rows = arange(120).reshape(moved.shape()).to(dtype), last = moved.select(0, 0);
      std::vector<double> alone, among;
      const auto size = [&](std::size_t d) { return shape[static_cast<std::size_t>(order[d])]; };
      for (std::int64_t a = 0; a < size(0); ++a)
        for (std::int64_t b = 0; b < size(1); ++b)
          for (std::int64_t c = 0; c < size(2); ++c)
            for (std::int64_t d = 0; d < size(3); ++d) {
              const auto at = [&](std::int64_t first) {
                std::int64_t index[4] = {};
                const std::int64_t here[4] = {first, b, c, d};
                for (std::size_t k = 0; k < 4; ++k) index[order[k]] = here[k];
                return values[static_cast<std::size_t>(
                    ((index[0] * 3 + index[1]) * 4 + index[2]) * 5 + index[3])];
              };
              const bool logical = dtype == boolean;
              const double row = static_cast<double>(alone.size());
              alone.push_back(at(a));
              among.push_back(logical ? (at(a) != (row != 0)) : at(a) - row + at(0));
            }
      check_tensor(moved.contiguous(), dtype, moved.shape(), alone);
      if (dtype == boolean)
        check_values(moved != rows, among);
      else
        check_values(moved - rows + last, among);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}
