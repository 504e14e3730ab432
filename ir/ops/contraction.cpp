// Products of tensors.
#include <algorithm>

#include "ir/ops/infer.h"
#include "ir/ops/linear_rules.h"
#include "ir/ops/table.h"

namespace weft::ir::ops {
namespace {

bool contains(const Ints& list, std::int64_t entry) {
  return std::find(list.begin(), list.end(), entry) != list.end();
}

/// The axes of one attribute: two lists of equal length, whose sizes agree pairwise.
void check_pairs(const InferContext& c, std::string_view attr) {
  const IntLists& lists = c.node.attrs.int_lists(attr);
  const std::string what = "attribute '" + std::string(attr) + "'";
  if (lists.size() != 2)
    c.fail("D3", what, "two lists of axes", std::to_string(lists.size()) + " lists");
  if (lists[0].size() != lists[1].size())
    c.fail("D3", what, "two lists of equal length", str(lists[0]) + " and " + str(lists[1]));
}

void check_sizes(const InferContext& c, std::string_view attr) {
  const IntLists& lists = c.node.attrs.int_lists(attr);
  for (std::size_t k = 0; k < lists[0].size(); ++k) {
    const Dim a = c.operands[0].shape[static_cast<std::size_t>(lists[0][k])];
    const Dim b = c.operands[1].shape[static_cast<std::size_t>(lists[1][k])];
    if (a != b)
      c.fail("D5",
             "size of operand 1's axis " + std::to_string(lists[1][k]) + ", a '" +
                 std::string(attr) + "' axis with operand 0's axis " + std::to_string(lists[0][k]),
             std::to_string(a), std::to_string(b));
  }
}

std::vector<Type> infer_dot_general(const InferContext& c) {
  check_class(c, "D1", 0, Class::number);
  check_same_dtype(c, "D2", 1, 0);
  check_pairs(c, "contract");
  check_pairs(c, "batch");
  const IntLists& contract = c.node.attrs.int_lists("contract");
  const IntLists& batch = c.node.attrs.int_lists("batch");
  Type result{c.operands[0].dtype, {}};
  for (std::size_t side = 0; side < 2; ++side) {
    Ints both = contract[side];
    both.insert(both.end(), batch[side].begin(), batch[side].end());
    check_axes(c, "D4", "contract and batch of " + operand(side), both, c.operands[side].rank());
  }
  check_sizes(c, "contract");
  check_sizes(c, "batch");
  for (const std::int64_t axis : batch[0])
    result.shape.push_back(c.operands[0].shape[static_cast<std::size_t>(axis)]);
  for (std::size_t side = 0; side < 2; ++side)
    for (int axis = 0; axis < c.operands[side].rank(); ++axis)
      if (!contains(contract[side], axis) && !contains(batch[side], axis))
        result.shape.push_back(c.operands[side].shape[static_cast<std::size_t>(axis)]);
  return {result};
}

constexpr AttrDef dot_attrs[] = {{"contract", AttrType::int_lists}, {"batch", AttrType::int_lists}};

constexpr OpDef table[] = {
    {.op = Op::dot_general,
     .name = "dot_general",
     .kind = Kind::contract,
     .min_operands = 2,
     .max_operands = 2,
     .attrs = dot_attrs,
     .infer = infer_dot_general,
     .jvp = jvp_dot_general,
     .transpose = transpose_dot_general,
     .doc = "sums of products over contracted axes, for each index of batch axes and of the free "
            "axes of both operands"},
};
static_assert(is_complete(table, contraction_range));

}  // namespace

constinit const std::span<const OpDef> contraction = table;

}  // namespace weft::ir::ops
