// Spelling and reading of the small parts of the text form: numbers, strings, literals, attributes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ir/attribute.h"

namespace weft::ir {

/// A double-quoted string; quotes, backslashes and control bytes are escaped (\" \\ \n \t \xHH).
std::string quoted(std::string_view text);
/// [A-Za-z_][A-Za-z0-9_.]*: such names are written bare.
bool is_plain_name(std::string_view name);
/// "%x", or "%\"odd name\"".
std::string sigil_name(char sigil, std::string_view name);

/// The shortest text that reads back as the same bits: 1.5, -inf, nan, nan(0x7fc00001), true,
/// (re,im).
std::string real_text(double value);
std::string element_text(const Literal& literal, std::int64_t i);
/// Literals with more elements than this, unless splats, are written as hex bytes.
inline constexpr std::int64_t dense_text_limit = 64;
/// [[1, 2], [3, 4]], splat(0), or hex"0000803f...".
std::string literal_text(const Literal& literal);
std::string attribute_text(const Attribute& attribute);

/// Reads one element, as element_text writes it, into `at`; false if it is none of this dtype.
/// Complex elements are read part by part: `dtype` is never complex here.
bool read_element(std::string_view text, DType dtype, std::byte* at);
/// nan(0x...): the bits as they are; false if `digits` isn't hex or the bits aren't a NaN's.
bool read_nan_bits(std::string_view digits, DType dtype, std::byte* at);
/// The float dtype of a complex dtype's parts.
DType part_dtype(DType complex);

}  // namespace weft::ir
