// Indexing by positions, slices and tensors; gathers, scatters and rearrangements.
#include <cstdint>

#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("positions, slices, none and ellipsis make views") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  check_tensor(x.index({1, Slice(), -1}), i64, {3}, {15, 19, 23});
  check_tensor(x.index({ellipsis, 0}), i64, {2, 3}, {0, 4, 8, 12, 16, 20});
  CHECK(x.index({none, 0, ellipsis, none}).shape() == Shape{1, 3, 4, 1});
  check_values(x.index({0, Slice(none, none, 2), Slice(-2, none)}), {2, 3, 10, 11});
  check_values(x[0][1][Slice(1, 3)], {5, 6});
  CHECK(x[Slice(5, 9)].shape() == Shape{0, 3, 4});
  CHECK_ERROR("too many indices for tensor of dimension 3", x.index({0, 0, 0, 0}));
  CHECK_ERROR("index 2 is out of bounds for dimension 0 with size 2", x.index({2}));
  CHECK_ERROR("slice step must be positive", x.index({Slice(0, 2, -1)}));
  CHECK(contains(error_of([&] { return x[0][0][0][0]; }), "cannot be applied to a 0-dim tensor"));
}

TEST_CASE("a tensor of positions gathers") {
  const Tensor x = arange(12).reshape({3, 4}), rows = tensor({2, 0, -1});
  check_tensor(x[rows], i64, {3, 4}, {8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11});
  check_values(x.index({Slice(), tensor({1, 1})}), {1, 1, 5, 5, 9, 9});
  check_tensor(x.index({0, tensor({{0, 1}, {2, 3}})}), i64, {2, 2}, {0, 1, 2, 3});
  check_values(x.index({tensor({0, 1, 2}), tensor({3, 2, 1})}), {3, 6, 9});
  check_values(x.take(tensor({11, 0})), {11, 0});
  check_values(index_select(x, 1, tensor({3, 0})), {3, 0, 7, 4, 11, 8});
  CHECK_ERROR("index 3 is out of bounds for dimension with size 3", x.index({tensor({3})}));
  CHECK_ERROR("must be integers, got f32", x.index({tensor({1.0})}));
  CHECK_THROWS_AS(x.index({x > 3}), Unsupported);
}

TEST_CASE("positions apart from each other put their dimensions first") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  const Tensor picked = x.index({tensor({0, 1}), Slice(), tensor({0, 3})});
  check_tensor(picked, i64, {2, 3}, {0, 4, 8, 15, 19, 23});
  const Tensor beside = x.index({Slice(), tensor({0, 2}), tensor({0, 3})});
  check_tensor(beside, i64, {2, 2}, {0, 11, 12, 23});
}

TEST_CASE("gather, take_along_dim and scatter_add follow torch") {
  const Tensor x = tensor({{1, 2}, {3, 4}}), p = tensor({{0, 0}, {1, 0}});
  check_values(gather(x, 1, p), {1, 1, 4, 3});
  check_values(take_along_dim(x, tensor({{1}, {0}}), 1), {2, 3});
  check_values(take_along_dim(x, tensor({{1, 0}}), 0), {3, 2});
  check_values(zeros({2, 2}, i64).scatter_add(1, p, x), {3, 0, 4, 3});
  check_values(zeros({3}).index_add(0, tensor({0, 2, 0}), tensor({1.0, 2.0, 3.0})), {4, 0, 2});
  CHECK_ERROR("must have the same number of dimensions", gather(x, 1, tensor({0})));
}

TEST_CASE("a number is indexed like a vector of one element") {
  const Tensor x = tensor(1.0), first = tensor(0), beyond = tensor(7);
  check_tensor(x.take_along_dim(first, 0), f32, {}, {1});
  check_tensor(take_along_dim(x, tensor(-1), -1), f32, {}, {1});
  check_tensor(x.gather(0, first), f32, {}, {1});
  check_tensor(x.gather(0, tensor({0, 0})), f32, {2}, {1, 1});
  check_tensor(tensor({4, 5}).gather(0, tensor(1)), i64, {}, {5});
  check_tensor(x.scatter_add(0, first, tensor(2.0)), f32, {}, {3});
  check_tensor(ones({2}).scatter_add(0, tensor(1), tensor(2.0)), f32, {2}, {1, 3});
  check_tensor(x.index_add(0, tensor({0, 0}), tensor({2.0, 4.0})), f32, {}, {7});
  check_tensor(ones({2}).index_add(-1, first, tensor(2.0)), f32, {2}, {3, 1});
  check_tensor(ones({1, 2}).index_add(0, first, ones({1, 2})), f32, {1, 2}, {2, 2});
  check_tensor(x.index_select(0, first), f32, {}, {1});
  check_tensor(tensor({4, 5}).index_select(0, tensor(-1)), i64, {1}, {5});
  CHECK_ERROR("take_along_dim: index 7 is out of bounds", x.take_along_dim(beyond, 0));
  CHECK_ERROR("gather: index 7 is out of bounds for dimension with size 1", x.gather(0, beyond));
  CHECK_ERROR("scatter_add: index 7 is out of bounds", x.scatter_add(0, beyond, x));
  CHECK_ERROR("index_select: index to scalar can have only 1 value, got 2",
              x.index_select(0, tensor({0, 0})));
  CHECK_ERROR("index_add: index is supposed to be a vector, got shape [1, 1]",
              ones({1, 1}).index_add(0, tensor({{0}}), ones({1, 1})));
  CHECK_ERROR("index_add: expected a source of shape [1,2], got [2]",
              ones({3, 2}).index_add(0, first, ones({2})));
  CHECK_ERROR("gather: dimension out of range", x.gather(1, first));
}

TEST_CASE("steps, diagonals and shifts may be as long as integers are") {
  const Tensor x = arange(10), square = ones({2, 2});
  check_tensor(x[Slice(1, none, INT64_MAX - 5)], i64, {1}, {1});
  check_tensor(x[Slice(8, none, INT64_MAX)], i64, {1}, {8});
  check_tensor(x[Slice(none, none, INT64_MAX)], i64, {1}, {0});
  check_tensor(x[Slice(4, 4, INT64_MAX)], i64, {0}, {});
  check_values(x.reshape({2, 5})[Slice(1, none, INT64_MAX)], {5, 6, 7, 8, 9});
  Tensor written = zeros({3});
  written[Slice(1, none, INT64_MAX)] = 5;
  check_values(written, {0, 5, 0});
  check_values(square.triu(INT64_MIN), {1, 1, 1, 1});
  check_values(square.tril(INT64_MIN), {0, 0, 0, 0});
  check_values(square.triu(INT64_MAX), {0, 0, 0, 0});
  check_values(square.tril(INT64_MAX), {1, 1, 1, 1});
  check_values(arange(5).roll(INT64_MIN, 0), {3, 4, 0, 1, 2});  // -2^63 is 2 modulo 5
  check_values(arange(5).roll(INT64_MAX, 0), {3, 4, 0, 1, 2});
  check_values(arange(5).roll(-7, 0), {2, 3, 4, 0, 1});
}

TEST_CASE("assignments by tensors of positions") {
  Tensor x = zeros({3, 4});
  x.index_put_({tensor({0, 2})}, 5);
  x.index_put_({tensor({1, 1}), tensor({0, 3})}, tensor({7.0, 8.0}));
  check_values(x, {5, 5, 5, 5, 7, 0, 0, 8, 5, 5, 5, 5});
  x.index_put_({Slice(), tensor({1, 1})}, 1, /*accumulate=*/true);
  check_values(x.index({Slice(), 1}), {7, 2, 7});
  Tensor y = zeros({2, 3, 2});
  y.index_put_({tensor({1, 0}), Slice(), tensor({0, 1})},
               tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}}));
  check_values(y, {0, 4, 0, 5, 0, 6, 1, 0, 2, 0, 3, 0});
}

TEST_CASE("masks fill, and one_hot marks") {
  Tensor x = tensor({1.0, -2.0, 3.0});
  check_values(x.masked_fill(x < 0, 0), {1, 0, 3});
  x.masked_fill_(x > 2, -1);
  check_values(x, {1, -2, -1});
  check_tensor(one_hot(tensor({0, 2}), 3), i64, {2, 3}, {1, 0, 0, 0, 0, 1});
  CHECK(one_hot(tensor({1, 3})).shape() == Shape{2, 4});
  CHECK_ERROR("masked_fill: only supports boolean masks", x.masked_fill(x, 0));
}

TEST_CASE("cat, stack, pad, flip, roll, repeat and triangles") {
  const Tensor a = tensor({{1, 2}}), b = tensor({{3, 4}});
  check_tensor(cat({a, b}), i64, {2, 2}, {1, 2, 3, 4});
  check_tensor(cat({a, b}, -1), i64, {1, 4}, {1, 2, 3, 4});
  CHECK(cat({a, ones({1, 2})}).dtype() == f32);
  check_tensor(stack({tensor({1, 2}), tensor({3, 4})}, 1), i64, {2, 2}, {1, 3, 2, 4});
  check_tensor(pad(a, {1, 2}, 9), i64, {1, 5}, {9, 1, 2, 9, 9});
  check_tensor(pad(a, {0, 0, 1, 0}), i64, {2, 2}, {0, 0, 1, 2});
  check_values(flip(arange(3), {0}), {2, 1, 0});
  check_values(roll(arange(5), 2, 0), {3, 4, 0, 1, 2});
  check_tensor(tensor({1, 2}).repeat({2, 2}), i64, {2, 4}, {1, 2, 1, 2, 1, 2, 1, 2});
  check_values(tril(ones({3, 3})), {1, 0, 0, 1, 1, 0, 1, 1, 1});
  check_values(triu(ones({2, 3}), 1), {0, 1, 1, 0, 0, 1});
  check_values(arange(9).reshape({3, 3}).diagonal(), {0, 4, 8});
  CHECK_ERROR(
      "cat: sizes of tensors must match except in dimension 0: expected operand 1 like "
      "[1,2], got [1,3]",
      cat({a, ones({1, 3})}));
  CHECK_ERROR("expected a non-empty list of Tensors", cat({}));
  CHECK_ERROR("stack: expects each tensor to be equal size", stack({a, ones({3})}));
}

TEST_CASE("products of vectors, matrices and batches") {
  const Tensor a = arange(6, f32).reshape({2, 3}), b = arange(6, f32).reshape({3, 2});
  check_tensor(matmul(a, b), f32, {2, 2}, {10, 13, 28, 40});
  check_tensor(a.mv(tensor({1.0, 0.0, 0.0})), f32, {2}, {0, 3});
  check_tensor(dot(tensor({1.0, 2.0}), tensor({3.0, 4.0})), f32, {}, {11});
  check_tensor(matmul(tensor({1.0, 1.0}), a), f32, {3}, {3, 5, 7});
  check_tensor(outer(tensor({1, 2}), tensor({3, 4})), i64, {2, 2}, {3, 4, 6, 8});
  const Tensor batch = stack({a, a * 2});
  check_tensor(matmul(batch, b), f32, {2, 2, 2}, {10, 13, 28, 40, 20, 26, 56, 80});
  check_tensor(bmm(batch, stack({b, b})), f32, {2, 2, 2}, {10, 13, 28, 40, 20, 26, 56, 80});
  CHECK(matmul(zeros({4, 1, 2, 3}), zeros({5, 3, 6})).shape() == Shape{4, 5, 2, 6});
  CHECK(matmul(a, zeros({5, 3, 6})).shape() == Shape{5, 2, 6});
  CHECK_ERROR("matmul: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", matmul(a, a));
  CHECK_ERROR("operand 1 has dtype f64, expected operand 0's dtype f32", matmul(a, b.to(f64)));
  CHECK_ERROR("mm: operand 0 has shape [3], expected 2 dimensions", mm(ones({3}), b));
}

TEST_CASE("einsum contracts letters") {
  const Tensor a = arange(6, f32).reshape({2, 3}), b = arange(6, f32).reshape({3, 2});
  check_values(einsum("ij,jk->ik", {a, b}), {10, 13, 28, 40});
  check_values(einsum("ij->ji", {a}), {0, 3, 1, 4, 2, 5});
  check_values(einsum("ij->", {a}), {15});
  check_values(einsum("i,j->ij", {tensor({1.0, 2.0}), tensor({3.0, 4.0})}), {3, 4, 6, 8});
  check_values(einsum("ij,jk,k->i", {a, b, tensor({1.0, 1.0})}), {23, 68});
  check_tensor(einsum("bij,bjk->bik", {ones({2, 1, 3}), ones({2, 3, 2})}), f32, {2, 1, 2},
               {3, 3, 3, 3});
  check_values(einsum("ij,jk", {a, b}), {10, 13, 28, 40});
  CHECK_ERROR("names 2 operands, got 1", einsum("ij,jk->ik", {a}));
  CHECK_ERROR("letter 'j' is 3 in one operand and 2 in another", einsum("ij,jk->ik", {a, a}));
  CHECK_ERROR("output letter 'z'", einsum("ij->z", {a}));
}

TEST_CASE("positions that are still to be computed are checked as well") {
  const Tensor x = arange(4);
  CHECK_ERROR("index 102 is out of bounds", x.index({tensor({1, 2}) * 0 + 102}));
  CHECK_ERROR("index 7 is out of bounds", zeros({2}).gather(0, arange(2) * 0 + 7));
  CHECK_ERROR("class 5 is out of bounds for 3 classes", one_hot(tensor({0, 5}), 3));
  CHECK_ERROR("class -1 is out of bounds for 3 classes", one_hot(tensor({0, 1}) - 1, 3));
  CHECK_ERROR("target class 3 is out of bounds for 3 classes",
              nn::cross_entropy(zeros({2, 3}), tensor({0, 1}) + 2));
}

TEST_CASE("positions that jit does not know are clamped to their dimension") {
  const Tensor x = arange(4), table = arange(6).reshape({2, 3});
  check_values(jit([&](Tensor at) { return x.index({at}); })(tensor({1, 100})), {1, 3});
  check_values(jit([&](Tensor at) { return table.gather(1, at); })(tensor({{5}, {-9}})), {2, 3});
  check_values(jit([&](Tensor at) { return table.index({at, at}); })(tensor({0, 9})), {0, 5});
  check_values(jit([&](Tensor at) { return one_hot(at, 3); })(tensor({7, -1})), {0, 0, 1, 1, 0, 0});
  const auto loss = jit([&](Tensor x, Tensor at) { return nn::cross_entropy(x, at); });
  const Tensor scores = tensor({{1.0, 2.0, 4.0}});
  CHECK(loss(scores, tensor({7})).item<float>() == loss(scores, tensor({2})).item<float>());
  CHECK(loss(scores, tensor({-7})).item<float>() == loss(scores, tensor({0})).item<float>());
  CHECK(loss(scores, tensor({7})).item<float>() ==
        nn::cross_entropy(scores, tensor({2})).item<float>());
  CHECK_ERROR("cross_entropy: target class 7 is out of bounds for 3 classes",
              nn::cross_entropy(scores, tensor({7})));
}
