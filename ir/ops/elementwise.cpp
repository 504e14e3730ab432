// The inference rules of elementwise operations.
#include "ir/ops/elementwise.h"

namespace weft::ir::ops {

void check_elementwise(const InferContext& c, Class wanted, std::size_t first) {
  for (std::size_t k = first; k < c.operands.size(); ++k) {
    check_class(c, "E1", k, wanted);
    check_same_dtype(c, "E2", k, first);
  }
  for (std::size_t k = 1; k < c.operands.size(); ++k)
    if (c.operands[k].shape != c.operands[0].shape)
      c.fail("E3", operand(k) + "'s shape differs from operand 0's", ir::str(c.operands[0].shape),
             ir::str(c.operands[k].shape));
}

}  // namespace weft::ir::ops
