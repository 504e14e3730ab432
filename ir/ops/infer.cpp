// Checks that the inference rules of several operations share.
#include "ir/ops/infer.h"

#include <algorithm>

namespace weft::ir::ops {

std::string_view describe(Class c) {
  switch (c) {
    case Class::any:
      return "any dtype";
    case Class::number:
      return "an integer or float dtype";
    case Class::floating:
      return "a float dtype";
    case Class::integer:
      return "an integer dtype";
    case Class::logical:
      return "bool or an integer dtype";
  }
  return "";
}

bool accepts(const InferContext& c, Class wanted, DType dtype) {
  if (wanted == Class::any) return true;
  if (is_complex(dtype) && wanted != Class::integer && wanted != Class::logical)
    throw Unsupported(std::string(def(c.node.op).name) + ": dtype " + std::string(name(dtype)) +
                          " is not supported yet",
                      c.node.where);
  switch (wanted) {
    case Class::number:
      return is_int(dtype) || is_float(dtype);
    case Class::floating:
      return is_float(dtype);
    case Class::integer:
      return is_int(dtype);
    default:
      return is_bool(dtype) || is_int(dtype);
  }
}

std::string operand(std::size_t k) { return "operand " + std::to_string(k); }

std::string str(const Ints& list) {
  std::string text = "[";
  for (std::size_t k = 0; k < list.size(); ++k)
    text += (k > 0 ? "," : "") + std::to_string(list[k]);
  return text + ']';
}

void check_class(const InferContext& c, std::string_view rule, std::size_t k, Class wanted) {
  const DType dtype = c.operands[k].dtype;
  if (!accepts(c, wanted, dtype))
    c.fail(rule, operand(k) + "'s dtype", describe(wanted), name(dtype));
}

void check_same_dtype(const InferContext& c, std::string_view rule, std::size_t k, std::size_t as) {
  const DType expected = c.operands[as].dtype;
  const DType got = c.operands[k].dtype;
  if (got != expected)
    c.fail(rule, operand(k) + "'s dtype differs from " + operand(as) + "'s", name(expected),
           name(got));
}

void check_axis(const InferContext& c, std::string_view rule, std::string_view attr,
                std::int64_t axis, int rank) {
  if (axis < 0 || axis >= rank)
    c.fail(rule, "attribute '" + std::string(attr) + "'",
           rank == 0 ? "no axis of a scalar" : "an axis from 0 to " + std::to_string(rank - 1),
           std::to_string(axis));
}

void check_axes(const InferContext& c, std::string_view rule, std::string_view attr,
                const Ints& axes, int rank) {
  for (std::size_t k = 0; k < axes.size(); ++k) {
    check_axis(c, rule, attr, axes[k], rank);
    if (std::find(axes.begin(), axes.begin() + k, axes[k]) != axes.begin() + k)
      c.fail(rule, "attribute '" + std::string(attr) + "'", "distinct axes", str(axes));
  }
}

void check_length(const InferContext& c, std::string_view rule, std::string_view attr,
                  const Ints& list, int size) {
  if (static_cast<int>(list.size()) != size)
    c.fail(rule, "entries of attribute '" + std::string(attr) + "'", std::to_string(size),
           std::to_string(list.size()));
}

void check_choice(const InferContext& c, std::string_view rule, std::string_view attr,
                  std::string_view got, std::initializer_list<std::string_view> choices) {
  if (std::find(choices.begin(), choices.end(), got) != choices.end()) return;
  std::string expected;
  for (const std::string_view choice : choices)
    expected += (expected.empty() ? "\"" : ", \"") + std::string(choice) + '"';
  c.fail(rule, "attribute '" + std::string(attr) + "'", expected, '"' + std::string(got) + '"');
}

}  // namespace weft::ir::ops
