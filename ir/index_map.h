// Views as index maps: which element of an operand one element of a result reads, as affine
// functions of loop axes. The base of fusion (passes/fuse) and of lowering (codegen/lower).
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace weft::ir {

/// constant + sum of coefs[a] * (index of loop axis a).
struct Affine {
  std::int64_t constant = 0;
  std::vector<std::int64_t> coefs;  // one per loop axis

  static Affine zero(std::size_t axes) { return {0, std::vector<std::int64_t>(axes, 0)}; }
  static Affine axis(std::size_t axes, std::size_t a);
  bool is_constant() const;
  bool uses(std::size_t a) const { return coefs[a] != 0; }
  Affine scaled(std::int64_t factor) const;
  Affine plus(const Affine& other) const;
  Affine shifted(std::int64_t by) const;
  friend auto operator<=>(const Affine&, const Affine&) = default;
};

/// The value exists only where 0 <= index < size (an element of a pad's or concatenate's operand).
struct Guard {
  Affine index;
  std::int64_t size = 0;
  friend auto operator<=>(const Guard&, const Guard&) = default;
};

/// Where one loop iteration finds its element of a value.
struct IndexMap {
  std::vector<Affine> dims;   // one per dimension of the value
  std::vector<Guard> guards;  // all must hold
  friend auto operator<=>(const IndexMap&, const IndexMap&) = default;

  bool uses(std::size_t axis) const;
};

/// The map of operand k of an elementwise, view, pad or concatenate node (and of the indices of a
/// gather, and of a scan, which is needed in whole rows), given the map of its result; empty where
/// it is not affine: a reshape that would need a division, a dilating pad, the data of a gather.
std::optional<IndexMap> operand_map(const Graph& graph, std::uint32_t node, std::size_t k,
                                    const IndexMap& result,
                                    const std::vector<std::int64_t>& axis_sizes);

/// The row-major linear position of the element, as an affine function.
Affine linear_index(const IndexMap& map, const Shape& shape, std::size_t axes);

}  // namespace weft::ir
