// A graph as text. Parameters keep their names; other values are numbered in order.
#include "ir/graph.h"
#include "ir/text.h"

namespace weft::ir {
namespace {

std::string types_text(const std::vector<Type>& types) {
  if (types.size() == 1) return types[0].str();
  std::string text = "(";
  for (std::size_t k = 0; k < types.size(); ++k) text += (k > 0 ? ", " : "") + types[k].str();
  return text + ')';
}

/// Prints one function; nested functions get a printer of their own.
class Printer {
 public:
  Printer(const Graph& graph, std::string indent) : graph_(graph), indent_(std::move(indent)) {
    number_values();
  }

  std::string function() {
    text_ = "func " + sigil_name('@', graph_.name()) + '(';
    for (std::size_t k = 0; k < graph_.param_count(); ++k) {
      if (k > 0) text_ += ", ";
      text_ += names_[k] + ": " + graph_.type(graph_.param(k)).str();
    }
    text_ += ") -> " + types_text(result_types()) + " {\n";
    for (std::uint32_t id = static_cast<std::uint32_t>(graph_.param_count()); id < graph_.size();
         ++id)
      statement(id);
    text_ += indent_ + "  return";
    list(graph_.results());
    text_ += '\n' + indent_ + '}';
    return std::move(text_);
  }

 private:
  void number_values() {
    for (std::size_t k = 0; k < graph_.param_count(); ++k)
      names_.push_back(sigil_name('%', graph_.param_name(k)));
    std::size_t next = 0;
    for (std::size_t id = graph_.param_count(); id < graph_.size(); ++id)
      names_.push_back('%' + std::to_string(next++));
  }

  std::vector<Type> result_types() const {
    std::vector<Type> types;
    for (const Value v : graph_.results()) types.push_back(graph_.type(v));
    return types;
  }

  /// " %a, %b#1"
  void list(const std::vector<Value>& values) {
    for (std::size_t k = 0; k < values.size(); ++k) {
      text_ += (k > 0 ? ", " : " ") + names_[values[k].node];
      if (graph_.node(values[k]).types.size() != 1) text_ += '#' + std::to_string(values[k].result);
    }
  }

  void attributes(const Attributes& attrs) {
    if (attrs.empty()) return;
    std::string_view separator = " {";
    for (const auto& [name, value] : attrs) {
      text_.append(separator).append(name).append(" = ").append(attribute_text(value));
      separator = ", ";
    }
    text_ += '}';
  }

  void statement(std::uint32_t id) {
    const Node& node = graph_.node(id);
    text_ += indent_ + "  " + names_[id];
    if (node.types.size() != 1) text_ += ':' + std::to_string(node.types.size());
    text_.append(" = ").append(def(node.op).name);
    list(node.operands);
    attributes(node.attrs);
    for (const auto& body : node.bodies) text_ += ' ' + Printer(*body, indent_ + "  ").function();
    text_ += " : " + types_text(node.types) + '\n';
  }

  const Graph& graph_;
  std::string indent_;
  std::string text_;
  std::vector<std::string> names_;  // of nodes, with the sigil
};

}  // namespace

std::string print(const Graph& graph) { return Printer(graph, "").function() + '\n'; }

}  // namespace weft::ir
