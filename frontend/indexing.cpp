// Indexing: views for positions and slices, gathers and scatters for tensors of positions.
#include <algorithm>
#include <numeric>

#include <weft/factories.h>
#include <weft/ops.h>
#include "frontend/evaluate.h"
#include "frontend/expr.h"
#include "frontend/promote.h"
#include "frontend/storage.h"
#include "frontend/views.h"

namespace weft {

using detail::impl_of;
using detail::OpScope;
using detail::Ref;
using detail::wrap;
namespace expr = detail::expr;
using ir::Op;

namespace {

/// An integer among `positions` that is known and outside [low, size).
std::optional<std::int64_t> known_outside(const Ref& positions, std::int64_t low,
                                          std::int64_t size) {
  if (positions->traced) return std::nullopt;
  const runtime::Buffer buffer = host_value_of(positions);
  const auto find = [&](const auto* first) -> std::optional<std::int64_t> {
    const auto* last = first + positions->type.elements();
    const auto* bad = std::find_if(first, last, [&](auto p) { return p < low || p >= size; });
    return bad == last ? std::nullopt : std::optional<std::int64_t>(*bad);
  };
  if (positions->type.dtype == DType::i64) return find(static_cast<std::int64_t*>(buffer.data()));
  if (positions->type.dtype == DType::i32) return find(static_cast<std::int32_t*>(buffer.data()));
  return std::nullopt;
}

/// Positions that cannot be checked before a jitted function runs are clamped to [0, size).
Ref clamped_if_unknown(const Ref& positions, std::int64_t size) {
  if (!positions->traced) return positions;
  const auto bound = [](std::int64_t at) { return expr::scalar_int(DType::i64, at); };
  return expr::clamp(positions, bound(0), bound(std::max<std::int64_t>(size - 1, 0)));
}

/// Positions as i64 in [0, size); negative ones count from the end.
Ref wrapped_positions(const Tensor& positions, std::int64_t size) {
  const DType t = positions.dtype();
  if (is_bool(t)) {
    detail::fail_unsupported(
        "indexing by a bool mask gives a shape that depends on values; use where(), masked_fill() "
        "or "
        "multiply by the mask");
  }
  if (!is_int(t)) {
    detail::fail("tensors used as indices must be integers, got " + std::string(name(t)));
  }
  const Ref p = detail::convert_value(detail::read(positions), DType::i64);
  if (const auto bad = known_outside(p, -size, size)) {
    detail::fail("index " + std::to_string(*bad) + " is out of bounds for dimension with size " +
                 std::to_string(size));
  }
  const Ref negative = expr::compare("lt", p, expr::scalar_int(DType::i64, 0));
  const Ref from_end = expr::add(p, expr::scalar_int(DType::i64, size));
  return clamped_if_unknown(expr::select(negative, from_end, p), size);
}

/// An index split into its view (positions, slices, new axes) and its tensors, one for each axis of
/// the view that has one.
struct Plan {
  Tensor view;
  std::vector<std::pair<std::int64_t, Tensor>> positions;
};

Plan plan_index(const Tensor& x, const std::vector<Index>& indices) {
  const auto named = std::count_if(indices.begin(), indices.end(), [](const Index& i) {
    return i.kind() != Index::Kind::new_axis && i.kind() != Index::Kind::rest;
  });
  if (named > x.dim()) {
    detail::fail("too many indices for tensor of dimension " + std::to_string(x.dim()));
  }
  Plan plan{x, {}};
  std::int64_t axis = 0;
  bool seen_ellipsis = false;
  for (const Index& i : indices) {
    switch (i.kind()) {
      case Index::Kind::position:
        plan.view = plan.view.select(axis, i.position());
        break;
      case Index::Kind::range:
        plan.view = plan.view.slice(axis++, i.slice());
        break;
      case Index::Kind::new_axis:
        plan.view = plan.view.unsqueeze(axis++);
        break;
      case Index::Kind::rest:
        if (seen_ellipsis) detail::fail("an index can only have a single ellipsis");
        seen_ellipsis = true;
        axis += x.dim() - named;
        break;
      case Index::Kind::gather:
        plan.positions.emplace_back(axis++, i.tensor());
        break;
    }
  }
  return plan;
}

/// Several tensors of positions as one: the axes that they index are moved to the front and merged,
/// their positions broadcast and become positions in the merged axis.
struct Merged {
  Tensor x;            // [merged, rest...]
  Ref positions;       // of the broadcast shape
  std::int64_t front;  // where PyTorch puts the positions' dimensions among the rest
};

Merged merge(const Plan& plan) {
  const Shape shape = plan.view.shape();
  std::vector<ir::Shape> shapes;
  Dims order;
  std::int64_t merged = 1;
  for (const auto& [axis, tensor] : plan.positions) {
    shapes.push_back(detail::to_ir(tensor.shape()));
    order.push_back(axis);
    merged *= shape[static_cast<std::size_t>(axis)];
  }
  const ir::Shape common = detail::broadcast_shapes(shapes);
  Ref flat;
  for (const auto& [axis, tensor] : plan.positions) {
    const std::int64_t size = shape[static_cast<std::size_t>(axis)];
    const Ref p = expr::broadcast_to(wrapped_positions(tensor, size), common);
    flat = flat == nullptr ? p : expr::add(expr::mul(flat, static_cast<double>(size)), p);
  }
  const bool adjacent = order.back() - order.front() == static_cast<std::int64_t>(order.size()) - 1;
  const std::int64_t front = adjacent ? order.front() : 0;
  Dims rest{merged};
  for (std::int64_t k = 0; k < plan.view.dim(); ++k) {
    if (std::find(order.begin(), order.end(), k) != order.end()) continue;
    order.push_back(k);
    rest.push_back(shape[static_cast<std::size_t>(k)]);
  }
  return {plan.view.permute(order).reshape(Shape(rest)), flat, front};
}

/// Moves the first `count` dimensions behind the next `front` ones.
Ref move_front(const Ref& x, std::int64_t count, std::int64_t front) {
  ir::Ints order;
  for (std::int64_t k = 0; k < front; ++k) order.push_back(count + k);
  for (std::int64_t k = 0; k < count; ++k) order.push_back(k);
  for (auto k = front + count; k < static_cast<std::int64_t>(x->type.shape.size()); ++k) {
    order.push_back(k);
  }
  return expr::transpose(x, order);
}

/// The inverse of move_front.
Ref move_back(const Ref& x, std::int64_t count, std::int64_t front) {
  ir::Ints order;
  for (std::int64_t k = 0; k < count; ++k) order.push_back(front + k);
  for (std::int64_t k = 0; k < front; ++k) order.push_back(k);
  for (auto k = front + count; k < static_cast<std::int64_t>(x->type.shape.size()); ++k) {
    order.push_back(k);
  }
  return expr::transpose(x, order);
}

/// Positions along `axis` for each element, as positions in the flattened tensor of shape `shape`.
Ref flat_positions(const Ref& along, const ir::Shape& shape, std::int64_t axis) {
  const std::vector<std::int64_t> strides = ir::row_major_strides(shape);
  Ref flat;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    const bool is_axis = static_cast<std::int64_t>(k) == axis;
    const Ref p = is_axis ? along : expr::iota(along->type, static_cast<std::int64_t>(k));
    const Ref term = expr::mul(p, static_cast<double>(strides[k]));
    flat = flat == nullptr ? term : expr::add(flat, term);
  }
  return flat;
}

/// A number as the only element of a vector: PyTorch's indexing takes the one for the other.
Tensor at_least_vector(const Tensor& x) { return x.dim() == 0 ? x.reshape({1}) : x; }

/// A 0-dim tensor or a vector of positions, as a vector.
Tensor position_vector(const Tensor& positions) {
  if (positions.dim() > 1) {
    detail::fail("index is supposed to be a vector, got shape " + positions.shape().str());
  }
  return at_least_vector(positions);
}

/// Checks torch.gather's shapes: every axis but `axis` no longer than x's.
void check_along(const Tensor& x, const Tensor& positions, std::int64_t axis) {
  if (positions.dim() != x.dim()) {
    detail::fail("index tensor must have the same number of dimensions as input tensor, got " +
                 positions.shape().str() + " and " + x.shape().str());
  }
  for (std::int64_t k = 0; k < x.dim(); ++k) {
    const auto at = static_cast<std::size_t>(k);
    if (k != axis && positions.shape()[at] > x.shape()[at]) {
      detail::fail("size does not match at dimension " + std::to_string(k) + ": expected index " +
                   positions.shape().str() + " to be smaller than self " + x.shape().str() +
                   " apart from dimension " + std::to_string(axis));
    }
  }
}

}  // namespace

// Compares with all classes: that fuses with what is around it, as a gather would not.
Tensor detail::is_class(const Tensor& numbers, std::int64_t classes, const std::string& what) {
  const Ref given = convert_value(read(numbers), DType::i64);
  if (const auto bad = known_outside(given, 0, classes)) {
    fail(what + " " + std::to_string(*bad) + " is out of bounds for " + std::to_string(classes) +
         " classes");
  }
  const Ref in_range = clamped_if_unknown(given, classes);
  ir::Shape column = given->type.shape;
  column.push_back(1);
  return wrap(
      expr::compare("eq", expr::reshape(in_range, column), expr::iota({DType::i64, {classes}}, 0)));
}

Tensor Tensor::operator[](const IndexHere& entry) const {
  if (entry.kind() == Index::Kind::position) return select(0, entry.position(), entry.where());
  if (entry.kind() == Index::Kind::range) return slice(0, entry.slice(), entry.where());
  return index({entry}, entry.where());
}

Tensor Tensor::index(const std::vector<Index>& indices, Here here) const {
  const OpScope scope("index", here);
  const Plan plan = plan_index(*this, indices);
  if (plan.positions.empty()) return plan.view;
  if (plan.positions.size() == 1) {
    const auto& [axis, positions] = plan.positions[0];
    const Ref p = wrapped_positions(positions, plan.view.size(axis));
    return wrap(expr::gather(detail::read(plan.view), p, axis));
  }
  const Merged m = merge(plan);
  const Ref taken = expr::gather(detail::read(m.x), m.positions, 0);
  return wrap(
      move_front(taken, static_cast<std::int64_t>(m.positions->type.shape.size()), m.front));
}

Tensor& Tensor::index_put_(const std::vector<Index>& indices, const Operand& value, bool accumulate,
                           Here here) {
  const OpScope scope("index_put_", here);
  const Plan plan = plan_index(*this, indices);
  if (plan.positions.empty()) {
    Tensor view = plan.view;
    accumulate ? view.add_(value) : view.copy_(value);
    return *this;
  }
  detail::check_writable(*this);
  const Merged m = merge(plan);
  const auto count = static_cast<std::int64_t>(m.positions->type.shape.size());
  const Ref base = detail::read(m.x);
  // Updates come in the shape that index() would give.
  ir::Shape shape = m.positions->type.shape;
  shape.insert(shape.end(), base->type.shape.begin() + 1, base->type.shape.end());
  const Ref like = move_front(expr::full({dtype(), shape}, 0), count, m.front);
  const Ref given = expr::broadcast_to(detail::as_ref(value, dtype()), like->type.shape);
  const Ref result = expr::scatter(base, m.positions, move_back(given, count, m.front), 0,
                                   accumulate ? "add" : "set");
  // Back to the view's shape: split the merged axis, and undo the permutation.
  Dims order;
  for (const auto& [axis, tensor] : plan.positions) order.push_back(axis);
  for (std::int64_t k = 0; k < plan.view.dim(); ++k) {
    if (std::find(order.begin(), order.end(), k) == order.end()) order.push_back(k);
  }
  ir::Shape split;
  ir::Ints inverse(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    split.push_back(plan.view.shape()[static_cast<std::size_t>(order[k])]);
    inverse[static_cast<std::size_t>(order[k])] = static_cast<std::int64_t>(k);
  }
  detail::write(plan.view, expr::transpose(expr::reshape(result, split), inverse));
  return *this;
}

Tensor Tensor::index_select(std::int64_t dim, const Tensor& positions, Here here) const {
  const OpScope scope("index_select", here);
  const Tensor at = position_vector(positions), x = at_least_vector(*this);
  const std::int64_t axis = detail::normal_axis(dim, x.shape().size());
  if (this->dim() == 0 && at.numel() != 1) {
    detail::fail("index to scalar can have only 1 value, got " + std::to_string(at.numel()) +
                 " values");
  }
  const Ref taken = expr::gather(detail::read(x), wrapped_positions(at, x.size(axis)), axis);
  return wrap(this->dim() == 0 ? expr::reshape(taken, {}) : taken);
}

Tensor Tensor::gather(std::int64_t dim, const Tensor& positions, Here here) const {
  const OpScope scope("gather", here);
  const Tensor x = at_least_vector(*this), at = at_least_vector(positions);
  const std::int64_t axis = detail::normal_axis(dim, x.shape().size());
  check_along(x, at, axis);
  const Ref v = detail::read(x);
  const Ref flat = flat_positions(wrapped_positions(at, x.size(axis)), v->type.shape, axis);
  const Ref taken = expr::gather(expr::reshape(v, {v->type.elements()}), flat, 0);
  return wrap(expr::reshape(taken, detail::to_ir(positions.shape())));
}

Tensor Tensor::take_along_dim(const Tensor& positions, std::int64_t dim, Here here) const {
  const OpScope scope("take_along_dim", here);
  const auto axis =
      static_cast<std::size_t>(detail::normal_axis(dim, impl_of(*this).shape().size()));
  if (positions.dim() != this->dim()) {
    detail::fail("input and indices should have the same number of dimensions, but got " +
                 std::to_string(this->dim()) + " dimensions for input, and " +
                 std::to_string(positions.dim()) + " dimensions for indices");
  }
  if (this->dim() == 0) return gather(0, positions);
  // All dimensions but the chosen one broadcast.
  ir::Shape mine = detail::to_ir(shape()), theirs = detail::to_ir(positions.shape());
  const ir::Dim length = theirs[axis], size = mine[axis];
  mine[axis] = theirs[axis] = 1;
  ir::Shape common = detail::broadcast_shapes({mine, theirs});
  common[axis] = length;
  const Tensor indices = positions.expand(detail::from_ir(common));
  common[axis] = size;
  return expand(detail::from_ir(common)).gather(static_cast<std::int64_t>(axis), indices);
}

Tensor Tensor::take(const Tensor& positions, Here here) const {
  const OpScope scope("take", here);
  return reshape({-1}).index({positions});
}

Tensor Tensor::scatter_add(std::int64_t dim, const Tensor& positions, const Tensor& source,
                           Here here) const {
  const OpScope scope("scatter_add", here);
  const Tensor x = at_least_vector(*this), at = at_least_vector(positions),
               added = at_least_vector(source);
  const std::int64_t axis = detail::normal_axis(dim, x.shape().size());
  check_along(x, at, axis);
  if (at.shape() != added.shape()) {
    detail::fail("expected a source of the index's shape " + positions.shape().str() + ", got " +
                 source.shape().str());
  }
  const Ref v = detail::read(x);
  const Ref flat = flat_positions(wrapped_positions(at, x.size(axis)), v->type.shape, axis);
  const Ref sum = expr::scatter(expr::reshape(v, {v->type.elements()}), flat,
                                detail::as_ref(added, dtype()), 0, "add");
  return wrap(expr::reshape(sum, detail::to_ir(shape())));
}

Tensor Tensor::index_add(std::int64_t dim, const Tensor& positions, const Tensor& source,
                         Here here) const {
  const OpScope scope("index_add", here);
  const Tensor x = at_least_vector(*this), at = position_vector(positions),
               added = at_least_vector(source);
  const std::int64_t axis = detail::normal_axis(dim, x.shape().size());
  ir::Shape expected = detail::to_ir(x.shape());
  expected[static_cast<std::size_t>(axis)] = at.numel();
  if (detail::to_ir(added.shape()) != expected) {
    detail::fail("expected a source of shape " + ir::str(expected) + ", got " +
                 source.shape().str());
  }
  const Ref sum = expr::scatter(detail::read(x), wrapped_positions(at, x.size(axis)),
                                detail::as_ref(added, dtype()), axis, "add");
  return wrap(expr::reshape(sum, detail::to_ir(shape())));
}

Tensor Tensor::masked_fill(const Tensor& mask, const Operand& value, Here here) const {
  const OpScope scope("masked_fill", here);
  if (!is_bool(mask.dtype())) {
    detail::fail("only supports boolean masks, but got mask with dtype " +
                 std::string(name(mask.dtype())));
  }
  return wrap(
      expr::select(detail::read(mask), detail::as_ref(value, dtype()), detail::read(*this)));
}

Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& positions, Here here) {
  return x.index_select(dim, positions, here);
}
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& positions, Here here) {
  return x.gather(dim, positions, here);
}
Tensor take_along_dim(const Tensor& x, const Tensor& positions, std::int64_t dim, Here here) {
  return x.take_along_dim(positions, dim, here);
}
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value, Here here) {
  return x.masked_fill(mask, value, here);
}

Tensor one_hot(const Tensor& classes, std::int64_t num_classes, Here here) {
  const OpScope scope("one_hot", here);
  if (!is_int(classes.dtype())) {
    detail::fail("one_hot is only applicable to index tensors of integers, got " +
                 std::string(name(classes.dtype())));
  }
  if (num_classes < 0) {
    if (classes.numel() == 0)
      detail::fail("can not infer total number of classes from empty tensor");
    num_classes = max(classes).item().integer() + 1;
  }
  return detail::is_class(classes, num_classes, "class").to(i64);
}

}  // namespace weft
