// dot_general: both operands become [batch, m or k, ...] arrays, then k is summed in order.
#include <algorithm>
#include <string>
#include <vector>

#include <weft/error.h>
#include "ir/interpret_parts.h"
#include "ir/reduce_order.h"
#include "ir/scalar_element.h"

namespace weft::ir {

namespace {

struct Sizes {
  std::int64_t batch, m, k, n;
};

/// out[n] = sum over k of a[k] * b[k, n], for floats in blocks of dot_block.
template <element::Float T>
void product_row(const T* a, const T* b, T* out, std::int64_t k_size, std::int64_t n) {
  std::fill(out, out + n, T{0});
  std::vector<T> block(static_cast<std::size_t>(n));
  for (std::int64_t begin = 0; begin < k_size; begin += dot_block) {
    const std::int64_t end = std::min(begin + dot_block, k_size);
    T* acc = begin == 0 ? out : block.data();
    if (begin != 0) std::fill(block.begin(), block.end(), T{0});
    for (std::int64_t k = begin; k < end; ++k) element::fma_row(a[k], b + k * n, acc, n);
    if (begin != 0)
      for (std::int64_t j = 0; j < n; ++j) out[j] += block[j];
  }
}
template <element::Int T>
void product_row(const T* a, const T* b, T* out, std::int64_t k_size, std::int64_t n) {
  std::fill(out, out + n, T{0});
  for (std::int64_t k = 0; k < k_size; ++k)
    for (std::int64_t j = 0; j < n; ++j)
      out[j] = element::add(out[j], element::mul(a[k], b[k * n + j]));
}

/// a [batch, m, k] times b [batch, k, n].
template <element::Number T>
void product(const T* a, const T* b, T* out, const Sizes& s) {
  for (std::int64_t i = 0; i < s.batch; ++i)
    for (std::int64_t row = 0; row < s.m; ++row)
      product_row(a + (i * s.m + row) * s.k, b + i * s.k * s.n, out + (i * s.m + row) * s.n, s.k,
                  s.n);
}

Ints free_axes(int rank, const Ints& contract, const Ints& batch) {
  Ints axes;
  for (std::int64_t k = 0; k < rank; ++k)
    if (std::find(contract.begin(), contract.end(), k) == contract.end() &&
        std::find(batch.begin(), batch.end(), k) == batch.end())
      axes.push_back(k);
  return axes;
}

Ints joined(const Ints& a, const Ints& b, const Ints& c) {
  Ints all = a;
  all.insert(all.end(), b.begin(), b.end());
  all.insert(all.end(), c.begin(), c.end());
  return all;
}

Shape sizes_of(const Literal& x, const Ints& axes) {
  Shape shape;
  for (std::int64_t axis : axes) shape.push_back(x.type().shape[axis]);
  return shape;
}

}  // namespace

Literal interpret_dot(const Node& node, const Literal& a, const Literal& b) {
  const IntLists &contract = node.attrs.int_lists("contract"),
                 &batch = node.attrs.int_lists("batch");
  const Ints a_free = free_axes(a.type().rank(), contract[0], batch[0]);
  const Ints b_free = free_axes(b.type().rank(), contract[1], batch[1]);
  const Sizes sizes{elements(sizes_of(a, batch[0])), elements(sizes_of(a, a_free)),
                    elements(sizes_of(a, contract[0])), elements(sizes_of(b, b_free))};

  Shape shape = sizes_of(a, joined(batch[0], a_free, {}));
  for (const Dim& d : sizes_of(b, b_free)) shape.push_back(d);
  Literal result = Literal::zeros({a.type().dtype, shape});
  const Literal lhs = transposed(a, joined(batch[0], a_free, contract[0]));
  const Literal rhs = transposed(b, joined(batch[1], contract[1], b_free));
  const auto unsupported = [&] { no_arithmetic(node, a.type().dtype); };
  const auto run = [&]<class T>() {
    if constexpr (element::Number<T>)
      product(lhs.as<T>(), rhs.as<T>(), result.mutable_as<T>(), sizes);
    else
      unsupported();
  };
  element::with_type(a.type().dtype, run, unsupported);
  return result;
}

}  // namespace weft::ir
