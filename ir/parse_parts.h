// Parsing of what stands inside statements: punctuation, numbers, types, attributes, literals.
#pragma once

#include "ir/lexer.h"
#include "ir/op.h"

namespace weft::ir {

/// Throws "expected <expected>, got <token>" at the token.
[[noreturn]] void unexpected(const Token& token, std::string_view expected);
/// Takes the punctuation or throws.
void expect(Lexer& lexer, std::string_view punct);
/// Takes the punctuation if it is next.
bool accept(Lexer& lexer, std::string_view punct);
Token expect_kind(Lexer& lexer, Token::Kind kind, std::string_view expected);
std::int64_t parse_int(Lexer& lexer);

/// f32[2,3]
Type parse_type(Lexer& lexer);
/// f32[2], or (f32[2], i64[3]), or ()
std::vector<Type> parse_types(Lexer& lexer);
/// Any attribute but a literal, which needs its type.
Attribute parse_attribute(Lexer& lexer, AttrType type);
/// [[1, 2], [3, 4]], 1.5, splat(0), hex"0000803f"
Literal parse_literal(Lexer& lexer, const Type& type);

}  // namespace weft::ir
