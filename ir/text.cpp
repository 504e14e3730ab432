// Numbers, strings, literals and attributes as text, and back.
#include "ir/text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace weft::ir {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

template <class T>
std::string shortest(T value) {
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

/// The quiet NaN that `nan` stands for.
std::uint64_t plain_nan(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return 0x7E00;
    case DType::bf16:
      return 0x7FC0;
    case DType::f32:
      return 0x7FC00000;
    default:
      return 0x7FF8000000000000;
  }
}

std::uint64_t bits_at(const std::byte* at, DType dtype) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, size_of(dtype));
  return bits;
}

Literal one_element(DType dtype, const std::byte* at) {
  return Literal({dtype, {}}, {at, at + size_of(dtype)});
}

std::string float_text(DType dtype, const std::byte* at) {
  const double value = one_element(dtype, at).at(0);
  if (std::isnan(value)) {
    const std::uint64_t bits = bits_at(at, dtype);
    if (bits == plain_nan(dtype)) return "nan";
    std::array<char, 32> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), bits, 16).ptr;
    return "nan(0x" + std::string(buffer.data(), end) + ')';
  }
  // The shortest digits that tell a value from its neighbours in f32 do so in f16 and bf16 too.
  return dtype == DType::f64 ? shortest(value) : shortest(static_cast<float>(value));
}

template <class T>
bool read_number(std::string_view text, std::byte* at) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  std::memcpy(at, &value, sizeof value);
  return true;
}

/// from_chars calls numbers beyond the range errors; they are infinity or zero here.
template <class T>
bool read_float(std::string_view text, std::byte* at) {
  if (read_number<T>(text, at)) return true;
  double wide = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wide);
  if (end != text.data() + text.size() || end == text.data()) return false;
  if (error == std::errc::result_out_of_range) {
    const bool tiny = text.find("e-") != text.npos || text.find("E-") != text.npos;
    wide = std::copysign(tiny ? 0 : std::numeric_limits<double>::infinity(),
                         text.starts_with('-') ? -1.0 : 1.0);
  }
  const T value = static_cast<T>(wide);
  std::memcpy(at, &value, sizeof value);
  return true;
}

bool read_small_float(std::string_view text, DType dtype, std::byte* at) {
  double value = 0;
  if (!read_float<double>(text, reinterpret_cast<std::byte*>(&value))) return false;
  std::memcpy(at, Literal::scalar(dtype, value).data(), size_of(dtype));
  return true;
}

bool read_bool(std::string_view text, std::byte* at) {
  if (text != "true" && text != "false") return false;
  *at = std::byte{text == "true"};
  return true;
}

/// Elements [first, first + product of sizes from `axis` on) in brackets.
void append_dense(std::string& text, const Literal& literal, std::size_t axis, std::int64_t& next) {
  const Shape& shape = literal.type().shape;
  if (axis == shape.size()) {
    text += element_text(literal, next++);
    return;
  }
  text += '[';
  for (std::int64_t k = 0; k < shape[axis]; ++k) {
    if (k > 0) text += ", ";
    append_dense(text, literal, axis + 1, next);
  }
  text += ']';
}

std::string hex_text(const Literal& literal) {
  const std::size_t size = literal.type().bytes();
  std::string text = "hex\"";
  text.reserve(2 * size + 5);
  for (std::size_t k = 0; k < size; ++k) {
    const auto byte = std::to_integer<unsigned>(literal.data()[k]);
    text += hex_digits[byte >> 4];
    text += hex_digits[byte & 15];
  }
  return text + '"';
}

std::string list_text(const Ints& list) {
  std::string text = "[";
  for (std::size_t k = 0; k < list.size(); ++k)
    text += (k > 0 ? "," : "") + std::to_string(list[k]);
  return text + ']';
}

struct AttributeSpeller {
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(std::int64_t v) const { return std::to_string(v); }
  std::string operator()(double v) const { return real_text(v); }
  std::string operator()(const std::string& v) const { return quoted(v); }
  std::string operator()(DType v) const { return std::string(name(v)); }
  std::string operator()(const Ints& v) const { return list_text(v); }
  std::string operator()(const IntLists& v) const {
    std::string text = "[";
    for (std::size_t k = 0; k < v.size(); ++k) text += (k > 0 ? "," : "") + list_text(v[k]);
    return text + ']';
  }
  std::string operator()(const Literal& v) const { return literal_text(v); }
};

}  // namespace

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      result += "\\x";
      result += hex_digits[byte >> 4];
      result += hex_digits[byte & 15];
    } else {
      result += c;
    }
  }
  return result + '"';
}

bool is_plain_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || !letter(name[0])) return false;
  for (const char c : name)
    if (!letter(c) && c != '.' && (c < '0' || c > '9')) return false;
  return true;
}

std::string sigil_name(char sigil, std::string_view name) {
  return sigil + (is_plain_name(name) ? std::string(name) : quoted(name));
}

std::string real_text(double value) {
  std::array<std::byte, sizeof value> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  return float_text(DType::f64, bytes.data());
}

std::string element_text(const Literal& literal, std::int64_t i) {
  const DType dtype = literal.type().dtype;
  const std::byte* at = literal.data() + i * static_cast<std::int64_t>(size_of(dtype));
  if (is_bool(dtype)) return literal.at(i) != 0 ? "true" : "false";
  if (dtype == DType::u64) return std::to_string(bits_at(at, dtype));
  if (is_int(dtype)) return std::to_string(literal.int_at(i));
  if (is_float(dtype)) return float_text(dtype, at);
  const DType part = part_dtype(dtype);
  return '(' + float_text(part, at) + ", " + float_text(part, at + size_of(part)) + ')';
}

std::string literal_text(const Literal& literal) {
  const std::int64_t elements = literal.type().elements();
  if (elements == 0) return "[]";
  if (literal.type().rank() > 0 && elements > 1 && literal.is_splat())
    return "splat(" + element_text(literal, 0) + ')';
  if (elements > dense_text_limit) return hex_text(literal);
  std::string text;
  std::int64_t next = 0;
  append_dense(text, literal, 0, next);
  return text;
}

std::string attribute_text(const Attribute& attribute) {
  return std::visit(AttributeSpeller{}, attribute);
}

bool read_element(std::string_view text, DType dtype, std::byte* at) {
  if (is_float(dtype) && text == "nan") {
    const std::uint64_t bits = plain_nan(dtype);
    std::memcpy(at, &bits, size_of(dtype));
    return true;
  }
  if (is_float(dtype) && text.find_first_of("nN") != text.npos && text != "inf" && text != "-inf")
    return false;  // from_chars knows more spellings of infinity and NaN
  switch (dtype) {
    case DType::boolean:
      return read_bool(text, at);
    case DType::i8:
      return read_number<std::int8_t>(text, at);
    case DType::i16:
      return read_number<std::int16_t>(text, at);
    case DType::i32:
      return read_number<std::int32_t>(text, at);
    case DType::i64:
      return read_number<std::int64_t>(text, at);
    case DType::u8:
      return read_number<std::uint8_t>(text, at);
    case DType::u16:
      return read_number<std::uint16_t>(text, at);
    case DType::u32:
      return read_number<std::uint32_t>(text, at);
    case DType::u64:
      return read_number<std::uint64_t>(text, at);
    case DType::f16:
    case DType::bf16:
      return read_small_float(text, dtype, at);
    case DType::f32:
      return read_float<float>(text, at);
    case DType::f64:
      return read_float<double>(text, at);
    default:
      return false;
  }
}

bool read_nan_bits(std::string_view digits, DType dtype, std::byte* at) {
  if (!is_float(dtype) || !digits.starts_with("0x")) return false;
  digits.remove_prefix(2);
  std::uint64_t bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  if (size_of(dtype) < 8 && bits >> (8 * size_of(dtype)) != 0) return false;
  std::memcpy(at, &bits, size_of(dtype));
  return std::isnan(one_element(dtype, at).at(0));
}

DType part_dtype(DType complex) { return complex == DType::c64 ? DType::f32 : DType::f64; }

}  // namespace weft::ir
