// Random chains of views with writes through them, against plain strided memory.
#include <numeric>
#include <random>

#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {

/// What a view means: elements of shared memory at an offset and strides.
struct Strided {
  std::shared_ptr<std::vector<double>> memory;
  std::int64_t offset = 0;
  Dims shape, strides;

  template <class F>
  void for_each(F&& f) const {
    Dims index(shape.size(), 0);
    const std::int64_t n = Shape(shape).numel();
    for (std::int64_t k = 0; k < n; ++k) {
      std::int64_t at = offset;
      for (std::size_t d = 0; d < shape.size(); ++d) at += index[d] * strides[d];
      f((*memory)[static_cast<std::size_t>(at)]);
      for (std::size_t d = shape.size(); d-- > 0;) {
        if (++index[d] < shape[d]) break;
        index[d] = 0;
      }
    }
  }
  std::vector<double> values() const {
    std::vector<double> all;
    for_each([&](double& v) { all.push_back(v); });
    return all;
  }
};

struct Both {
  Tensor tensor;
  Strided plain;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(n));
  }

 private:
  std::mt19937 engine_;
};

Both permuted(Both x, Random& random) {
  Dims order(x.plain.shape.size());
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t k = order.size(); k-- > 1;) {
    std::swap(order[k],
              order[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(k) + 1))]);
  }
  Both y{x.tensor.permute(order), x.plain};
  for (std::size_t k = 0; k < order.size(); ++k) {
    y.plain.shape[k] = x.plain.shape[static_cast<std::size_t>(order[k])];
    y.plain.strides[k] = x.plain.strides[static_cast<std::size_t>(order[k])];
  }
  return y;
}

Both sliced(Both x, std::size_t axis, Random& random) {
  const std::int64_t n = x.plain.shape[axis], start = random.below(n), step = 1 + random.below(3);
  const std::int64_t stop = start + 1 + random.below(n - start);
  x.tensor = x.tensor.slice(static_cast<std::int64_t>(axis), Slice(start, stop, step));
  x.plain.offset += start * x.plain.strides[axis];
  x.plain.shape[axis] = (stop - start + step - 1) / step;
  x.plain.strides[axis] *= step;
  return x;
}

Both selected(Both x, std::size_t axis, Random& random) {
  const std::int64_t at = random.below(x.plain.shape[axis]);
  x.tensor = x.tensor.select(static_cast<std::int64_t>(axis), at);
  x.plain.offset += at * x.plain.strides[axis];
  x.plain.shape.erase(x.plain.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  x.plain.strides.erase(x.plain.strides.begin() + static_cast<std::ptrdiff_t>(axis));
  return x;
}

Both unsqueezed(Both x, std::size_t axis) {
  x.tensor = x.tensor.unsqueeze(static_cast<std::int64_t>(axis));
  x.plain.shape.insert(x.plain.shape.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  x.plain.strides.insert(x.plain.strides.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return x;
}

/// A view step, chosen at random among those possible.
Both step(const Both& x, Random& random) {
  const std::size_t rank = x.plain.shape.size();
  if (rank == 0) return unsqueezed(x, 0);
  const auto axis = static_cast<std::size_t>(random.below(static_cast<std::int64_t>(rank)));
  switch (random.below(5)) {
    case 0:
      return permuted(x, random);
    case 1:
      return sliced(x, axis, random);
    case 2:
      return selected(x, axis, random);
    case 3:
      return unsqueezed(x, axis);
    default:
      break;
  }
  if (!x.tensor.is_contiguous()) return x;
  Both y = x;  // merge everything, which is a view of what is contiguous
  y.tensor = x.tensor.view({-1});
  y.plain.shape = {Shape(x.plain.shape).numel()};
  y.plain.strides = {1};
  return y;
}

void write(Both& x, Random& random) {
  const auto number = static_cast<double>(1 + random.below(9));
  switch (random.below(3)) {
    case 0:
      x.tensor.add_(number);
      x.plain.for_each([&](double& v) { v += number; });
      break;
    case 1:
      x.tensor.fill_(number);
      x.plain.for_each([&](double& v) { v = number; });
      break;
    default: {
      const Tensor values = arange(x.tensor.numel(), f64).reshape(x.tensor.shape());
      x.tensor.copy_(values);
      double next = 0;
      x.plain.for_each([&](double& v) { v = next++; });
    }
  }
}

}  // namespace

TEST_CASE("writes through random chains of views are seen by every alias") {
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Shape shape{2 + random.below(3), 1 + random.below(4), 2 + random.below(4)};
    const std::int64_t n = shape.numel();
    auto memory = std::make_shared<std::vector<double>>(static_cast<std::size_t>(n));
    std::iota(memory->begin(), memory->end(), 0.0);
    const Tensor base = arange(n, f64).reshape(shape);
    std::vector<Both> views{{base, {memory, 0, shape.sizes(), base.stride()}}};
    for (int k = 0; k < 6; ++k) {
      const auto from =
          static_cast<std::size_t>(random.below(static_cast<std::int64_t>(views.size())));
      views.push_back(step(views[from], random));
      write(views[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(views.size())))],
            random);
    }
    for (const Both& view : views) {
      CHECK(view.tensor.shape() == Shape(view.plain.shape));
      CHECK(view.tensor.to_vector<double>() == view.plain.values());
    }
  }
}
