// Types, attributes and literals from tokens.
#include "ir/parse_parts.h"

#include <algorithm>
#include <charconv>

#include "ir/text.h"

namespace weft::ir {
namespace {

/// A splat takes no text to speak of, so its size is bounded here.
constexpr std::size_t splat_limit = std::size_t{1} << 30;

std::string dtype_names() {
  std::string names;
  for (const auto& info : detail::dtype_table)
    names += (names.empty() ? "" : " ") + std::string(info.name);
  return names;
}

DType parse_dtype(Lexer& lexer) {
  const Token& token = lexer.peek();
  const auto dtype = dtype_from_name(token.text);
  if (token.kind != Token::Kind::name || !dtype)
    unexpected(token, "a dtype (" + dtype_names() + ")");
  lexer.next();
  return *dtype;
}

bool parse_bool(Lexer& lexer) {
  const Token token = expect_kind(lexer, Token::Kind::name, "true or false");
  if (token.text != "true" && token.text != "false") unexpected(token, "true or false");
  return token.text == "true";
}

Ints parse_ints(Lexer& lexer) {
  Ints list;
  expect(lexer, "[");
  if (accept(lexer, "]")) return list;
  do list.push_back(parse_int(lexer));
  while (accept(lexer, ","));
  expect(lexer, "]");
  return list;
}

IntLists parse_int_lists(Lexer& lexer) {
  IntLists lists;
  expect(lexer, "[");
  if (accept(lexer, "]")) return lists;
  do lists.push_back(parse_ints(lexer));
  while (accept(lexer, ","));
  expect(lexer, "]");
  return lists;
}

/// Reads the elements of one literal into a growing array of bytes.
class LiteralParser {
 public:
  LiteralParser(Lexer& lexer, const Type& type) : lexer_(lexer), type_(type) {}

  Literal run() {
    const Token& token = lexer_.peek();
    if (token.kind == Token::Kind::name && token.text == "splat") {
      splat();
    } else if (token.kind == Token::Kind::name && token.text == "hex") {
      hex();
    } else if (type_.elements() == 0) {
      expect(lexer_, "[");
      expect(lexer_, "]");
    } else {
      dense(0);
    }
    return Literal(type_, std::move(bytes_));
  }

 private:
  void dense(std::size_t axis) {
    if (axis == type_.shape.size()) return element();
    expect(lexer_, "[");
    for (std::int64_t k = 0; k < type_.shape[axis]; ++k) {
      if (k > 0) expect(lexer_, ",");
      dense(axis + 1);
    }
    expect(lexer_, "]");
  }

  void splat() {
    const Token token = lexer_.next();
    if (type_.bytes() > splat_limit)
      throw Error("expected a splat of at most 2^30 bytes, got " + type_.str(), token.where);
    expect(lexer_, "(");
    element();
    expect(lexer_, ")");
    const std::size_t one = bytes_.size();
    bytes_.resize(type_.bytes());
    for (std::size_t at = one; at < bytes_.size(); at += one)
      std::copy_n(bytes_.begin(), one, bytes_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void hex() {
    lexer_.next();
    const Token digits = expect_kind(lexer_, Token::Kind::string, "hex digits in quotes");
    if (digits.text.size() != 2 * type_.bytes())
      throw Error("expected " + std::to_string(2 * type_.bytes()) + " hex digits for " +
                      type_.str() + ", got " + std::to_string(digits.text.size()),
                  digits.where);
    bytes_.resize(type_.bytes());
    const char* at = digits.text.data();
    for (std::byte& byte : bytes_) {
      unsigned char value = 0;
      if (std::from_chars(at, at + 2, value, 16).ptr != at + 2)
        throw Error("expected hex digits, got '" + std::string(at, 2) + "'", digits.where);
      byte = std::byte{value};
      at += 2;
    }
    check_bools(digits.where);
  }

  /// A bool is 0 or 1 in memory, so that no reader has to look twice.
  void check_bools(const Location& where) const {
    if (!is_bool(type_.dtype)) return;
    for (const std::byte byte : bytes_)
      if (std::to_integer<int>(byte) > 1) throw Error("expected 00 or 01 for each bool", where);
  }

  void element() {
    if (!is_complex(type_.dtype)) return part(type_.dtype);
    expect(lexer_, "(");
    part(part_dtype(type_.dtype));
    expect(lexer_, ",");
    part(part_dtype(type_.dtype));
    expect(lexer_, ")");
  }

  void part(DType dtype) {
    const Token token = lexer_.next();
    const std::size_t at = bytes_.size();
    bytes_.resize(at + size_of(dtype));
    const bool is_word = token.kind == Token::Kind::name || token.kind == Token::Kind::number;
    if (is_float(dtype) && token.kind == Token::Kind::name && token.text == "nan" &&
        lexer_.peek().is("(")) {
      expect(lexer_, "(");
      const Token bits = lexer_.next();
      if (!read_nan_bits(bits.text, dtype, &bytes_[at]))
        unexpected(bits, "the bits of a NaN of " + std::string(name(dtype)) + " (0x...)");
      expect(lexer_, ")");
    } else if (!is_word || !read_element(token.text, dtype, &bytes_[at])) {
      unexpected(token, "a value of " + std::string(name(dtype)));
    }
  }

  Lexer& lexer_;
  const Type& type_;
  std::vector<std::byte> bytes_;
};

}  // namespace

void unexpected(const Token& token, std::string_view expected) {
  throw Error("expected " + std::string(expected) + ", got " + token.shown(), token.where);
}

void expect(Lexer& lexer, std::string_view punct) {
  if (!accept(lexer, punct)) unexpected(lexer.peek(), '\'' + std::string(punct) + '\'');
}

bool accept(Lexer& lexer, std::string_view punct) {
  if (!lexer.peek().is(punct)) return false;
  lexer.next();
  return true;
}

Token expect_kind(Lexer& lexer, Token::Kind kind, std::string_view expected) {
  if (lexer.peek().kind != kind) unexpected(lexer.peek(), expected);
  return lexer.next();
}

std::int64_t parse_int(Lexer& lexer) {
  const Token token = expect_kind(lexer, Token::Kind::number, "an integer");
  std::int64_t value = 0;
  if (!read_element(token.text, DType::i64, reinterpret_cast<std::byte*>(&value)))
    unexpected(token, "an integer of 64 bits");
  return value;
}

Type parse_type(Lexer& lexer) {
  const Location where = lexer.peek().where;
  Type type{parse_dtype(lexer), {}};
  type.shape = to_shape(parse_ints(lexer));
  if (!is_legal(type))
    throw Error(
        "expected a type with sizes of at least 0, at most 64 axes and less than 2^62 "
        "bytes, got " +
            type.str(),
        where);
  return type;
}

std::vector<Type> parse_types(Lexer& lexer) {
  if (!accept(lexer, "(")) return {parse_type(lexer)};
  std::vector<Type> types;
  if (accept(lexer, ")")) return types;
  do types.push_back(parse_type(lexer));
  while (accept(lexer, ","));
  expect(lexer, ")");
  return types;
}

Attribute parse_attribute(Lexer& lexer, AttrType type) {
  switch (type) {
    case AttrType::boolean:
      return parse_bool(lexer);
    case AttrType::integer:
      return parse_int(lexer);
    case AttrType::real: {
      const Literal value = parse_literal(lexer, {DType::f64, {}});
      return *value.as<double>();
    }
    case AttrType::string:
      return expect_kind(lexer, Token::Kind::string, "a string in quotes").text;
    case AttrType::dtype:
      return parse_dtype(lexer);
    case AttrType::ints:
      return parse_ints(lexer);
    case AttrType::int_lists:
      return parse_int_lists(lexer);
    case AttrType::literal:
      break;
  }
  throw InternalError("parse: a literal attribute is read with its type");
}

Literal parse_literal(Lexer& lexer, const Type& type) { return LiteralParser(lexer, type).run(); }

}  // namespace weft::ir
