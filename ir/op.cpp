// The operation table, put together from ir/ops/, and the rules that hold for every operation.
#include "ir/op.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "ir/graph.h"
#include "ir/ops/table.h"

namespace weft::ir {
namespace {

constexpr ops::Range ranges[] = {
    ops::source_range,    ops::unary_range,     ops::binary_range,      ops::view_range,
    ops::structure_range, ops::reduction_range, ops::contraction_range, ops::attention_range,
    ops::indexing_range,  ops::control_range,
};

consteval bool ranges_cover_every_op() {
  std::size_t next = 0;
  for (const ops::Range& range : ranges) {
    if (static_cast<std::size_t>(range.first) != next) return false;
    next += range.size();
  }
  return next == op_count;
}
static_assert(ranges_cover_every_op());

std::vector<OpDef> join_parts() {
  std::vector<OpDef> table;
  table.reserve(op_count);
  for (const auto part :
       {ops::sources, ops::unary, ops::binary, ops::views, ops::structure, ops::reductions,
        ops::contraction, ops::attention, ops::indexing, ops::control})
    table.insert(table.end(), part.begin(), part.end());
  return table;
}

const std::vector<OpDef>& table() {
  static const std::vector<OpDef> joined = join_parts();
  return joined;
}

std::string operand_range(const OpDef& def) {
  if (def.max_operands == -1) return "at least " + std::to_string(def.min_operands);
  if (def.min_operands == def.max_operands) return std::to_string(def.min_operands);
  return std::to_string(def.min_operands) + " to " + std::to_string(def.max_operands);
}

constexpr std::string_view type_names[] = {"bool",  "integer", "real",    "string",
                                           "dtype", "[int]",   "[[int]]", "literal"};

void check_operand_count(const InferContext& c, const OpDef& def) {
  const auto count = static_cast<int>(c.operands.size());
  if (count < def.min_operands || (def.max_operands != -1 && count > def.max_operands))
    c.fail("G3", "number of operands", operand_range(def), std::to_string(count));
}

void check_attributes(const InferContext& c, const OpDef& def) {
  for (const AttrDef& attr : def.attrs) {
    const Attribute* given = c.node.attrs.find(attr.name);
    const auto type = static_cast<std::size_t>(attr.type);
    if (given ? given->index() == type : !attr.required) continue;
    c.fail("G4", "attribute '" + std::string(attr.name) + (given ? "'" : "' is missing"),
           type_names[type], given ? type_names[given->index()] : "none");
  }
  for (const auto& [name, value] : c.node.attrs) {
    const auto known = [&n = name](const AttrDef& attr) { return attr.name == n; };
    if (std::any_of(def.attrs.begin(), def.attrs.end(), known)) continue;
    std::string declared;
    for (const AttrDef& attr : def.attrs)
      declared += (declared.empty() ? "" : ", ") + std::string(attr.name);
    c.fail("G4", "unknown attribute", declared.empty() ? "none" : declared, name);
  }
}

void check_bodies(const InferContext& c, const OpDef& def) {
  const auto expected = static_cast<std::size_t>(def.bodies);
  if (c.node.bodies.size() != expected)
    c.fail("G5", "number of nested functions", std::to_string(expected),
           std::to_string(c.node.bodies.size()));
}

}  // namespace

void InferContext::fail(std::string_view rule, std::string_view what, std::string_view expected,
                        std::string_view got) const {
  std::string message(def(node.op).name);
  for (const std::string_view part :
       {std::string_view(" "), rule, std::string_view(": "), what, std::string_view(", expected "),
        expected, std::string_view(", got "), got})
    message += part;
  throw Error(message, node.where);
}

std::vector<Type> infer(const Node& node, std::span<const Type> operands) {
  const OpDef& definition = def(node.op);
  const InferContext context{node, operands};
  check_operand_count(context, definition);
  check_attributes(context, definition);
  check_bodies(context, definition);
  std::vector<Type> types = definition.infer(context);
  for (const Type& type : types)
    if (!is_legal(type))
      context.fail("G8", "result type",
                   "sizes of at least 0, at most 64 axes and less than 2^62 bytes", type.str());
  return types;
}

Attributes in_declared_order(const OpDef& def, Attributes attrs) {
  const auto same_name = [](const AttrDef& attr, const auto& item) {
    return attr.name == item.first;
  };
  if (std::equal(def.attrs.begin(), def.attrs.end(), attrs.begin(), attrs.end(), same_name))
    return attrs;
  Attributes ordered;
  for (const AttrDef& attr : def.attrs)
    if (const Attribute* value = attrs.find(attr.name)) ordered.set(attr.name, *value);
  for (const auto& [name, value] : attrs)
    if (!ordered.has(name)) ordered.set(name, value);
  return ordered;
}

const OpDef& def(Op op) { return table()[static_cast<std::size_t>(op)]; }

const OpDef* find_op(std::string_view name) {
  static const auto by_name = [] {
    std::unordered_map<std::string_view, const OpDef*> map;
    for (const OpDef& def : table()) map.emplace(def.name, &def);
    return map;
  }();
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

std::span<const OpDef> all_ops() { return table(); }

}  // namespace weft::ir
