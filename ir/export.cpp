// A graph for other tools: Graphviz dot and JSON.
#include <algorithm>

#include "ir/graph.h"
#include "ir/text.h"
#include "ir/utf8.h"

namespace weft::ir {
namespace {

/// Labels keep at most this much of an attribute.
constexpr std::size_t longest_in_label = 48;

std::string shortened(std::string text) {
  if (text.size() > longest_in_label) text = text.substr(0, longest_in_label - 3) + "...";
  return text;
}

/// The byte as the character of that number, in UTF-8.
std::string latin(unsigned char byte) {
  if (byte < 0x80) return {static_cast<char>(byte)};
  return {static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
}

/// U+FFFE and U+FFFF are UTF-8, and yet no characters of XML.
bool is_no_character(std::string_view sequence) {
  return sequence == "\xEF\xBF\xBE" || sequence == "\xEF\xBF\xBF";
}

/// A dot string that becomes well-formed XML in a drawing: lines end in \n, other control bytes are
/// spaces, and a byte that is not part of UTF-8 is the character of that number. Graphviz reads
/// entities in labels, so each & is one.
std::string dot_string(std::string_view text) {
  std::string result = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = utf8_length(text, at);
    if (byte == '"' || byte == '\\') result += '\\';
    if (byte == '\n')
      result += "\\n";
    else if (byte == '&')
      result += "&amp;";
    else if (byte < 0x20 || is_no_character(text.substr(at, length)))
      result += ' ';
    else
      result += length == 0 ? latin(byte) : std::string(text.substr(at, length));
    at += std::max<std::size_t>(1, length);
  }
  return result + '"';
}

/// Draws one function; a nested one becomes a cluster inside.
class DotWriter {
 public:
  DotWriter(const Graph& graph, std::string prefix) : graph_(graph), prefix_(std::move(prefix)) {}

  std::string body() {
    for (std::uint32_t id = 0; id < graph_.size(); ++id) node(id);
    for (std::size_t k = 0; k < graph_.results().size(); ++k) {
      const std::string result = prefix_ + "result" + std::to_string(k);
      line(result +
           " [shape=box, style=rounded, label=" + dot_string("result " + std::to_string(k)) + "]");
      edge(graph_.results()[k], result, "");
    }
    return std::move(text_);
  }

 private:
  void line(const std::string& text) { text_ += "  " + text + ";\n"; }

  std::string name(std::uint32_t id) const { return prefix_ + "n" + std::to_string(id); }

  void edge(Value from, const std::string& to, std::string_view style) {
    const auto& types = graph_.node(from).types;
    std::string label = types[from.result].str();
    if (types.size() > 1) label = '#' + std::to_string(from.result) + ' ' + label;
    line(name(from.node) + " -> " + to + " [label=" + dot_string(label) + std::string(style) + "]");
  }

  std::string label(std::uint32_t id) const {
    const Node& node = graph_.node(id);
    if (node.op == Op::parameter) return sigil_name('%', graph_.param_name(id));
    std::string text(def(node.op).name);
    for (const auto& [name, value] : node.attrs)
      text += '\n' + std::string(name) + " = " + shortened(attribute_text(value));
    return text;
  }

  void node(std::uint32_t id) {
    const Node& node = graph_.node(id);
    const std::string_view shape = node.op == Op::parameter ? "box" : "ellipse";
    line(name(id) + " [shape=" + std::string(shape) + ", label=" + dot_string(label(id)) + "]");
    for (const Value v : node.operands) edge(v, name(id), "");
    for (std::size_t k = 0; k < node.bodies.size(); ++k) nested(id, k);
  }

  void nested(std::uint32_t id, std::size_t k) {
    const Graph& body = *graph_.node(id).bodies[k];
    const std::string inner = name(id) + "_" + std::to_string(k) + "_";
    text_ += "  subgraph cluster_" + inner +
             " {\n  label=" + dot_string(sigil_name('@', body.name())) + ";\n" +
             DotWriter(body, inner).body() + "  }\n";
    for (std::size_t p = 0; p < std::min(body.param_count(), graph_.node(id).operands.size()); ++p)
      line(name(id) + " -> " + inner + "n" + std::to_string(p) + " [style=dashed]");
  }

  const Graph& graph_;
  std::string prefix_;
  std::string text_;
};

/// A JSON string; a byte that is not part of UTF-8 is written as the character of that number.
std::string json_string(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = utf8_length(text, at);
    if (byte == '"' || byte == '\\') {
      result += '\\';
      result += text[at];
    } else if (byte < 0x20 || length == 0) {
      result += "\\u00";
      result += digits[byte >> 4];
      result += digits[byte & 15];
    } else {
      result += text.substr(at, length);
    }
    at += std::max<std::size_t>(1, length);
  }
  return result + '"';
}

template <class List, class Spell>
std::string json_list(const List& list, Spell spell) {
  std::string text = "[";
  for (std::size_t k = 0; k < list.size(); ++k) text += (k > 0 ? ", " : "") + spell(list[k]);
  return text + ']';
}

std::string json_value(Value v) {
  return '[' + std::to_string(v.node) + ", " + std::to_string(v.result) + ']';
}

std::string json_type(const Type& type) {
  return "{\"dtype\": " + json_string(name(type.dtype)) +
         ", \"shape\": " + json_list(type.shape, [](Dim d) { return std::to_string(d); }) + '}';
}

/// Numbers, truth values and lists are JSON; everything else is a string in Weft's spelling.
std::string json_attribute(const Attribute& attribute) {
  const bool is_json =
      std::holds_alternative<bool>(attribute) || std::holds_alternative<std::int64_t>(attribute) ||
      std::holds_alternative<Ints>(attribute) || std::holds_alternative<IntLists>(attribute);
  if (is_json) return attribute_text(attribute);
  if (const auto* text = std::get_if<std::string>(&attribute)) return json_string(*text);
  return json_string(attribute_text(attribute));
}

std::string json_function(const Graph& graph);

std::string json_node(const Graph& graph, std::uint32_t id) {
  const Node& node = graph.node(id);
  std::string text =
      "{\"id\": " + std::to_string(id) + ", \"op\": " + json_string(def(node.op).name);
  if (node.op == Op::parameter) text += ", \"name\": " + json_string(graph.param_name(id));
  text += ", \"operands\": " + json_list(node.operands, json_value) + ", \"attributes\": {";
  std::string_view separator;
  for (const auto& [name, value] : node.attrs) {
    text.append(separator).append(json_string(name)).append(": ").append(json_attribute(value));
    separator = ", ";
  }
  text += "}, \"types\": " + json_list(node.types, json_type);
  if (!node.bodies.empty())
    text += ", \"bodies\": " +
            json_list(node.bodies, [](const auto& body) { return json_function(*body); });
  if (node.where.known()) text += ", \"where\": " + json_string(node.where.str());
  return text + '}';
}

std::string json_function(const Graph& graph) {
  std::string text = "{\"name\": " + json_string(graph.name()) +
                     ", \"parameters\": " + std::to_string(graph.param_count()) + ", \"nodes\": [";
  for (std::uint32_t id = 0; id < graph.size(); ++id)
    text += (id > 0 ? ",\n  " : "\n  ") + json_node(graph, id);
  return text + "],\n  \"results\": " + json_list(graph.results(), json_value) + '}';
}

}  // namespace

std::string to_dot(const Graph& graph) {
  return "digraph " + dot_string(graph.name()) + " {\n  node [fontname=\"monospace\"];\n" +
         DotWriter(graph, "").body() + "}\n";
}

std::string to_json(const Graph& graph) { return json_function(graph) + '\n'; }

}  // namespace weft::ir
