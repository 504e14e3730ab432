#include "tests/passes/random_graph.h"

#include <algorithm>
#include <array>
#include <random>

#include "ir/builder.h"

namespace weft::test {
namespace {

using namespace ir;

class RandomGraph {
 public:
  RandomGraph(std::uint64_t seed, DType floating)
      : random_(seed), b_("random"), floating_(floating) {}

  Graph make() {
    for (const DType dtype : {floating_, floating_, DType::i32, DType::boolean})
      pool_.push_back(b_.parameter({dtype, shape()}, "x"));
    const int steps = 4 + pick(12);
    for (int k = 0; k < steps; ++k) pool_.push_back(step());
    std::vector<Value> results{pool_.back()};
    for (int k = pick(3); k > 0; --k) results.push_back(any());
    return b_.finish(results);
  }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  Dim size() { return std::array{1, 1, 2, 3, 4, 0}[pick(10) == 0 ? 5 : pick(5)]; }
  Shape shape() {
    Shape s;
    for (int k = pick(4); k > 0; --k) s.push_back(size());
    return s;
  }
  Value any() {
    const std::size_t n = pool_.size();  // rather a recent one
    return pool_[pick(3) == 0 ? static_cast<std::size_t>(pick(static_cast<int>(n)))
                              : n - 1 - static_cast<std::size_t>(pick(std::min<int>(3, n)))];
  }
  Value like(Value v, DType dtype) {
    const Shape& s = b_.type(v).shape;
    for (int k = 0; k < 8; ++k)
      if (const Value w = any(); b_.type(w).shape == s)
        return b_.type(w).dtype == dtype ? w : b_.convert(w, dtype);
    const int constants[] = {0, 1, -1, 2, 4};
    if (pick(2) == 0) return b_.full({dtype, s}, is_bool(dtype) ? pick(2) : constants[pick(5)]);
    if (s.empty()) return b_.scalar(dtype, 3);
    const auto axis = pick(static_cast<int>(s.size()));
    const DType counted = is_bool(dtype) ? DType::i32 : dtype;
    const Value row = b_.iota({counted, {s[axis]}}, 0);
    const Value wide = b_.broadcast_in_dim(row, s, {axis});
    return is_bool(dtype) ? b_.compare("lt", wide, b_.full({counted, s}, 1)) : wide;
  }

  Value step() {
    const Value x = any();
    switch (pick(13)) {
      case 0:
        return broadcast(x);
      case 1:
        return reshape(x);
      case 2:
        return transpose(x);
      case 3:
        return slice(x);
      case 4:
        return reverse(x);
      case 5:
        return pad(x);
      case 6:
        return concatenate(x);
      case 7:
        return reduce(x);
      case 8:
        return dot(x);
      case 9:
        return convert(x);
      case 10:
        return scan(x);
      default:
        return elementwise(x);
    }
  }

  Value elementwise(Value x) {
    const DType dtype = b_.type(x).dtype;
    const Value y = pick(6) == 0 ? x : like(x, dtype);
    if (is_bool(dtype)) {
      const Op ops[] = {Op::and_, Op::or_, Op::xor_};
      if (pick(3) == 0) return b_.unary(Op::not_, x);
      if (pick(3) == 0) return b_.select(x, y, like(x, dtype));
      return b_.binary(ops[pick(3)], x, y);
    }
    if (pick(8) == 0) return b_.select(like(x, DType::boolean), x, y);
    if (pick(8) == 0) {
      const char* directions[] = {"eq", "ne", "lt", "le", "gt", "ge"};
      return b_.compare(directions[pick(6)], x, y);
    }
    const Op unary[] = {Op::neg, Op::abs};
    if (pick(3) == 0) return b_.unary(unary[pick(2)], x);
    const Op binary[] = {Op::add, Op::sub, Op::mul, Op::max, Op::min, Op::div};
    return b_.binary(binary[pick(6)], x, y);
  }

  Value convert(Value x) {
    const DType to[] = {DType::f64, DType::i32, DType::i64, DType::u32, DType::boolean, floating_};
    return b_.convert(x, to[pick(6)]);
  }

  Value broadcast(Value x) {
    Shape to;
    Ints dims;
    for (const Dim d : b_.type(x).shape) {
      if (pick(3) == 0) to.push_back(size());
      dims.push_back(std::ssize(to));
      to.push_back(d == 1 && pick(2) == 0 ? size() : d);
    }
    if (pick(2) == 0) to.push_back(size());
    return b_.broadcast_in_dim(x, to, dims);
  }

  Value reshape(Value x) {
    const Shape& from = b_.type(x).shape;
    Shape to;
    for (std::size_t k = 0; k < from.size(); ++k) {
      if (pick(3) == 0) to.push_back(1);
      if (from[k] == 1 && pick(2) == 0) continue;
      if (!to.empty() && pick(4) == 0)
        to.back() = to.back() * from[k];
      else if (from[k] == 4 && pick(2) == 0)
        to.insert(to.end(), {2, 2});
      else
        to.push_back(from[k]);
    }
    return b_.reshape(x, to);
  }

  Value transpose(Value x) {
    Ints permutation(b_.type(x).shape.size());
    for (std::size_t k = 0; k < permutation.size(); ++k) permutation[k] = std::int64_t(k);
    std::shuffle(permutation.begin(), permutation.end(), random_);
    return b_.transpose(x, permutation);
  }

  Value slice(Value x) {
    Ints start, limit, stride;
    for (const Dim d : b_.type(x).shape) {
      start.push_back(pick(static_cast<int>(d) + 1));
      limit.push_back(start.back() + pick(static_cast<int>(d - start.back()) + 1));
      stride.push_back(1 + pick(2));
      if (pick(2) == 0) start.back() = 0, limit.back() = d;
    }
    return b_.slice(x, start, limit, stride);
  }

  Value reverse(Value x) {
    Ints axes;
    for (int axis = 0; axis < b_.type(x).rank(); ++axis)
      if (pick(2) == 0) axes.push_back(axis);
    return b_.add_node(Op::reverse, {x}, {{"axes", axes}});
  }

  Value pad(Value x) {
    Ints low, high, interior;
    for (const Dim d : b_.type(x).shape) {
      const auto width = [&] { return pick(2) == 0 ? 0 : pick(4) - (d > 1 ? 1 : 0); };
      low.push_back(width());
      high.push_back(width());
      interior.push_back(d > 0 && pick(4) == 0 ? 1 : 0);
    }
    const DType dtype = b_.type(x).dtype;
    const Value with = b_.scalar(dtype, pick(2));
    return b_.add_node(Op::pad, {x, with}, {{"low", low}, {"high", high}, {"interior", interior}});
  }

  Value concatenate(Value x) {
    const Type type = b_.type(x);
    if (type.rank() == 0) return x;
    std::vector<Value> parts{x};
    for (int k = pick(3); k > 0; --k) parts.push_back(pick(3) == 0 ? x : like(x, type.dtype));
    return b_.add_node(Op::concatenate, parts, {{"axis", std::int64_t(pick(type.rank()))}});
  }

  Value reduce(Value x) {
    const Type type = b_.type(x);
    Ints axes;
    for (int axis = 0; axis < type.rank(); ++axis)
      if (pick(2) == 0) axes.push_back(axis);
    const char* kinds[] = {"add", "max", "min", "mul"};
    const char* bits[] = {"and", "or"};
    return b_.reduce(x, is_bool(type.dtype) ? bits[pick(2)] : kinds[pick(4)], axes);
  }

  Value scan(Value x) {
    const Type type = b_.type(x);
    if (is_bool(type.dtype) || type.rank() == 0) return x;
    const char* kinds[] = {"add", "max", "min", "mul"};
    return b_.cumulative(x, kinds[pick(4)], pick(type.rank()), pick(2) == 0);
  }

  Value dot(Value x) {
    const Type type = b_.type(x);
    if (is_bool(type.dtype)) return x;
    const Value y = like(x, type.dtype);
    IntLists contract{{}, {}}, batch{{}, {}};
    for (int axis = 0; axis < type.rank(); ++axis) {
      IntLists* lists[] = {&contract, &batch, nullptr};
      if (IntLists* list = lists[pick(3)])
        for (Ints& side : *list) side.push_back(axis);
    }
    const Value product = b_.dot_general(x, y, contract, batch);
    return b_.type(product).elements() > 500 ? x : product;
  }

  std::mt19937_64 random_;
  Builder b_;
  DType floating_;
  std::vector<Value> pool_;
};

}  // namespace

Graph random_graph(std::uint64_t seed, DType floating) {
  return RandomGraph(seed, floating).make();
}

}  // namespace weft::test
