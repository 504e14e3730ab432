// Tensors from lists, numbers, ranges and foreign memory.
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

TEST_CASE("nested lists of integers make i64, of floating-point numbers f32, of bools bool") {
  check_tensor(tensor({{1, 2}, {3, 4}}), i64, {2, 2}, {1, 2, 3, 4});
  check_tensor(tensor({1.5, 2.0}), f32, {2}, {1.5, 2});
  check_tensor(tensor({1, 2.5}), f32, {2}, {1, 2.5});
  check_tensor(tensor({true, false}), boolean, {2}, {1, 0});
  check_tensor(tensor(7), i64, {}, {7});
  check_tensor(tensor({{1, 2}}), i64, {1, 2}, {1, 2});
  check_tensor(tensor({{{1}}, {{2}}}), i64, {2, 1, 1}, {1, 2});
  check_tensor(tensor({}), f32, {0}, {});
}

TEST_CASE("an explicit dtype wins over the one of the list") {
  check_tensor(tensor({1, 2}, f64), f64, {2}, {1, 2});
  check_tensor(tensor({1.7, -1.7}, i32), i32, {2}, {1, -1});
  check_tensor(tensor(std::vector<float>{1, 2}), f32, {2}, {1, 2});
  check_tensor(tensor(std::vector<std::int32_t>{1, 2}, f32), f32, {2}, {1, 2});
}

TEST_CASE("lists of unequal lengths are refused by name and line") {
  CHECK_ERROR("tensor: expected every list of one level to have the same lengths",
              tensor({{1, 2}, {3}}));
}

TEST_CASE("zeros, ones, full, eye and their likes") {
  check_tensor(zeros({2, 2}), f32, {2, 2}, {0, 0, 0, 0});
  check_tensor(ones({3}, i64), i64, {3}, {1, 1, 1});
  check_tensor(full({2}, 3), i64, {2}, {3, 3});
  check_tensor(full({2}, 2.5), f32, {2}, {2.5, 2.5});
  check_tensor(ones_like(tensor({1, 2})), i64, {2}, {1, 1});
  check_tensor(zeros_like(ones({1, 2}, f64)), f64, {1, 2}, {0, 0});
  check_tensor(full_like(ones({2}), 4), f32, {2}, {4, 4});
  check_tensor(eye(2), f32, {2, 2}, {1, 0, 0, 1});
  check_tensor(eye(2, 3, i64), i64, {2, 3}, {1, 0, 0, 0, 1, 0});
  check_tensor(zeros({}), f32, {}, {0});
  check_tensor(zeros({0, 3}), f32, {0, 3}, {});
  CHECK_ERROR("negative dimension", zeros({2, -1}));
}

TEST_CASE("arange counts like Python's range, in floats where one bound is one") {
  check_tensor(arange(0, 10, 2), i64, {5}, {0, 2, 4, 6, 8});
  check_tensor(arange(3), i64, {3}, {0, 1, 2});
  check_tensor(arange(5, 0, -2), i64, {3}, {5, 3, 1});
  check_tensor(arange(0.0, 1.0, 0.25), f32, {4}, {0, 0.25, 0.5, 0.75});
  check_tensor(arange(3, f32), f32, {3}, {0, 1, 2});
  CHECK_ERROR("step must be nonzero", arange(0, 3, 0));
  CHECK_ERROR("inconsistent with step sign", arange(0, 3, -1));
}

TEST_CASE("linspace hits both ends exactly") {
  const std::vector<double> values = numbers(linspace(0, 1, 5, f64));
  CHECK(values == std::vector<double>{0, 0.25, 0.5, 0.75, 1});
  const std::vector<double> third = numbers(linspace(-1, 0.1, 7));
  CHECK(third.front() == -1.0f);
  CHECK(third.back() == 0.1f);
  check_tensor(linspace(2, 5, 1), f32, {1}, {2});
}

TEST_CASE("properties are known without running anything") {
  const Tensor x = zeros({2, 3}, f64);
  CHECK(x.dim() == 2);
  CHECK(x.size(-1) == 3);
  CHECK(x.numel() == 6);
  CHECK(x.device() == Device("cpu"));
  CHECK(x.stride() == std::vector<std::int64_t>{3, 1});
  CHECK_FALSE(x.requires_grad());
  CHECK_ERROR("dimension out of range (expected to be in range of [-2, 1], but got 2)", x.size(2));
}

TEST_CASE("a device is parsed, and cuda is answered clearly") {
  CHECK(Device("cuda:1").index() == 1);
  CHECK(Device("cuda").is_cuda());
  CHECK(Device("cpu").str() == "cpu");
  CHECK_FALSE(cuda::is_available());
  for (const char* bad : {"gpu", "cuda:", "cuda:x", "cuda:-1", "", "cpu:1x", "cpu:0", "cpu:5"}) {
    CAPTURE(bad);
    CHECK(contains(error_of([&] { Device device(bad); }), "expected cpu, cuda or cuda:<number>"));
  }
  CHECK_THROWS_AS(zeros({2}, Device("cuda:0")), Unsupported);
  CHECK_ERROR("zeros: device cuda:0 is not available", zeros({2}, Device("cuda:0")));
  CHECK_ERROR("to: device cuda is not available", ones({2}).to(Device("cuda")));
}

TEST_CASE("memory of others is shared in both directions") {
  float memory[] = {1, 2, 3, 4};
  Tensor t = from_blob(memory, {2, 2});
  CHECK(t.data<float>() == memory);
  t[0] = 9;
  CHECK(memory[0] == 9);
  CHECK(memory[1] == 9);
  memory[3] = 7;
  check_values(t, {9, 9, 3, 7});
  check_values(t + 1, {10, 10, 4, 8});
  t.t().mul_(2);
  CHECK(memory[3] == 14);
}

TEST_CASE("strided memory of others is read and written in place") {
  std::int64_t memory[] = {0, 1, 2, 3, 4, 5};
  Tensor columns = from_blob(memory, {3, 2}, {1, 3}, i64);
  check_values(columns, {0, 3, 1, 4, 2, 5});
  columns[0] = 10;
  CHECK(memory[0] == 10);
  CHECK(memory[3] == 10);
  CHECK(memory[1] == 1);
  Tensor backwards = from_blob(memory + 5, {6}, {-1}, i64);
  check_values(backwards, {5, 4, 10, 2, 1, 10});
  backwards[0] = -1;
  CHECK(memory[5] == -1);
}

TEST_CASE("what was recorded before a write to foreign memory keeps the old values") {
  float memory[] = {1, 2};
  Tensor t = from_blob(memory, {2});
  const Tensor before = t * 10, copy = t.clone();
  t.add_(5);
  check_values(before, {10, 20});
  check_values(copy, {1, 2});
  check_values(t, {6, 7});
  const Tensor same = t * 1;
  same.eval();
  memory[0] = 100;
  check_values(same, {6, 7});
}

TEST_CASE("the deleter runs once nothing refers to foreign memory") {
  int deleted = 0;
  auto* memory = new float[2]{1, 2};
  {
    const Tensor t = from_blob(memory, {2}, [&](void* p) {
      ++deleted;
      delete[] static_cast<float*>(p);
    });
    const Tensor view = t[0];
    CHECK(view.item<float>() == 1);
    CHECK(deleted == 0);
  }
  CHECK(deleted == 1);
}

TEST_CASE("from_blob refuses a null pointer and a wrong number of strides") {
  float memory[2];
  CHECK_ERROR("from_blob: data is a null pointer", from_blob(nullptr, {2}));
  CHECK_ERROR("expected a stride for each of 1 dimensions, got 2", from_blob(memory, {2}, {1, 1}));
}
