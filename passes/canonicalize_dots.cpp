// Every dot_general becomes the batched matrix product [B,M,K] x [B,K,N] with views around it. The
// contracted axes keep their listed order, hence the sum its order.
#include "ir/builder.h"
#include "ir/matrix_product.h"
#include "passes/axes.h"
#include "passes/pipeline.h"
#include "passes/rebuild.h"

namespace weft::passes {
namespace {

using namespace ir;

Ints free_axes(std::size_t rank, Ints contract, const Ints& batch) {
  contract.insert(contract.end(), batch.begin(), batch.end());
  return other_axes(rank, contract);
}

std::int64_t extent(const Shape& shape, const Ints& axes) {
  std::int64_t n = 1;
  for (std::int64_t axis : axes) n *= shape[axis];
  return n;
}

/// x with its axes in three groups, each merged into one.
Value as_matrices(Builder& b, Value x, const Ints& first, const Ints& second, const Ints& third) {
  const Shape shape = b.type(x).shape;
  Ints permutation = first;
  permutation.insert(permutation.end(), second.begin(), second.end());
  permutation.insert(permutation.end(), third.begin(), third.end());
  return b.reshape(b.transpose(x, permutation),
                   {extent(shape, first), extent(shape, second), extent(shape, third)});
}

Value canonical_dot(Builder& b, const Node& node, Value x, Value y) {
  const IntLists &contract = node.attrs.int_lists("contract"),
                 &batch = node.attrs.int_lists("batch");
  if (is_canonical_dot(node, b.type(x), b.type(y))) return {};
  const Ints rows = free_axes(b.type(x).shape.size(), contract[0], batch[0]);
  const Ints columns = free_axes(b.type(y).shape.size(), contract[1], batch[1]);
  const Value left = as_matrices(b, x, batch[0], rows, contract[0]);
  const Value right = as_matrices(b, y, batch[1], contract[1], columns);
  const Value product = b.dot_general(left, right, canonical_contract, canonical_batch);
  return b.reshape(product, node.types[0].shape);
}

}  // namespace

Graph canonicalize_dots(const Graph& graph) {
  return rebuild_where(
      graph, [](Op op) { return op == Op::dot_general; },
      [](Builder& b, const Node& node, std::span<const Value> operands) {
        return canonical_dot(b, node, operands[0], operands[1]);
      });
}

}  // namespace weft::passes
