// Rules for reductions and products. The order in which elements are combined is part of the
// meaning, so a reduction is only dropped, or seen through axes of size 1.
#include <algorithm>
#include <string>
#include <utility>

#include "ir/matrix_product.h"
#include "passes/axes.h"
#include "passes/reduction_identity.h"
#include "passes/simplify_rules.h"

namespace weft::passes {
namespace {

using namespace ir;

bool is_idempotent(const std::string& kind) { return kind != "add" && kind != "mul"; }

/// Renames the axes of one side of a dot_general whose operand is transpose(x), so that they are
/// x's. False where x's free axes would come in another order.
bool look_through(const Ints& permutation, Ints& contract, Ints& batch) {
  Ints named = contract;
  named.insert(named.end(), batch.begin(), batch.end());
  Ints free;
  for (const std::int64_t axis : other_axes(permutation.size(), named))
    free.push_back(permutation[axis]);
  if (!std::is_sorted(free.begin(), free.end())) return false;
  for (std::int64_t& axis : contract) axis = permutation[axis];
  for (std::int64_t& axis : batch) axis = permutation[axis];
  return true;
}

}  // namespace

// reduce over axes of size 1 => reshape: they take no part in the order
Value reduce_unit_axes(Simplifier& s, const Node& node) {
  const Value x = node.operands[0];
  const Shape& from = s.type(x).shape;
  const Ints& axes = node.attrs.ints("axes");
  const Shape to = node.types[0].shape;
  Ints wide;
  for (const std::int64_t axis : axes)
    if (from[axis] != 1) wide.push_back(axis);
  if (wide.empty()) return s.reshape(x, to);
  if (wide.size() == axes.size()) return {};
  const std::string kind = node.attrs.string("kind");
  return s.reshape(s.add(Op::reduce, {x}, {{"kind", kind}, {"axes", wide}}), to);
}

// reduce of no elements => the identity
Value reduce_nothing(Simplifier& s, const Node& node) {
  if (s.type(node.operands[0]).elements() != 0 || node.types[0].elements() == 0) return {};
  const Type type = node.types[0];
  const Value identity = s.constant(reduction_identity(node.attrs.string("kind"), type.dtype));
  return s.broadcast(identity, type.shape, {});
}

// reduce(reshape(x)) => reshape(reduce(x))  for a reshape that adds or drops axes of size 1
Value reduce_of_unit_reshape(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::reshape) return {};
  const Value x = inner.operands[0];
  const Shape &middle = inner.types[0].shape, &from = s.type(x).shape;
  if (!same_but_for_unit_axes(from, middle)) return {};
  const Ints middle_wide = wide_axes(middle), from_wide = wide_axes(from);
  Ints axes;
  for (std::size_t k = 0; k < middle_wide.size(); ++k)
    if (contains(node.attrs.ints("axes"), middle_wide[k])) axes.push_back(from_wide[k]);
  const std::string kind = node.attrs.string("kind");
  const Shape to = node.types[0].shape;
  return s.reshape(s.add(Op::reduce, {x}, {{"kind", kind}, {"axes", axes}}), to);
}

// reduce max(broadcast(x)) => x  over repeated axes, and so for min, and, or
Value reduce_of_repeated(Simplifier& s, const Node& node) {
  const Node& inner = s.node(node.operands[0]);
  if (inner.op != Op::broadcast_in_dim || !is_idempotent(node.attrs.string("kind"))) return {};
  Ints dims = inner.attrs.ints("dims");
  const Ints& axes = node.attrs.ints("axes");
  for (const std::int64_t axis : axes)
    if (contains(dims, axis) || inner.types[0].shape[axis] == 0) return {};
  for (std::int64_t& dim : dims)
    dim -= std::count_if(axes.begin(), axes.end(), [&](auto axis) { return axis < dim; });
  return s.broadcast(inner.operands[0], Shape(node.types[0].shape), dims);
}

// transpose(dot(a, b)) => dot(b, a)  where it swaps the free axes of a with those of b. Products
// commute, and the order of the sum stays.
Value transpose_of_dot(Simplifier& s, const Node& node) {
  const Value product = node.operands[0];
  const Node& dot = s.node(product);
  if (dot.op != Op::dot_general || !s.read_once(product)) return {};
  IntLists contract = dot.attrs.int_lists("contract"), batch = dot.attrs.int_lists("batch");
  const std::int64_t batches = std::ssize(batch[0]);
  const std::int64_t rows = s.type(dot.operands[0]).rank() - batches - std::ssize(contract[0]);
  Ints swapped;
  const std::int64_t rank = dot.types[0].rank();
  for (std::int64_t axis = 0; axis < batches; ++axis) swapped.push_back(axis);
  for (std::int64_t axis = batches + rows; axis < rank; ++axis) swapped.push_back(axis);
  for (std::int64_t axis = batches; axis < batches + rows; ++axis) swapped.push_back(axis);
  if (node.attrs.ints("permutation") != swapped) return {};

  Value a = dot.operands[0], b = dot.operands[1];
  if (is_canonical_dot(dot, s.type(a), s.type(b))) {  // stays in the form [B,M,K] x [B,K,N]
    const Value left = s.transpose(b, {0, 2, 1});
    const Value right = s.transpose(a, {0, 2, 1});
    return s.add(Op::dot_general, {left, right}, {{"contract", contract}, {"batch", batch}});
  }
  std::swap(contract[0], contract[1]);
  std::swap(batch[0], batch[1]);
  return s.add(Op::dot_general, {b, a}, {{"contract", contract}, {"batch", batch}});
}

// dot(transpose(a), b) => dot(a, b)  with the axes renamed. A product in canonical form keeps its
// transposes: they are how its operands are read.
Value dot_of_transposes(Simplifier& s, const Node& node) {
  if (is_canonical_dot(node, s.type(node.operands[0]), s.type(node.operands[1]))) return {};
  IntLists contract = node.attrs.int_lists("contract"), batch = node.attrs.int_lists("batch");
  std::vector<Value> operands = node.operands;
  bool changed = false;
  for (std::size_t k = 0; k < 2; ++k) {
    const Node& operand = s.node(operands[k]);
    if (operand.op != Op::transpose) continue;
    if (!look_through(operand.attrs.ints("permutation"), contract[k], batch[k])) continue;
    operands[k] = operand.operands[0];
    changed = true;
  }
  if (!changed) return {};
  return s.add(Op::dot_general, operands, {{"contract", contract}, {"batch", batch}});
}

}  // namespace weft::passes
