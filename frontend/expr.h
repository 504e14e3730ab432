// Records written like formulas: the operations of the IR on records, with broadcasting. Dtypes
// must agree already; what changes nothing is not recorded.
#pragma once

#include <string_view>
#include <vector>

#include "frontend/record.h"

namespace weft::detail::expr {

Ref constant(ir::Literal literal);
Ref scalar(DType dtype, double value);
Ref scalar_int(DType dtype, std::int64_t value);
Ref full(const ir::Type& type, double value);
Ref iota(const ir::Type& type, std::int64_t axis);

Ref unary(ir::Op op, const Ref& x);
Ref convert(const Ref& x, DType to);
Ref bitcast(const Ref& x, DType to);

/// Operands broadcast to a common shape, as NumPy does.
Ref binary(ir::Op op, const Ref& a, const Ref& b);
Ref compare(std::string_view direction, const Ref& a, const Ref& b);
Ref select(const Ref& p, const Ref& a, const Ref& b);
Ref clamp(const Ref& x, const Ref& low, const Ref& high);
inline Ref add(const Ref& a, const Ref& b) { return binary(ir::Op::add, a, b); }
inline Ref sub(const Ref& a, const Ref& b) { return binary(ir::Op::sub, a, b); }
inline Ref mul(const Ref& a, const Ref& b) { return binary(ir::Op::mul, a, b); }
inline Ref div(const Ref& a, const Ref& b) { return binary(ir::Op::div, a, b); }
// With a number of x's dtype.
Ref add(const Ref& x, double c);
Ref mul(const Ref& x, double c);

Ref broadcast_in_dim(const Ref& x, const ir::Shape& shape, const ir::Ints& dims);
Ref broadcast_to(const Ref& x, const ir::Shape& shape);
Ref reshape(const Ref& x, const ir::Shape& shape);
/// A record of its own with x's value, through which gradients pass.
Ref same(const Ref& x);
Ref transpose(const Ref& x, const ir::Ints& permutation);
Ref slice(const Ref& x, const ir::Ints& start, const ir::Ints& limit, const ir::Ints& stride);
Ref slice_axis(const Ref& x, std::int64_t axis, std::int64_t start, std::int64_t limit,
               std::int64_t stride = 1);
Ref reverse(const Ref& x, const ir::Ints& axes);
Ref pad(const Ref& x, const Ref& value, const ir::Ints& low, const ir::Ints& high,
        const ir::Ints& interior);
Ref concatenate(const std::vector<Ref>& parts, std::int64_t axis);
/// `base` with the elements that `slice` (attributes of a slice of it) names replaced by `part`.
Ref update_slice(const Ref& base, const Ref& part, const ir::Attributes& slice);

/// kind: add mul max min and or. `keep` leaves the axes with size 1.
Ref reduce(const Ref& x, std::string_view kind, const ir::Ints& axes, bool keep);
Ref arg_extreme(ir::Op op, const Ref& x, std::int64_t axis);
/// kind: add mul max min.
Ref cumulative(const Ref& x, std::string_view kind, std::int64_t axis);
Ref dot_general(const Ref& a, const Ref& b, const ir::IntLists& contract,
                const ir::IntLists& batch = {{}, {}});
Ref gather(const Ref& x, const Ref& indices, std::int64_t axis);
Ref scatter(const Ref& x, const Ref& indices, const Ref& updates, std::int64_t axis,
            std::string_view kind);

/// The same value, through which no gradient passes.
Ref detach(const Ref& x);

}  // namespace weft::detail::expr

namespace weft::detail {

/// The shape that `shapes` broadcast to; an error naming the operand and both shapes otherwise.
ir::Shape broadcast_shapes(const std::vector<ir::Shape>& shapes);

}  // namespace weft::detail
