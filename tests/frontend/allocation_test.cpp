// Memory that runs out: each allocation of a call fails once, and the call either happens or does
// not. Compilation is left out, since LLVM ends the process when it gets no memory.
#include <cstdlib>
#include <new>

#include "runtime/pool.h"
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {

thread_local bool counting = false;
thread_local int until_failure = 0;  // allocations of this thread that still succeed

bool must_fail() { return counting && until_failure-- == 0; }

void* get(std::size_t bytes, std::size_t alignment) {
  if (must_fail()) return nullptr;
  if (bytes == 0) bytes = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes);
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void* get_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* memory = get(bytes, alignment)) return memory;
  throw std::bad_alloc();
}

/// Runs `call` with its first allocation failing, then its second, and so on until it succeeds;
/// `look` after each failure. Returns the failures.
template <class Call, class Look>
int fail_each_allocation(Call&& call, Look&& look) {
  for (int nth = 0;; ++nth) {
    runtime::trim_pool();
    bool failed = false;
    until_failure = nth;
    counting = true;
    try {
      call();
    } catch (const std::bad_alloc&) {
      failed = true;
    } catch (const OutOfMemory&) {
      failed = true;
    }
    counting = false;
    if (!failed) return nth;
    CAPTURE(nth);
    look();
    REQUIRE(nth < 10000);
  }
}

}  // namespace

void* operator new(std::size_t n) { return get_or_throw(n, 1); }
void* operator new[](std::size_t n) { return get_or_throw(n, 1); }
void* operator new(std::size_t n, std::align_val_t a) {
  return get_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return get_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return get(n, 1); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return get(n, 1); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return get(n, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

TEST_CASE("a training step happens or does not, whichever allocation fails") {
  manual_seed(3);
  nn::Linear first(20, 30), last(30, 3);
  std::vector<Tensor> parameters = first.parameters();
  for (const Tensor& p : last.parameters()) parameters.push_back(p);
  optim::Adam adam(parameters, {.lr = 0.01});
  const Tensor x = randn({40, 20}), y = randint(0, 3, {40});
  auto step = jit([&](const Tensor& inputs, const Tensor& labels) {
    adam.zero_grad();
    const Tensor loss = nn::cross_entropy(last(first(inputs).relu()), labels);
    loss.backward();
    adam.step();
    return loss;
  });
  for (int k = 0; k < 3; ++k) step(x, y).item<float>();
  const auto state = [&] {
    std::vector<float> all;
    for (const Tensor& p : parameters)
      for (const float v : p.detach().to_vector<float>()) all.push_back(v);
    return all;
  };
  const std::vector<float> before = state();
  int changed = 0;
  float loss = 0;
  const int failures = fail_each_allocation([&] { loss = step(x, y).item<float>(); },
                                            [&] { changed += state() == before ? 0 : 1; });
  CHECK(failures > 5);
  CHECK(changed == 0);
  CHECK(state() != before);
  CHECK(step(x, y).item<float>() < loss);
}

TEST_CASE("recording, evaluating and looking again succeed after an allocation failed") {
  const Tensor a = rand({50, 60}), b = rand({50, 60});
  const auto compute = [&] { return ((a + b) * a).exp().sum(1).to_vector<float>(); };
  const std::vector<float> expected = compute();
  std::vector<float> got;
  const int failures =
      fail_each_allocation([&] { got = compute(); }, [&] { CHECK(compute() == expected); });
  CHECK(failures > 10);
  CHECK(got == expected);
}

TEST_CASE("a tensor that cannot be had says how many bytes were asked for") {
  CHECK_THROWS_WITH_AS(zeros({std::int64_t{1} << 44}).eval(), doctest::Contains("out of memory"),
                       OutOfMemory);
}
