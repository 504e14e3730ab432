// The one form of dot_general that fusion and lowering know: [B,M,K] x [B,K,N] -> [B,M,N].
#pragma once

#include "ir/graph.h"

namespace weft::ir {

inline const IntLists canonical_contract{{2}, {1}};
inline const IntLists canonical_batch{{0}, {0}};

/// a, b: the operands' types.
inline bool is_canonical_dot(const Node& dot, const Type& a, const Type& b) {
  return a.rank() == 3 && b.rank() == 3 && dot.attrs.int_lists("contract") == canonical_contract &&
         dot.attrs.int_lists("batch") == canonical_batch;
}

}  // namespace weft::ir
