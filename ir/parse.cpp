// The text form to a graph. Grammar: ir/GRAMMAR.md.
#include <limits>
#include <unordered_map>

#include "ir/builder.h"
#include "ir/parse_parts.h"

namespace weft::ir {
namespace {

constexpr int max_nesting = 32;
constexpr std::size_t max_text = std::numeric_limits<std::uint32_t>::max();

/// A literal attribute whose type stands behind it: read once the type is known.
struct Deferred {
  std::string_view name;
  Lexer at;
};

/// Parses one function; a nested function gets a parser of its own, which sees no outer values.
class FunctionParser {
 public:
  FunctionParser(Lexer& lexer, int depth) : lexer_(lexer), depth_(depth), builder_(head_name()) {}

  Graph run() {
    parameters();
    expect(lexer_, "->");
    const std::vector<Type> result_types = parse_types(lexer_);
    expect(lexer_, "{");
    while (lexer_.peek().kind == Token::Kind::value) statement();
    return results(result_types);
  }

 private:
  std::string head_name() {
    if (depth_ > max_nesting)
      throw Error("expected functions nested at most " + std::to_string(max_nesting) + " deep",
                  lexer_.peek().where);
    const Token func = expect_kind(lexer_, Token::Kind::name, "'func'");
    if (func.text != "func") unexpected(func, "'func'");
    return expect_kind(lexer_, Token::Kind::symbol, "the function's @name").text;
  }

  void parameters() {
    expect(lexer_, "(");
    if (accept(lexer_, ")")) return;
    do {
      const Token name = expect_kind(lexer_, Token::Kind::value, "a parameter %name");
      expect(lexer_, ":");
      const bool odd = name.text.starts_with('"');
      define(name,
             builder_.parameter(parse_type(lexer_), name.text.substr(odd ? 1 : 0), name.where));
    } while (accept(lexer_, ","));
    expect(lexer_, ")");
  }

  void define(const Token& name, Value value) {
    if (!values_.emplace(name.text, value).second)
      throw Error("expected a name not used before, got " + name.shown(), name.where);
  }

  /// %3:2 = op %a, %b#1 {name = value} func @body(...) ... : (f32[2], i64[2])
  void statement() {
    const Token name = lexer_.next();
    const std::int64_t count = accept(lexer_, ":") ? parse_int(lexer_) : 1;
    expect(lexer_, "=");
    const Token op_name = expect_kind(lexer_, Token::Kind::name, "an operation");
    const OpDef* def = find_op(op_name.text);
    if (!def || def->op == Op::parameter) unexpected(op_name, "an operation");
    Node node{def->op, {}, {}, {}, {}, name.where};
    node.operands = operands();
    std::vector<Deferred> deferred;
    if (accept(lexer_, "{")) attributes(*def, node.attrs, deferred);
    while (lexer_.peek().kind == Token::Kind::name && lexer_.peek().text == "func")
      node.bodies.push_back(
          std::make_shared<const Graph>(FunctionParser(lexer_, depth_ + 1).run()));
    const Location type_place = lexer_.peek().where;
    std::vector<Type> types;
    const bool typed = accept(lexer_, ":");
    if (typed) types = parse_types(lexer_);
    for (Deferred& literal : deferred) {
      if (types.empty()) throw Error("expected ':' and the constant's type", type_place);
      node.attrs.set(literal.name, parse_literal(literal.at, types[0]));
    }
    const Value value = builder_.add_verbatim(std::move(node));
    check_types(value, typed, types, count, type_place);
    define(name, value);
  }

  std::vector<Value> operands() {
    std::vector<Value> operands;
    if (lexer_.peek().kind != Token::Kind::value) return operands;
    do operands.push_back(operand());
    while (accept(lexer_, ","));
    return operands;
  }

  /// %x, or %x#1 for a result of a node with several.
  Value operand() {
    const Token name = expect_kind(lexer_, Token::Kind::value, "a value %name");
    const auto found = values_.find(name.text);
    if (found == values_.end()) unexpected(name, "a value defined before");
    Value value = found->second;
    const std::size_t results = builder_.node(value).types.size();
    const Location where = lexer_.peek().where;
    const bool numbered = accept(lexer_, "#");
    if (!numbered && results == 1) return value;
    if (!numbered)
      throw Error(
          "expected '#' and one of the " + std::to_string(results) + " results of " + name.shown(),
          where);
    const std::int64_t result = parse_int(lexer_);
    if (result < 0 || static_cast<std::size_t>(result) >= results)
      throw Error("expected a result below " + std::to_string(results) + " of " + name.shown() +
                      ", got " + std::to_string(result),
                  where);
    value.result = static_cast<std::uint32_t>(result);
    return value;
  }

  void attributes(const OpDef& def, Attributes& attrs, std::vector<Deferred>& deferred) {
    if (accept(lexer_, "}")) return;
    do {
      const Token name = expect_kind(lexer_, Token::Kind::name, "an attribute's name");
      const AttrDef& attr = declared(def, name);
      expect(lexer_, "=");
      bool twice = attrs.has(attr.name);
      for (const Deferred& other : deferred) twice = twice || other.name == attr.name;
      if (twice) throw Error("attribute '" + name.text + "' is given twice", name.where);
      if (attr.type == AttrType::literal) {
        deferred.push_back({attr.name, lexer_});
        lexer_.skip_value();
      } else {
        attrs.set(attr.name, parse_attribute(lexer_, attr.type));
      }
    } while (accept(lexer_, ","));
    expect(lexer_, "}");
  }

  static const AttrDef& declared(const OpDef& def, const Token& name) {
    std::string known;
    for (const AttrDef& attr : def.attrs) {
      if (attr.name == name.text) return attr;
      known += (known.empty() ? "" : ", ") + std::string(attr.name);
    }
    throw Error(std::string(def.name) + " G4: unknown attribute, expected " +
                    (known.empty() ? "none" : known) + ", got '" + name.text + "'",
                name.where);
  }

  /// G6: what the text says is what the operation infers.
  void check_types(Value value, bool typed, const std::vector<Type>& types, std::int64_t count,
                   const Location& where) const {
    const Node& node = builder_.node(value);
    Node at{node.op, {}, {}, {}, {}, where};
    const InferContext context{at, {}};
    if (count != static_cast<std::int64_t>(node.types.size()))
      context.fail("G6", "number of results", std::to_string(node.types.size()),
                   std::to_string(count));
    if (!typed) return;
    if (types.size() != node.types.size())
      context.fail("G6", "number of types", std::to_string(node.types.size()),
                   std::to_string(types.size()));
    for (std::size_t k = 0; k < types.size(); ++k)
      if (types[k] != node.types[k])
        context.fail("G6", "type of result " + std::to_string(k), node.types[k].str(),
                     types[k].str());
  }

  Graph results(const std::vector<Type>& types) {
    const Token word = lexer_.next();
    if (word.kind != Token::Kind::name || word.text != "return")
      unexpected(word, "a statement or 'return'");
    const std::vector<Value> values = operands();
    if (values.size() != types.size())
      throw Error("return G7: number of results, expected " + std::to_string(types.size()) +
                      ", got " + std::to_string(values.size()),
                  word.where);
    for (std::size_t k = 0; k < types.size(); ++k)
      if (builder_.type(values[k]) != types[k])
        throw Error("return G7: type of result " + std::to_string(k) + ", expected " +
                        types[k].str() + ", got " + builder_.type(values[k]).str(),
                    word.where);
    expect(lexer_, "}");
    return builder_.finish(values);
  }

  Lexer& lexer_;
  int depth_;
  Builder builder_;
  std::unordered_map<std::string, Value> values_;
};

}  // namespace

Graph parse(std::string_view text, std::string_view file) {
  if (text.size() >= max_text)
    throw Error("expected less than 4 GiB of text, got " + std::to_string(text.size()) + " bytes");
  Lexer lexer(text, interned(file));
  Graph graph = FunctionParser(lexer, 0).run();
  if (lexer.peek().kind != Token::Kind::end)
    unexpected(lexer.peek(), "one function and the end of text");
  return graph;
}

}  // namespace weft::ir
