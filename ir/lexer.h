// Tokens of the text form, with their places. Grammar: ir/GRAMMAR.md.
#pragma once

#include <string>
#include <string_view>

#include <weft/error.h>

namespace weft::ir {

struct Token {
  enum class Kind : std::uint8_t {
    end,
    name,    // add, f32, return
    value,   // %x: text is the name; quoted odd names keep their opening quote
    symbol,  // @f: text is the name
    number,  // -1.5e3, 0x7fc0, -inf
    string,  // text is unescaped
    punct,   // one of ( ) { } [ ] , : = # or ->
  };
  Kind kind = Kind::end;
  std::string text;
  Location where;

  bool is(std::string_view punct) const { return kind == Kind::punct && text == punct; }
  /// For messages: "'add'", "end of text".
  std::string shown() const;
};

/// Copyable, so that a parser can come back to a place.
class Lexer {
 public:
  /// `file` must outlive every Location, as interned() names do.
  Lexer(std::string_view text, std::string_view file) : text_(text), file_(file) { advance(); }

  const Token& peek() const { return token_; }
  Token next();
  /// Steps over one value with all that its brackets enclose, without reading it.
  void skip_value();

 private:
  void advance();
  void skip_space();
  void read_name();
  void read_number();
  void read_sigil();
  std::string read_string();
  char read_escape();
  void step();  // one character on
  bool done() const { return at_ >= text_.size(); }
  char here() const { return done() ? '\0' : text_[at_]; }
  char ahead() const { return at_ + 1 < text_.size() ? text_[at_ + 1] : '\0'; }
  Location where() const { return {file_, line_, column_}; }

  std::string_view text_;
  std::string_view file_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1, column_ = 1;
  Token token_;
};

/// The same text in storage that is never freed.
std::string_view interned(std::string_view text);

}  // namespace weft::ir
