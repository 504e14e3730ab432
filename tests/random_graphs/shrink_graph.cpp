#include "tests/random_graphs/shrink_graph.h"

#include <cstdio>
#include <optional>

namespace weft::test {

using namespace weft::ir;

namespace {

constexpr std::int64_t most_shown = 64;  // elements of an input

/// What to change in a copy of a graph.
struct Change {
  std::optional<std::size_t> only_result{};     // drop the other results
  Value instead{};                              // return this in its place, if valid
  std::optional<std::uint32_t> to_parameter{};  // this node's results become parameters
  std::optional<std::uint32_t> cut{};           // this node becomes its operand `cut_to`
  Value cut_to{};
};

class Rebuild {
 public:
  Rebuild(const GraphCase& from, const Change& change)
      : from_(from), change_(change), builder_(from.graph.name()), map_(from.graph.size()) {}

  GraphCase run() {
    const Graph& graph = from_.graph;
    for (std::size_t k = 0; k < graph.results().size(); ++k)
      if (!change_.only_result || *change_.only_result == k)
        results_.push_back(change_.instead.valid() ? change_.instead
                                                   : redirected(graph.results()[k]));
    mark_needed();
    add_parameters();
    for (std::uint32_t id = 0; id < graph.size(); ++id)
      if (needed_[id] && map_[id].empty()) copy(id);
    std::vector<Value> results;
    for (const Value& v : results_) results.push_back(map_[v.node][v.result]);
    return {builder_.finish(std::move(results)), std::move(inputs_)};
  }

 private:
  Value redirected(Value v) const {
    return change_.cut && v == Value{*change_.cut, 0} ? change_.cut_to : v;
  }

  void mark_needed() {
    needed_.assign(from_.graph.size(), false);
    for (const Value& v : results_) needed_[v.node] = true;
    for (auto id = static_cast<std::uint32_t>(from_.graph.size()); id-- > 0;) {
      if (!needed_[id] || change_.to_parameter == id) continue;
      for (const Value& v : from_.graph.node(id).operands) needed_[redirected(v).node] = true;
    }
  }

  void add_parameters() {
    const Graph& graph = from_.graph;
    for (std::uint32_t id = 0; id < graph.param_count(); ++id)
      if (needed_[id]) {
        map_[id] = {builder_.parameter(graph.type(graph.param(id)), graph.param_name(id))};
        inputs_.push_back(from_.inputs[id]);
      }
    if (!change_.to_parameter || !needed_[*change_.to_parameter]) return;
    const std::uint32_t id = *change_.to_parameter;
    for (std::uint32_t r = 0; r < graph.node(id).types.size(); ++r)
      map_[id].push_back(builder_.parameter(graph.node(id).types[r], "v"));
    for (Literal& value : values_of(id)) inputs_.push_back(std::move(value));
  }

  /// The results of one node; parameters come first, so all of them are copied.
  std::vector<Literal> values_of(std::uint32_t id) const {
    Builder builder("values");
    for (std::uint32_t k = 0; k <= id; ++k) {
      Node node = from_.graph.node(k);
      if (node.op == Op::parameter)
        builder.parameter(node.types[0], from_.graph.param_name(k));
      else
        builder.add_verbatim(std::move(node));
    }
    std::vector<Value> results;
    for (std::uint32_t r = 0; r < from_.graph.node(id).types.size(); ++r)
      results.push_back({id, r});
    return interpret(builder.finish(std::move(results)), from_.inputs);
  }

  void copy(std::uint32_t id) {
    Node node = from_.graph.node(id);
    for (Value& v : node.operands) {
      const Value to = redirected(v);
      v = map_[to.node][to.result];
    }
    const std::size_t count = node.types.size();
    const Value first = builder_.add_verbatim(std::move(node));
    for (std::uint32_t r = 0; r < count; ++r) map_[id].push_back({first.node, r});
  }

  const GraphCase& from_;
  const Change& change_;
  Builder builder_;
  std::vector<std::vector<Value>> map_;  // by node: its results in the copy
  std::vector<Value> results_;
  std::vector<bool> needed_;
  std::vector<Literal> inputs_;
};

/// What shrinking lowers: nodes that compute, and results.
std::size_t weight(const GraphCase& c) {
  return c.graph.size() - c.graph.param_count() + c.graph.results().size();
}

std::vector<Change> changes(const GraphCase& c) {
  std::vector<Change> list;
  const Graph& graph = c.graph;
  if (graph.results().size() > 1)
    for (std::size_t k = 0; k < graph.results().size(); ++k) list.push_back({.only_result = k});
  for (std::size_t k = 0; k < graph.results().size(); ++k)
    for (const Value& v : graph.node(graph.results()[k]).operands)
      list.push_back({.only_result = k, .instead = v});
  for (auto id = static_cast<std::uint32_t>(graph.size()); id-- > graph.param_count();) {
    const Node& node = graph.node(id);
    for (const Value& v : node.operands)
      if (node.types.size() == 1 && graph.type(v) == node.types[0])
        list.push_back({.cut = id, .cut_to = v});
    list.push_back({.to_parameter = id});
  }
  return list;
}

}  // namespace

GraphCase shrink(GraphCase failing, const std::function<bool(const GraphCase&)>& fails) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (const Change& change : changes(failing)) {
      GraphCase candidate = Rebuild(failing, change).run();
      if (weight(candidate) >= weight(failing)) continue;
      if (!fails(candidate)) continue;
      failing = std::move(candidate);
      smaller = true;
      break;
    }
  }
  return failing;
}

std::string describe(const GraphCase& c) {
  std::string text;
  for (std::size_t k = 0; k < c.inputs.size(); ++k) {
    text += "// %" + c.graph.param_name(k) + " =";
    const std::int64_t n = c.inputs[k].type().elements();
    for (std::int64_t i = 0; i < std::min(n, most_shown); ++i) {
      char number[40];
      std::snprintf(number, sizeof number, " %.17g", c.inputs[k].at(i));
      text += number;
    }
    text += n > most_shown ? " ...\n" : "\n";
  }
  return text + print(c.graph);
}

}  // namespace weft::test
