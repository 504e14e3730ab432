// Attention as products and softmax, and its derivatives. They are linear: attention_tangent in one
// operand's tangent, and its transposition attention_gradient in the result's cotangent. Both are
// products and softmax, which have derivatives of any order.
#include <array>
#include <limits>
#include <numeric>

#include "ir/builder.h"
#include "ir/ops/expansions.h"
#include "ir/ops/linear_rules.h"

namespace weft::ir {
namespace {

constexpr std::array operand_names{"query", "key", "value"};

/// Products over the last two axes of arrays that share the axes before them.
class Attention {
 public:
  /// Operands q, k, v and, of derivatives, the tangent or cotangent x.
  Attention(Builder& b, const Node& node, std::span<const Value> operands)
      : b_(b),
        node_(node),
        rank_(b.type(operands[0]).rank()),
        q_(operands[0]),
        k_(operands[1]),
        v_(operands[2]),
        x_(operands.size() > 3 ? operands[3] : Value{}) {
    batch_.resize(static_cast<std::size_t>(rank_) - 2);
    std::iota(batch_.begin(), batch_.end(), 0);
  }

  Value result() {
    if (b_.type(k_).shape.end()[-2] > 0)
      return product(softmax(scaled(product(q_, k_, 1, 1))), v_, 1, 0);
    Shape shape = b_.type(q_).shape;  // no keys
    shape.back() = b_.type(v_).shape.back();
    return b_.broadcast_in_dim(b_.scalar(b_.type(q_).dtype, 0), shape, {});
  }

  /// Of the result, along x.
  Value tangent() {
    const std::string& wrt = node_.attrs.string("wrt");
    const Value p = softmax(scaled(product(q_, k_, 1, 1)));
    if (wrt == "value") return product(p, x_, 1, 0);
    const Value s = scaled(wrt == "query" ? product(x_, k_, 1, 1) : product(q_, x_, 1, 1));
    return product(through_softmax(p, s), v_, 1, 0);
  }

  /// Of the operand `wrt`, where x is the result's.
  Value gradient() {
    const std::string& wrt = node_.attrs.string("wrt");
    const Value p = softmax(scaled(product(q_, k_, 1, 1)));
    if (wrt == "value") return product(p, x_, 0, 0);
    const Value s = scaled(through_softmax(p, product(x_, v_, 1, 1)));
    return wrt == "query" ? product(s, k_, 1, 0) : product(s, q_, 0, 0);
  }

 private:
  /// Summed over the axis `of_a` of the last two of a and `of_b` of b.
  Value product(Value a, Value b, std::int64_t of_a, std::int64_t of_b) {
    return b_.dot_general(a, b, {{rank_ - 2 + of_a}, {rank_ - 2 + of_b}}, {batch_, batch_});
  }
  Value scaled(Value x) {
    return b_.binary(Op::mul, x, b_.scalar(b_.type(x).dtype, node_.attrs.real("scale")));
  }

  Value softmax(Value s) {
    const Type type = b_.type(s);
    if (node_.attrs.boolean("causal")) {
      const Type places{DType::i64, type.shape};
      const Value seen = b_.compare("ge", b_.iota(places, rank_ - 2), b_.iota(places, rank_ - 1));
      s = b_.select(seen, s, b_.scalar(type.dtype, -std::numeric_limits<double>::infinity()));
    }
    const Value e = b_.unary(Op::exp, b_.binary(Op::sub, s, over_keys(s, "max")));
    return b_.binary(Op::div, e, over_keys(e, "add"));
  }
  // The derivative of p = softmax(s) is symmetric: p * (ds - sum p ds).
  Value through_softmax(Value p, Value ds) {
    const Value moved = b_.binary(Op::mul, p, ds);
    return b_.binary(Op::sub, moved, b_.binary(Op::mul, p, over_keys(moved, "add")));
  }

  /// Reduced over the last axis, and broadcast back along it.
  Value over_keys(Value x, std::string_view kind) {
    Ints kept(static_cast<std::size_t>(rank_) - 1);
    std::iota(kept.begin(), kept.end(), 0);
    const Shape shape = b_.type(x).shape;
    return b_.broadcast_in_dim(b_.reduce(x, kind, {rank_ - 1}), shape, kept);
  }

  Builder& b_;
  const Node& node_;
  std::int64_t rank_;
  Value q_, k_, v_, x_;
  Ints batch_;
};

}  // namespace

Value jvp_attention(const JvpContext& c) {
  if (c.b.type(c.operands[1]).shape.end()[-2] == 0) return {};  // no keys: the result is 0
  Value sum;
  for (std::size_t k = 0; k < operand_names.size(); ++k) {
    if (!c.tangents[k].valid()) continue;
    Attributes attrs = c.node.attrs;
    attrs.set("wrt", std::string(operand_names[k]));
    const Value term = c.b.add_node(
        Op::attention_tangent, {c.operands[0], c.operands[1], c.operands[2], c.tangents[k]}, attrs);
    sum = sum.valid() ? c.b.binary(Op::add, sum, term) : term;
  }
  return sum;
}

std::vector<Value> transpose_attention_tangent(const TransposeContext& c) {
  const Value gradient =
      c.b.add_node(Op::attention_gradient,
                   {c.operands[0], c.operands[1], c.operands[2], c.cotangent}, c.node.attrs);
  return {{}, {}, {}, gradient};
}

Value expand_attention(Builder& b, const Node& node, std::span<const Value> operands) {
  return Attention(b, node, operands).result();
}

Value expand_attention_gradient(Builder& b, const Node& node, std::span<const Value> operands) {
  return Attention(b, node, operands).gradient();
}

Value expand_attention_tangent(Builder& b, const Node& node, std::span<const Value> operands) {
  return Attention(b, node, operands).tangent();
}

}  // namespace weft::ir
