// What the inference rules of several operations share.
#pragma once

#include <string>
#include <string_view>

#include "ir/graph.h"

namespace weft::ir::ops {

/// Classes of dtypes that an operation takes.
enum class Class : std::uint8_t { any, number, floating, integer, logical };

std::string_view describe(Class c);
/// Throws weft::Unsupported for complex operands of anything but Class::any.
bool accepts(const InferContext& c, Class wanted, DType dtype);

/// "operand 2"
std::string operand(std::size_t k);
/// "[0,2]"
std::string str(const Ints& list);

/// Fails by `rule` unless operand k's dtype is in the class.
void check_class(const InferContext& c, std::string_view rule, std::size_t k, Class wanted);
/// Fails by `rule` unless operand k's dtype equals operand `as`'s.
void check_same_dtype(const InferContext& c, std::string_view rule, std::size_t k, std::size_t as);
/// Fails by `rule` unless 0 <= axis < rank.
void check_axis(const InferContext& c, std::string_view rule, std::string_view attr,
                std::int64_t axis, int rank);
/// Fails by `rule` unless every axis is in range and none comes twice.
void check_axes(const InferContext& c, std::string_view rule, std::string_view attr,
                const Ints& axes, int rank);
/// Fails by `rule` unless the list has `size` entries.
void check_length(const InferContext& c, std::string_view rule, std::string_view attr,
                  const Ints& list, int size);
/// Fails by `rule` unless the text is one of the choices.
void check_choice(const InferContext& c, std::string_view rule, std::string_view attr,
                  std::string_view got, std::initializer_list<std::string_view> choices);

}  // namespace weft::ir::ops
