// Graphs: what counts as equal, users, liveness, and the exports.
#include <doctest/doctest.h>

#include <cctype>

#include "ir/graph.h"

namespace weft::ir {
namespace {

Graph sample(std::string_view name = "f", std::string_view param = "x", int axis = 0) {
  return parse("\n\nfunc @" + std::string(name) + "(%" + std::string(param) +
               ": f32[2,2]) -> f32[2] {\n  %a = exp %" + std::string(param) +
               "\n  %dead = neg %a\n  %b = reduce %a {kind = \"add\", axes = [" +
               std::to_string(axis) + "]}\n  return %b\n}");
}

TEST_CASE("names and places do not count, attributes and types do") {
  const Graph graph = sample();
  CHECK(graph.structural_hash() == sample("g", "y").structural_hash());
  CHECK(graph.structurally_equal(sample("g", "y")));
  CHECK(graph.structural_hash() != sample("f", "x", 1).structural_hash());
  CHECK_FALSE(graph.structurally_equal(sample("f", "x", 1)));
  const Graph f32 = parse("func @f(%x: f32[2]) -> () { return }");
  const Graph f64 = parse("func @f(%x: f64[2]) -> () { return }");
  CHECK(f32.structural_hash() != f64.structural_hash());
  CHECK_FALSE(f32.structurally_equal(f64));
}

TEST_CASE("results and their order count") {
  const Graph ab = parse("func @f(%a: f32[], %b: f32[]) -> (f32[], f32[]) { return %a, %b }");
  const Graph ba = parse("func @f(%a: f32[], %b: f32[]) -> (f32[], f32[]) { return %b, %a }");
  CHECK(ab.structural_hash() != ba.structural_hash());
  CHECK_FALSE(ab.structurally_equal(ba));
}

TEST_CASE("nested functions count") {
  const auto with = [](const std::string& op) {
    return parse("func @f(%x: f32[]) -> f32[] { %0 = fused %x func @g(%y: f32[]) -> f32[] { %0 = " +
                 op + " %y return %0 } return %0 }");
  };
  CHECK(with("exp").structurally_equal(with("exp")));
  CHECK(with("exp").structural_hash() == with("exp").structural_hash());
  CHECK(with("exp").structural_hash() != with("log").structural_hash());
  CHECK_FALSE(with("exp").structurally_equal(with("log")));
}

TEST_CASE("users come once each, in order; dead nodes are not live") {
  const Graph graph = parse(
      "func @f(%x: f32[]) -> f32[] { %0 = add %x, %x %1 = mul %0, %x %2 = neg %0 return %1 }");
  const auto users = graph.users();
  CHECK(users[0] == std::vector<std::uint32_t>{1, 2});
  CHECK(users[1] == std::vector<std::uint32_t>{2, 3});
  CHECK(users[2].empty());
  CHECK(graph.live() == std::vector<bool>{true, true, true, false});
}

/// Reads one JSON value and says whether it is well-formed.
class JsonChecker {
 public:
  explicit JsonChecker(std::string_view text) : text_(text) {}
  bool run() { return value() && (space(), at_ == text_.size()); }

 private:
  char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() {
    while (std::isspace(static_cast<unsigned char>(here()))) ++at_;
  }
  bool take(char c) {
    space();
    if (here() != c) return false;
    ++at_;
    return true;
  }
  bool string() {
    if (!take('"')) return false;
    for (; here() != '"'; ++at_) {
      if (static_cast<unsigned char>(here()) < 0x20) return false;
      if (here() == '\\') ++at_;
    }
    return take('"');
  }
  bool word() {
    const std::size_t start = at_;
    while (std::isalnum(static_cast<unsigned char>(here())) || here() == '-') ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    return word == "true" || word == "false" ||
           (!word.empty() && word.find_first_not_of("-0123456789") == word.npos);
  }
  bool list(char close, bool keyed) {
    if (take(close)) return true;
    do {
      if (keyed && !(string() && take(':'))) return false;
      if (!value()) return false;
    } while (take(','));
    return take(close);
  }
  bool value() {
    space();
    if (here() == '"') return string();
    if (take('[')) return list(']', false);
    if (take('{')) return list('}', true);
    return word();
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

const char* const odd_graph = R"(
func @"quote \" and \xff"(%"a\\b": f32[2,2]) -> (f32[2], f32[2,2]) {
  %0 = constant {value = [nan, inf]} : f32[2]
  %1 = compare %0, %0 {direction = "lt"}
  %2:2 = fused %"a\\b", %0 {label = "x\n\x01y"} func @g(%y: f32[2,2], %z: f32[2]) -> (f32[2], f32[2,2]) {
    %0 = dot_general %y, %z {contract = [[1],[0]], batch = [[],[]]}
    return %0, %y
  }
  return %2#0, %2#1
})";

TEST_CASE("JSON is well-formed, whatever the names") {
  CHECK(JsonChecker(to_json(sample())).run());
  const std::string json = to_json(parse(odd_graph, "odd.weft"));
  INFO(json);
  CHECK(JsonChecker(json).run());
  CHECK(json.find("quote \\\" and \\u00ff") != json.npos);
  CHECK(json.find("\"contract\": [[1],[0]]") != json.npos);
  CHECK(json.find("\"where\": \"odd.weft:3:3\"") != json.npos);
}

/// Quotes are closed on their line, and braces outside of them match.
bool is_balanced(std::string_view dot) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t k = 0; k < dot.size(); ++k) {
    if (quoted && dot[k] == '\n') return false;
    if (quoted && dot[k] == '\\')
      ++k;
    else if (dot[k] == '"')
      quoted = !quoted;
    else if (!quoted && dot[k] == '{')
      ++depth;
    else if (!quoted && dot[k] == '}' && --depth < 0)
      return false;
  }
  return depth == 0 && !quoted;
}

TEST_CASE("dot is well-formed, whatever the names") {
  const std::string dot = to_dot(parse(odd_graph));
  INFO(dot);
  CHECK(is_balanced(dot));
  CHECK(dot.starts_with("digraph "));
  CHECK(dot.find("subgraph cluster_") != dot.npos);
  CHECK(is_balanced(to_dot(sample())));
  CHECK(to_dot(sample()).find("n0 -> n1") != std::string::npos);
}

}  // namespace
}  // namespace weft::ir
