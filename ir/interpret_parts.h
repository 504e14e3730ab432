// The interpreter by kinds of operation. Each function gives the one result of a node, whose type
// inference has checked, on known operands.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace weft::ir {

Literal interpret_elementwise(const Node& node, std::span<const Literal> operands);
Literal interpret_random_bits(const Node& node, const Literal& key);
Literal interpret_iota(const Node& node);

Literal interpret_view(const Node& node, const Literal& x);  // also reshape, slice, reverse
Literal interpret_pad(const Node& node, const Literal& x, const Literal& value);
Literal interpret_concatenate(const Node& node, std::span<const Literal> operands);

Literal interpret_reduce(const Node& node, const Literal& x);
Literal interpret_arg_extreme(const Node& node, const Literal& x);
Literal interpret_cumulative(const Node& node, const Literal& x);
Literal interpret_dot(const Node& node, const Literal& a, const Literal& b);
Literal interpret_attention(const Node& node, std::span<const Literal> operands);
Literal interpret_gather(const Node& node, const Literal& x, const Literal& indices);
Literal interpret_scatter(const Node& node, const Literal& x, const Literal& indices,
                          const Literal& updates);

/// A box of elements inside an array: the address of element `index` is offset + sum of
/// strides[k] * index[k], in elements.
struct Strided {
  std::int64_t offset = 0;
  std::vector<std::int64_t> strides;
};
/// to[index] = from[index] for every index of `shape`.
void copy_strided(std::byte* to, const Strided& to_layout, const std::byte* from,
                  const Strided& from_layout, const Shape& shape, std::size_t element_size);
/// x with its axes in the order `axes`, as a contiguous array.
Literal transposed(const Literal& x, const std::vector<std::int64_t>& axes);

/// Throws Unsupported naming the operation and the dtype.
[[noreturn]] void no_arithmetic(const Node& node, DType dtype);

}  // namespace weft::ir
