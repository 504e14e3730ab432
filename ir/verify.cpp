// The verifier: the rules of the whole graph here, those of single nodes through infer(). That
// parameters have names of their own and results exist, the builder guarantees.
#include "ir/graph.h"

namespace weft::ir {
namespace {

/// Checks one function and the functions nested in its nodes.
class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph) {}

  void run() const {
    parameters();
    for (std::uint32_t id = 0; id < graph_.size(); ++id) {
      operands(id);
      result_types(id);
      for (const auto& body : graph_.node(id).bodies) verify(*body);
    }
  }

 private:
  [[noreturn]] void fail(std::uint32_t id, std::string_view rule, std::string_view what,
                         std::string_view expected, std::string_view got) const {
    InferContext{graph_.node(id), {}}.fail(rule, what, expected, got);
  }

  /// G1: the first nodes, and no others, are the parameters.
  void parameters() const {
    for (std::uint32_t id = 0; id < graph_.size(); ++id) {
      const bool is_parameter = graph_.node(id).op == Op::parameter;
      if (is_parameter != (id < graph_.param_count()))
        fail(id, "G1", "node " + std::to_string(id),
             is_parameter ? "an operation after the parameters" : "a parameter",
             def(graph_.node(id).op).name);
    }
  }

  /// G2: operands are results of earlier nodes.
  void operands(std::uint32_t id) const {
    const Node& node = graph_.node(id);
    for (std::size_t k = 0; k < node.operands.size(); ++k) {
      const Value v = node.operands[k];
      const std::string what = "operand " + std::to_string(k);
      if (v.node >= id)
        fail(id, "G2", what, "an earlier node than " + std::to_string(id),
             v.valid() ? "node " + std::to_string(v.node) : "none");
      const std::size_t results = graph_.node(v).types.size();
      if (v.result >= results)
        fail(id, "G2", what,
             "one of " + std::to_string(results) + " results of node " + std::to_string(v.node),
             "result " + std::to_string(v.result));
    }
  }

  /// G6: a node's types are those that its operation infers (G3 to G5 and G8 are checked there).
  void result_types(std::uint32_t id) const {
    const Node& node = graph_.node(id);
    std::vector<Type> types;
    for (const Value v : node.operands) types.push_back(graph_.type(v));
    const std::vector<Type> expected = infer(node, types);
    if (node.types.size() != expected.size())
      fail(id, "G6", "number of results", std::to_string(expected.size()),
           std::to_string(node.types.size()));
    for (std::size_t k = 0; k < expected.size(); ++k)
      if (node.types[k] != expected[k])
        fail(id, "G6", "type of result " + std::to_string(k), expected[k].str(),
             node.types[k].str());
  }

  const Graph& graph_;
};

}  // namespace

void verify(const Graph& graph) { Verifier(graph).run(); }

}  // namespace weft::ir
