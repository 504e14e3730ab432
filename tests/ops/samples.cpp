#include "tests/ops/samples.h"

#include <algorithm>
#include <cmath>

#include <weft/error.h>
#include "tests/ops/sample_cases.h"

namespace weft::test {

using namespace weft::ir;

namespace {

/// Every choice of values for an operation's attributes, where these do not depend on shapes.
std::vector<Attributes> attribute_choices(const OpDef& def) {
  std::vector<Attributes> choices{{}};
  for (const AttrDef& attr : def.attrs) {
    std::vector<Attribute> values;
    if (attr.name == "dtype")
      for (DType dtype : computable) values.emplace_back(dtype);
    if (attr.name == "order")
      for (std::int64_t order : {1, 2, 3}) values.emplace_back(order);
    if (attr.name == "direction")
      for (const char* direction : {"eq", "ne", "lt", "le", "gt", "ge"})
        values.emplace_back(std::string(direction));
    std::vector<Attributes> longer;
    for (const Attributes& prefix : choices)
      for (const Attribute& value : values) {
        longer.push_back(prefix);
        longer.back().set(attr.name, value);
      }
    choices = std::move(longer);
  }
  return choices;
}

void add_if_accepted(std::vector<Sample>& list, Sample sample) {
  try {
    infer(Node{sample.op, {}, sample.attrs, {}, sample.bodies, {}}, sample.operands);
  } catch (const Error&) {
    return;
  }
  list.push_back(std::move(sample));
}

/// Operands all of one dtype, and with a bool in front.
std::vector<std::vector<DType>> dtype_choices(int operands) {
  std::vector<std::vector<DType>> choices;
  for (DType dtype : computable) {
    choices.emplace_back(operands, dtype);
    if (operands == 3 && dtype != DType::boolean) choices.push_back({DType::boolean, dtype, dtype});
  }
  return choices;
}

std::vector<Sample> elementwise_samples(const OpDef& def) {
  // Longer than a block of the interpreter, of a rank above one, a scalar, and empty.
  static const Shape shapes[] = {{300}, {2, 3}, {}, {0, 3}};
  std::vector<Sample> list;
  for (const Attributes& attrs : attribute_choices(def))
    for (const std::vector<DType>& dtypes : dtype_choices(def.min_operands))
      for (const Shape& shape : shapes) {
        Sample sample{def.op, {}, attrs, {}};
        for (DType dtype : dtypes) sample.operands.push_back({dtype, shape});
        add_if_accepted(list, std::move(sample));
      }
  return list;
}

double draw_from(const Domain& domain, std::mt19937_64& random) {
  for (;;) {
    const double x = uniform(random, domain.low, domain.high);
    const auto near = [x](double kink) { return std::fabs(x - kink) < 0.02; };
    if (std::none_of(domain.avoid.begin(), domain.avoid.end(), near)) return x;
  }
}

/// Elements of operand k: floats from the operation's domain, others from a range that suits.
Literal draw_operand(const Sample& sample, std::size_t k, std::mt19937_64& random) {
  const Type& type = sample.operands[k];
  const OpDef& definition = def(sample.op);
  if (sample.op == Op::random_bits) return fill(type, [&] { return uniform(random, 0, 1.8e19); });
  if (is_float(type.dtype)) {
    const auto domains = definition.domains;
    const Domain domain = domains.empty() ? Domain{} : domains[std::min(k, domains.size() - 1)];
    return fill(type, [&] { return draw_from(domain, random); });
  }
  // Indices go one beyond either end, to be clamped.
  const bool indices =
      k == 1 && (definition.kind == Kind::gather || definition.kind == Kind::scatter);
  if (indices) {
    const auto axis = static_cast<std::size_t>(sample.attrs.integer("axis"));
    const double size = static_cast<double>(sample.operands[0].shape[axis]);
    return fill(type, [&] { return std::floor(uniform(random, -1, size + 1)); });
  }
  return draw_uniform(type, -9, 9, random());
}

}  // namespace

std::string Sample::str() const {
  std::string text(def(op).name);
  text += '(';
  for (std::size_t k = 0; k < operands.size(); ++k)
    text += (k == 0 ? "" : ", ") + operands[k].str();
  return text + ')';
}

Graph Sample::graph() const {
  Builder builder("sample");
  Node node{op, {}, attrs, {}, bodies, {}};
  for (std::size_t k = 0; k < operands.size(); ++k)
    node.operands.push_back(builder.parameter(operands[k], "x" + std::to_string(k)));
  const Value first = builder.add_verbatim(std::move(node));
  std::vector<Value> results;
  for (std::uint32_t r = 0; r < builder.node(first).types.size(); ++r)
    results.push_back({first.node, r});
  return builder.finish(std::move(results));
}

DType Sample::dtype() const {
  if (!operands.empty())
    return (def(op).kind == Kind::elementwise ? operands.back() : operands.front()).dtype;
  const Graph whole = graph();
  return whole.type(whole.results()[0]).dtype;
}

std::vector<Sample> samples(const OpDef& def) {
  if (def.kind == Kind::elementwise) return elementwise_samples(def);
  std::vector<Sample> list;
  for (Sample& sample : structure_cases(def.op)) add_if_accepted(list, std::move(sample));
  return list;
}

bool accepts(const OpDef& def, DType dtype) {
  for (const Sample& sample : samples(def))
    if (sample.dtype() == dtype) return true;
  return false;
}

std::vector<Literal> draw(const Sample& sample, std::uint64_t seed) {
  std::mt19937_64 random(seed * 1000003 + static_cast<std::uint64_t>(sample.op));
  std::vector<Literal> inputs;
  for (std::size_t k = 0; k < sample.operands.size(); ++k)
    inputs.push_back(draw_operand(sample, k, random));
  return inputs;
}

}  // namespace weft::test
