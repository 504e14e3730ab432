// The lexer: characters to tokens.
#include "ir/lexer.h"

#include <mutex>
#include <set>

#include "ir/text.h"

namespace weft::ir {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '.'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string Token::shown() const {
  if (kind == Kind::end) return "end of text";
  constexpr std::size_t longest = 40;
  std::string part = text.size() <= longest ? text : text.substr(0, longest) + "...";
  if (kind == Kind::string) return quoted(part);
  if (kind == Kind::value) part = '%' + part;
  if (kind == Kind::symbol) part = '@' + part;
  const std::string safe = quoted(part);  // escapes what a terminal should not see
  return '\'' + safe.substr(1, safe.size() - 2) + '\'';
}

Token Lexer::next() {
  Token token = std::move(token_);
  advance();
  return token;
}

void Lexer::skip_value() {
  int depth = 0;
  do {
    if (peek().kind == Token::Kind::end) return;
    if (peek().is("[") || peek().is("(") || peek().is("{")) ++depth;
    if (peek().is("]") || peek().is(")") || peek().is("}")) --depth;
    if (depth < 0) return;
    // splat(...), nan(...) and hex"..." are a name and what follows it.
    const bool is_name = peek().kind == Token::Kind::name;
    advance();
    if (is_name && depth == 0 && (peek().is("(") || peek().kind == Token::Kind::string)) {
      if (peek().is("(")) ++depth;
      advance();
    }
  } while (depth > 0);
}

void Lexer::step() {
  if (text_[at_] == '\n') {
    ++line_;
    column_ = 1;
  } else {
    ++column_;
  }
  ++at_;
}

void Lexer::skip_space() {
  while (!done()) {
    if (here() == ' ' || here() == '\t' || here() == '\n' || here() == '\r') {
      step();
    } else if (here() == '/' && ahead() == '/') {
      while (!done() && here() != '\n') step();
    } else {
      return;
    }
  }
}

void Lexer::advance() {
  skip_space();
  token_ = {Token::Kind::end, {}, where()};
  if (done()) return;
  const char c = here();
  if (is_letter(c)) return read_name();
  if (is_digit(c) || (c == '-' && ahead() != '>')) return read_number();
  if (c == '%' || c == '@') return read_sigil();
  if (c == '"') {
    token_.kind = Token::Kind::string;
    token_.text = read_string();
    return;
  }
  token_.kind = Token::Kind::punct;
  token_.text = c;
  step();
  if (c == '-') {
    token_.text += here();
    step();
  } else if (std::string_view("(){}[],:=#").find(c) == std::string_view::npos) {
    throw Error("expected a token, got " + token_.shown(), token_.where);
  }
}

void Lexer::read_name() {
  token_.kind = Token::Kind::name;
  while (!done() && is_word(here())) {
    token_.text += here();
    step();
  }
}

void Lexer::read_number() {
  token_.kind = Token::Kind::number;
  do {
    token_.text += here();
    step();
    const bool after_exponent = token_.text.back() == 'e' || token_.text.back() == 'E';
    const bool sign =
        (here() == '+' || here() == '-') && after_exponent && !token_.text.starts_with("0x");
    if (!is_word(here()) && !sign) break;
  } while (!done());
}

void Lexer::read_sigil() {
  token_.kind = here() == '%' ? Token::Kind::value : Token::Kind::symbol;
  step();
  if (here() == '"') {
    const Location place = where();
    const std::string name = read_string();
    if (name.empty()) throw Error("expected a name after the sigil, got an empty string", place);
    // `%"0"` is a parameter's odd name and not the value number 0.
    const bool keeps_quote = token_.kind == Token::Kind::value && !is_plain_name(name);
    token_.text = (keeps_quote ? "\"" : "") + name;
    return;
  }
  while (!done() && is_word(here())) {
    token_.text += here();
    step();
  }
  if (token_.text.empty()) throw Error("expected a name after the sigil", where());
}

std::string Lexer::read_string() {
  const Location start = where();
  std::string text;
  step();
  while (here() != '"') {
    if (done() || here() == '\n') throw Error("expected '\"' at the end of the string", start);
    text += here() == '\\' ? read_escape() : here();
    step();
  }
  step();
  return text;
}

/// Stands on the backslash; leaves the lexer on the escape's last character.
char Lexer::read_escape() {
  const Location start = where();
  step();
  switch (here()) {
    case '"':
    case '\\':
      return here();
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'x': {
      step();
      const int high = hex_value(here());
      const int low = hex_value(ahead());
      if (high >= 0 && low >= 0) {
        step();
        return static_cast<char>(high * 16 + low);
      }
      [[fallthrough]];
    }
    default:
      throw Error("expected one of the escapes \\\" \\\\ \\n \\t \\xHH", start);
  }
}

std::string_view interned(std::string_view text) {
  static std::mutex mutex;
  static auto& texts = *new std::set<std::string, std::less<>>;
  const std::lock_guard lock(mutex);
  const auto found = texts.find(text);
  return found != texts.end() ? *found : *texts.emplace(text).first;
}

}  // namespace weft::ir
