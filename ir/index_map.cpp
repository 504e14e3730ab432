#include "ir/index_map.h"

#include <algorithm>

namespace weft::ir {

Affine Affine::axis(std::size_t axes, std::size_t a) {
  Affine result = zero(axes);
  result.coefs[a] = 1;
  return result;
}

bool Affine::is_constant() const {
  return std::all_of(coefs.begin(), coefs.end(), [](std::int64_t c) { return c == 0; });
}

Affine Affine::scaled(std::int64_t factor) const {
  Affine result = *this;
  result.constant *= factor;
  for (std::int64_t& c : result.coefs) c *= factor;
  return result;
}

Affine Affine::plus(const Affine& other) const {
  Affine result = *this;
  result.constant += other.constant;
  for (std::size_t a = 0; a < coefs.size(); ++a) result.coefs[a] += other.coefs[a];
  return result;
}

Affine Affine::shifted(std::int64_t by) const {
  Affine result = *this;
  result.constant += by;
  return result;
}

bool IndexMap::uses(std::size_t axis) const {
  auto affine_uses = [&](const Affine& a) { return a.uses(axis); };
  return std::any_of(dims.begin(), dims.end(), affine_uses) ||
         std::any_of(guards.begin(), guards.end(),
                     [&](const Guard& g) { return affine_uses(g.index); });
}

Affine linear_index(const IndexMap& map, const Shape& shape, std::size_t axes) {
  const std::vector<std::int64_t> strides = row_major_strides(shape);
  Affine result = Affine::zero(axes);
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] != 1) result = result.plus(map.dims[d].scaled(strides[d]));
  }
  return result;
}

namespace {

/// Splits a linear position into the digits of a mixed-radix number, where no axis carries from one
/// digit into the next; empty otherwise. sizes are the digits' bases, most significant first.
std::optional<std::vector<Affine>> split_linear(const Affine& linear,
                                                const std::vector<std::int64_t>& sizes,
                                                const std::vector<std::int64_t>& axis_sizes) {
  const std::size_t axes = axis_sizes.size();
  std::vector<Affine> digits(sizes.size(), Affine::zero(axes));
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t d = sizes.size(); d-- > 1;) strides[d - 1] = strides[d] * sizes[d];
  std::int64_t rest = linear.constant;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    digits[d].constant = strides[d] == 0 ? 0 : rest / strides[d];
    rest -= digits[d].constant * strides[d];
  }
  for (std::size_t a = 0; a < axes; ++a) {
    const std::int64_t coef = linear.coefs[a];
    if (coef == 0) continue;
    std::size_t d = 0;
    while (d + 1 < sizes.size() && (sizes[d] == 1 || strides[d] == 0 || coef % strides[d] != 0))
      ++d;
    if (strides[d] == 0 || coef % strides[d] != 0) return std::nullopt;
    digits[d].coefs[a] = coef / strides[d];
  }
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    std::int64_t low = digits[d].constant, high = low;
    for (std::size_t a = 0; a < axes; ++a) {
      const std::int64_t reach = digits[d].coefs[a] * std::max<std::int64_t>(axis_sizes[a] - 1, 0);
      (reach < 0 ? low : high) += reach;
    }
    if (low < 0 || high >= std::max<std::int64_t>(sizes[d], 1)) return std::nullopt;
  }
  return digits;
}

/// Maps a reshape's result index to its operand's: both shapes are cut into the smallest runs of
/// dimensions with equal products, and each run is joined to a linear position and split again.
std::optional<IndexMap> reshape_map(const Shape& from, const Shape& to, const IndexMap& result,
                                    const std::vector<std::int64_t>& axis_sizes) {
  const std::size_t axes = axis_sizes.size();
  IndexMap map{{}, result.guards};
  std::size_t f = 0, t = 0;
  while (f < from.size() || t < to.size()) {
    const std::size_t f0 = f, t0 = t;
    std::int64_t fp = f < from.size() ? std::int64_t{from[f++]} : 1;
    std::int64_t tp = t < to.size() ? std::int64_t{to[t++]} : 1;
    while (fp != tp) {
      if (fp < tp && f < from.size())
        fp *= from[f++];
      else if (t < to.size())
        tp *= to[t++];
      else if (f < from.size())
        fp *= from[f++];
      else
        return std::nullopt;
    }
    const Shape run_to(to.begin() + t0, to.begin() + t);
    IndexMap run{{result.dims.begin() + t0, result.dims.begin() + t}, {}};
    const Affine linear = linear_index(run, run_to, axes);
    std::vector<std::int64_t> sizes;
    for (std::size_t d = f0; d < f; ++d) sizes.push_back(from[d]);
    if (sizes.empty()) continue;
    auto digits = split_linear(linear, sizes, axis_sizes);
    if (!digits) return std::nullopt;
    map.dims.insert(map.dims.end(), digits->begin(), digits->end());
  }
  return map;
}

IndexMap broadcast_map(const Node& node, const Type& operand, const IndexMap& result,
                       std::size_t axes) {
  IndexMap map{{}, result.guards};
  const Ints& dims = node.attrs.ints("dims");
  for (int d = 0; d < operand.rank(); ++d) {
    map.dims.push_back(operand.shape[d] == 1 ? Affine::zero(axes) : result.dims[dims[d]]);
  }
  return map;
}

IndexMap slice_map(const Node& node, const IndexMap& result) {
  IndexMap map{{}, result.guards};
  const Ints &start = node.attrs.ints("start"), &stride = node.attrs.ints("stride");
  for (std::size_t d = 0; d < result.dims.size(); ++d) {
    map.dims.push_back(result.dims[d].scaled(stride[d]).shifted(start[d]));
  }
  return map;
}

IndexMap reverse_map(const Node& node, const Type& operand, const IndexMap& result) {
  IndexMap map = result;
  for (std::int64_t d : node.attrs.ints("axes")) {
    map.dims[d] = map.dims[d].scaled(-1).shifted(operand.shape[d] - 1);
  }
  return map;
}

/// The operand lies somewhere in the result: shifted, and guarded where it may be missed.
void place(IndexMap& map, std::size_t d, std::int64_t offset, std::int64_t size,
           std::int64_t result_size) {
  map.dims[d] = map.dims[d].shifted(-offset);
  if (offset != 0 || size != result_size) map.guards.push_back({map.dims[d], size});
}

std::optional<IndexMap> pad_map(const Node& node, const Type& operand, std::size_t k,
                                const IndexMap& result) {
  if (k == 1) return IndexMap{{}, result.guards};
  IndexMap map = result;
  const Ints &low = node.attrs.ints("low"), &interior = node.attrs.ints("interior");
  for (std::size_t d = 0; d < map.dims.size(); ++d) {
    if (interior[d] != 0 && operand.shape[d] > 1) return std::nullopt;
    place(map, d, low[d], operand.shape[d], node.types[0].shape[d]);
  }
  return map;
}

IndexMap concatenate_map(const Graph& graph, const Node& node, std::size_t k,
                         const IndexMap& result) {
  IndexMap map = result;
  const auto axis = static_cast<std::size_t>(node.attrs.integer("axis"));
  std::int64_t offset = 0;
  for (std::size_t o = 0; o < k; ++o) offset += graph.type(node.operands[o]).shape[axis];
  place(map, axis, offset, graph.type(node.operands[k]).shape[axis], node.types[0].shape[axis]);
  return map;
}

}  // namespace

std::optional<IndexMap> operand_map(const Graph& graph, std::uint32_t id, std::size_t k,
                                    const IndexMap& result,
                                    const std::vector<std::int64_t>& axis_sizes) {
  const std::size_t axes = axis_sizes.size();
  const Node& node = graph.node(id);
  const Type& operand = graph.type(node.operands[k]);
  switch (node.op) {
    case Op::broadcast_in_dim:
      return broadcast_map(node, operand, result, axes);
    case Op::reshape:
      return reshape_map(operand.shape, node.types[0].shape, result, axis_sizes);
    case Op::transpose: {
      IndexMap map{std::vector<Affine>(result.dims.size()), result.guards};
      const Ints& permutation = node.attrs.ints("permutation");
      for (std::size_t d = 0; d < permutation.size(); ++d)
        map.dims[permutation[d]] = result.dims[d];
      return map;
    }
    case Op::slice:
      return slice_map(node, result);
    case Op::reverse:
      return reverse_map(node, operand, result);
    case Op::pad:
      return pad_map(node, operand, k, result);
    case Op::concatenate:
      return concatenate_map(graph, node, k, result);
    case Op::gather: {
      if (k == 0) return std::nullopt;
      const auto axis = result.dims.begin() + node.attrs.integer("axis");
      return IndexMap{{axis, axis + operand.rank()}, result.guards};
    }
    default:
      break;
  }
  const Kind kind = def(node.op).kind;
  return kind == Kind::elementwise || kind == Kind::scan ? std::optional(result) : std::nullopt;
}

}  // namespace weft::ir
