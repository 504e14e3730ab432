#include "tests/passes/models.h"

#include <cmath>

namespace weft::test {
namespace {

using namespace ir;

Ints all_axes(Builder& b, Value x) {
  Ints axes;
  for (int axis = 0; axis < b.type(x).rank(); ++axis) axes.push_back(axis);
  return axes;
}

Value reduce_last(Builder& b, Value x, std::string_view kind) {
  return b.reduce(x, kind, {b.type(x).rank() - 1});
}

/// A value per row, repeated along the last axis of a value shaped like x.
Value along_rows(Builder& b, Value per_row, Value x) {
  return b.broadcast_in_dim(per_row, Shape(b.type(x).shape), all_axes(b, per_row));
}

Value mean_last(Builder& b, Value x) {
  const double n = static_cast<double>(b.type(x).shape.back());
  return b.binary(Op::div, reduce_last(b, x, "add"), b.scalar(f64_, n));
}

Value linear(Builder& b, Value x, Value w, Value bias) {
  return b.binary(Op::add, b.dot_general(x, w, {{1}, {0}}), bias);
}

}  // namespace

Value square(Builder& b, Value x) { return b.binary(Op::mul, x, x); }

Value sum(Builder& b, Value x) { return b.reduce(x, "add", all_axes(b, x)); }

Value softmax(Builder& b, Value x) {
  const Value shifted = b.binary(Op::sub, x, along_rows(b, reduce_last(b, x, "max"), x));
  const Value e = b.unary(Op::exp, shifted);
  return b.binary(Op::div, e, along_rows(b, reduce_last(b, e, "add"), e));
}

Value layer_norm(Builder& b, Value x) {
  const Value centred = b.binary(Op::sub, x, along_rows(b, mean_last(b, x), x));
  const Value variance = mean_last(b, square(b, centred));
  const Value deviation = b.unary(Op::sqrt, b.binary(Op::add, variance, b.scalar(f64_, 1e-5)));
  return b.binary(Op::div, centred, along_rows(b, deviation, x));
}

Value cross_entropy(Builder& b, Value logits, Value labels) {
  const Type type = b.type(logits);
  const Value max = reduce_last(b, logits, "max");
  const Value e = b.unary(Op::exp, b.binary(Op::sub, logits, along_rows(b, max, logits)));
  const Value log_sum = b.binary(Op::add, b.unary(Op::log, reduce_last(b, e, "add")), max);
  const Value classes =
      b.broadcast_in_dim(b.iota({DType::i64, {type.shape[1]}}, 0), type.shape, {1});
  const Value hot = b.convert(b.compare("eq", classes, along_rows(b, labels, logits)), f64_);
  const Value picked = reduce_last(b, b.binary(Op::mul, logits, hot), "add");
  const Value rows = b.scalar(f64_, static_cast<double>(type.shape[0]));
  return b.binary(Op::div, sum(b, b.binary(Op::sub, log_sum, picked)), rows);
}

Graph mlp_loss() {
  Builder b("mlp");
  const Value x = b.parameter({f64_, {5, 7}}, "x");
  const Value w1 = b.parameter({f64_, {7, 6}}, "w1"), b1 = b.parameter({f64_, {6}}, "b1");
  const Value w2 = b.parameter({f64_, {6, 4}}, "w2"), b2 = b.parameter({f64_, {4}}, "b2");
  const Value labels = b.parameter({DType::i64, {5}}, "labels");
  const Value hidden = b.unary(Op::tanh, linear(b, x, w1, b1));
  return b.finish({cross_entropy(b, linear(b, hidden, w2, b2), labels)});
}

Graph attention() {
  Builder b("attention");
  Value heads[3];
  for (int k = 0; k < 3; ++k)
    heads[k] = b.parameter({f64_, {2, 4, 3, 5}}, std::string(1, "qkv"[k]));
  for (Value& x : heads) x = b.transpose(x, {0, 2, 1, 3});
  const Value scores = b.dot_general(heads[0], heads[1], {{3}, {3}}, {{0, 1}, {0, 1}});
  const Value scaled = b.binary(Op::mul, scores, b.scalar(f64_, 1 / std::sqrt(5.0)));
  const Value weights = softmax(b, scaled);
  const Value mixed = b.dot_general(weights, heads[2], {{3}, {2}}, {{0, 1}, {0, 1}});
  return b.finish({b.transpose(mixed, {0, 2, 1, 3})});
}

Graph unary_function(const Shape& shape, Value (*f)(Builder&, Value)) {
  Builder b("f");
  const Value x = b.parameter({f64_, shape}, "x");
  return b.finish({f(b, x)});
}

}  // namespace weft::test
