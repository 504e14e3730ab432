#include "ir/expansion.h"

#include <string>

#include "ir/builder.h"

namespace weft::ir {

Graph expansion(const Node& node, std::span<const Type> types) {
  const OpDef& definition = def(node.op);
  Builder b(std::string(definition.name));
  std::vector<Value> operands;
  for (const Type& type : types)
    operands.push_back(b.parameter(type, "x" + std::to_string(operands.size()), node.where));
  b.set_location(node.where);
  const Value result = definition.expand(b, node, operands);
  return b.finish({result});
}

}  // namespace weft::ir
