// attention: batch axes become one, and ir/attention.h does the rest.
#include "ir/attention.h"
#include "ir/attention_node.h"
#include "ir/interpret_parts.h"

namespace weft::ir {

Literal interpret_attention(const Node& node, const Literal& q, const Literal& k,
                            const Literal& v) {
  const DType dtype = q.type().dtype;
  if (!is_computable(dtype)) no_arithmetic(node, dtype);
  Literal result = Literal::zeros(node.types[0]);
  attention(dtype, attention_shape(node, q.type(), k.type(), v.type()), q.data(), k.data(),
            v.data(), result.mutable_data());
  return result;
}

}  // namespace weft::ir
