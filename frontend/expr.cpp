#include "frontend/expr.h"

#include <algorithm>
#include <numeric>

namespace weft::detail {

ir::Shape broadcast_shapes(const std::vector<ir::Shape>& shapes) {
  ir::Shape common;
  for (std::size_t operand = 0; operand < shapes.size(); ++operand) {
    const ir::Shape& shape = shapes[operand];
    const ir::Shape before = common;
    if (shape.size() > common.size()) {
      common.insert(common.begin(), shape.size() - common.size(), ir::Dim(1));
    }
    const std::size_t offset = common.size() - shape.size();
    for (std::size_t k = 0; k < shape.size(); ++k) {
      ir::Dim& size = common[offset + k];
      if (size == 1) {
        size = shape[k];
      } else if (shape[k] != 1 && shape[k] != size) {
        fail("operand " + std::to_string(operand) + " has shape " + ir::str(shape) +
             ", expected one that broadcasts with " + ir::str(before) + " (axis " +
             std::to_string(offset + k) + ": " + std::to_string(shape[k]) + " against " +
             std::to_string(size) + ")");
      }
    }
  }
  return common;
}

}  // namespace weft::detail

namespace weft::detail::expr {
namespace {

ir::Ints zeros_of(const ir::Shape& shape) { return ir::Ints(shape.size(), 0); }
ir::Ints ones_of(const ir::Shape& shape) { return ir::Ints(shape.size(), 1); }

}  // namespace

Ref constant(ir::Literal literal) {
  ir::Type type = literal.type();
  ir::Attributes attrs{{"value", std::move(literal)}};
  return record_typed(ir::Op::constant, {}, std::move(attrs), std::move(type), OpScope::where());
}

Ref scalar(DType dtype, double value) { return constant(ir::Literal::scalar(dtype, value)); }
Ref scalar_int(DType dtype, std::int64_t value) {
  return constant(ir::Literal::scalar_int(dtype, value));
}

Ref full(const ir::Type& type, double value) {
  return broadcast_to(scalar(type.dtype, value), type.shape);
}

Ref iota(const ir::Type& type, std::int64_t axis) {
  return record(ir::Op::iota, {},
                {{"axis", axis}, {"dtype", type.dtype}, {"shape", ir::to_ints(type.shape)}});
}

Ref unary(ir::Op op, const Ref& x) { return record(op, {x}); }

Ref convert(const Ref& x, DType to) {
  return x->type.dtype == to ? x : record(ir::Op::convert, {x}, {{"dtype", to}});
}

Ref bitcast(const Ref& x, DType to) { return record(ir::Op::bitcast, {x}, {{"dtype", to}}); }

Ref binary(ir::Op op, const Ref& a, const Ref& b) {
  if (a->type.shape == b->type.shape) return record(op, {a, b});
  const ir::Shape shape = broadcast_shapes({a->type.shape, b->type.shape});
  return record(op, {broadcast_to(a, shape), broadcast_to(b, shape)});
}

Ref compare(std::string_view direction, const Ref& a, const Ref& b) {
  const ir::Shape shape = broadcast_shapes({a->type.shape, b->type.shape});
  return record(ir::Op::compare, {broadcast_to(a, shape), broadcast_to(b, shape)},
                {{"direction", std::string(direction)}});
}

Ref select(const Ref& p, const Ref& a, const Ref& b) {
  const ir::Shape shape = broadcast_shapes({p->type.shape, a->type.shape, b->type.shape});
  return record(ir::Op::select,
                {broadcast_to(p, shape), broadcast_to(a, shape), broadcast_to(b, shape)});
}

Ref clamp(const Ref& x, const Ref& low, const Ref& high) {
  const ir::Shape shape = broadcast_shapes({low->type.shape, x->type.shape, high->type.shape});
  return record(ir::Op::clamp,
                {broadcast_to(low, shape), broadcast_to(x, shape), broadcast_to(high, shape)});
}

Ref add(const Ref& x, double c) { return add(x, scalar(x->type.dtype, c)); }
Ref mul(const Ref& x, double c) { return mul(x, scalar(x->type.dtype, c)); }

Ref broadcast_in_dim(const Ref& x, const ir::Shape& shape, const ir::Ints& dims) {
  return record(ir::Op::broadcast_in_dim, {x}, {{"shape", ir::to_ints(shape)}, {"dims", dims}});
}

Ref broadcast_to(const Ref& x, const ir::Shape& shape) {
  if (x->type.shape == shape) return x;
  ir::Ints dims(x->type.shape.size());
  std::iota(dims.begin(), dims.end(), static_cast<std::int64_t>(shape.size() - dims.size()));
  return broadcast_in_dim(x, shape, dims);
}

Ref reshape(const Ref& x, const ir::Shape& shape) {
  if (x->type.shape == shape) return x;
  return record(ir::Op::reshape, {x}, {{"shape", ir::to_ints(shape)}});
}

Ref same(const Ref& x) {
  return record(ir::Op::reshape, {x}, {{"shape", ir::to_ints(x->type.shape)}});
}

Ref transpose(const Ref& x, const ir::Ints& permutation) {
  if (std::is_sorted(permutation.begin(), permutation.end())) return x;
  return record(ir::Op::transpose, {x}, {{"permutation", permutation}});
}

Ref slice(const Ref& x, const ir::Ints& start, const ir::Ints& limit, const ir::Ints& stride) {
  return record(ir::Op::slice, {x}, {{"start", start}, {"limit", limit}, {"stride", stride}});
}

Ref slice_axis(const Ref& x, std::int64_t axis, std::int64_t start, std::int64_t limit,
               std::int64_t stride) {
  const auto k = static_cast<std::size_t>(axis);
  ir::Ints starts = zeros_of(x->type.shape), limits = ir::to_ints(x->type.shape),
           strides = ones_of(x->type.shape);
  if (start == 0 && limit == limits[k] && stride == 1) return x;
  starts[k] = start;
  limits[k] = limit;
  strides[k] = stride;
  return slice(x, starts, limits, strides);
}

Ref reverse(const Ref& x, const ir::Ints& axes) {
  return record(ir::Op::reverse, {x}, {{"axes", axes}});
}

Ref pad(const Ref& x, const Ref& value, const ir::Ints& low, const ir::Ints& high,
        const ir::Ints& interior) {
  return record(ir::Op::pad, {x, value}, {{"low", low}, {"high", high}, {"interior", interior}});
}

Ref concatenate(const std::vector<Ref>& parts, std::int64_t axis) {
  return parts.size() == 1 ? parts[0] : record(ir::Op::concatenate, parts, {{"axis", axis}});
}

Ref update_slice(const Ref& base, const Ref& part, const ir::Attributes& slice) {
  if (base->type.shape == part->type.shape) return part;
  if (ir::elements(part->type.shape) == 0) return base;
  const ir::Ints& start = slice.ints("start");
  const ir::Ints& stride = slice.ints("stride");
  ir::Ints high(start.size()), interior(start.size());
  for (std::size_t k = 0; k < start.size(); ++k) {
    interior[k] = stride[k] - 1;
    const std::int64_t reach = start[k] + (part->type.shape[k] - 1) * stride[k] + 1;
    high[k] = base->type.shape[k] - reach;
  }
  const Ref inside = full({DType::boolean, part->type.shape}, 1);
  const Ref mask = pad(inside, scalar(DType::boolean, 0), start, high, interior);
  const Ref padded = pad(part, scalar(part->type.dtype, 0), start, high, interior);
  return select(mask, padded, base);
}

Ref reduce(const Ref& x, std::string_view kind, const ir::Ints& axes, bool keep) {
  if (axes.empty()) return x;
  Ref reduced = record(ir::Op::reduce, {x}, {{"kind", std::string(kind)}, {"axes", axes}});
  if (!keep) return reduced;
  ir::Shape shape = x->type.shape;
  for (std::int64_t axis : axes) shape[static_cast<std::size_t>(axis)] = 1;
  return reshape(reduced, shape);
}

Ref arg_extreme(ir::Op op, const Ref& x, std::int64_t axis) {
  return record(op, {x}, {{"axis", axis}});
}

Ref cumulative(const Ref& x, std::string_view kind, std::int64_t axis) {
  return record(ir::Op::cumulative, {x},
                {{"kind", std::string(kind)}, {"axis", axis}, {"reverse", false}});
}

Ref dot_general(const Ref& a, const Ref& b, const ir::IntLists& contract,
                const ir::IntLists& batch) {
  return record(ir::Op::dot_general, {a, b}, {{"contract", contract}, {"batch", batch}});
}

Ref gather(const Ref& x, const Ref& indices, std::int64_t axis) {
  return record(ir::Op::gather, {x, indices}, {{"axis", axis}});
}

Ref scatter(const Ref& x, const Ref& indices, const Ref& updates, std::int64_t axis,
            std::string_view kind) {
  return record(ir::Op::scatter, {x, indices, updates},
                {{"axis", axis}, {"kind", std::string(kind)}});
}

Ref detach(const Ref& x) { return x->requires_grad ? record_identity(RecordKind::detached, x) : x; }

}  // namespace weft::detail::expr
