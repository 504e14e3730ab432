// The forward rule of attention: products and softmax, which have derivatives of any order.
#include <limits>
#include <numeric>

#include "ir/builder.h"
#include "ir/ops/linear_rules.h"

namespace weft::ir {
namespace {

/// Products over the last two axes of arrays that share the axes before them.
class Attention {
 public:
  explicit Attention(const JvpContext& c) : c_(c), b_(c.b), rank_(b_.type(c.operands[0]).rank()) {
    batch_.resize(static_cast<std::size_t>(rank_) - 2);
    std::iota(batch_.begin(), batch_.end(), 0);
  }

  Value tangent() {
    const Value q = c_.operands[0], k = c_.operands[1], v = c_.operands[2];
    const Value dq = c_.tangents[0], dk = c_.tangents[1], dv = c_.tangents[2];
    if (b_.type(k).shape[rank_ - 2] == 0) return {};  // no keys: the result is 0
    const Value p = softmax(scores(q, k));
    Value sum;
    if (dq.valid()) sum = scores(dq, k);
    if (dk.valid()) sum = plus(sum, scores(q, dk));
    if (sum.valid()) {
      // d softmax(s) = p * (ds - sum p ds).
      const Value moved = b_.binary(Op::mul, p, sum);
      const Value mean = over_keys(moved, "add");
      sum = times(b_.binary(Op::sub, moved, b_.binary(Op::mul, p, mean)), v);
    }
    if (dv.valid()) sum = plus(sum, times(p, dv));
    return sum;
  }

 private:
  Value plus(Value a, Value b) { return a.valid() ? b_.binary(Op::add, a, b) : b; }

  /// scale * a b^T
  Value scores(Value a, Value b) {
    const Ints last{rank_ - 1};
    const Value product = b_.dot_general(a, b, {last, last}, {batch_, batch_});
    return b_.binary(Op::mul, product,
                     b_.scalar(b_.type(product).dtype, c_.node.attrs.real("scale")));
  }
  Value times(Value p, Value v) {
    return b_.dot_general(p, v, {{rank_ - 1}, {rank_ - 2}}, {batch_, batch_});
  }

  Value softmax(Value s) {
    const Type type = b_.type(s);
    if (c_.node.attrs.boolean("causal")) {
      const Type places{DType::i64, type.shape};
      const Value seen = b_.compare("ge", b_.iota(places, rank_ - 2), b_.iota(places, rank_ - 1));
      s = b_.select(seen, s, b_.scalar(type.dtype, -std::numeric_limits<double>::infinity()));
    }
    const Value e = b_.unary(Op::exp, b_.binary(Op::sub, s, over_keys(s, "max")));
    return b_.binary(Op::div, e, over_keys(e, "add"));
  }

  /// Reduced over the last axis, and broadcast back along it.
  Value over_keys(Value x, std::string_view kind) {
    Ints kept(static_cast<std::size_t>(rank_) - 1);
    std::iota(kept.begin(), kept.end(), 0);
    const Shape shape = b_.type(x).shape;
    return b_.broadcast_in_dim(b_.reduce(x, kind, {rank_ - 1}), shape, kept);
  }

  const JvpContext& c_;
  Builder& b_;
  std::int64_t rank_;
  Ints batch_;
};

}  // namespace

Value jvp_attention(const JvpContext& c) { return Attention(c).tangent(); }

}  // namespace weft::ir
