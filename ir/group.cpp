#include "ir/group.h"

#include <algorithm>

#include "ir/matrix_product.h"
#include "ir/reduce_order.h"

namespace weft::ir {

namespace {

// Limits of one group. An instance is a node under a map.
constexpr std::size_t max_instances = 128;
constexpr double max_weight =
    768;  // of all instances; beyond, code generation grows faster than code
constexpr std::size_t max_loads = 32;  // live pointers
constexpr std::size_t max_maps_per_node = 8;
constexpr double cheap_weight = 8;  // below: may be computed several times

bool is_reduce(const Node& n) { return def(n.op).kind == Kind::reduce; }
bool is_scan(const Node& n) { return def(n.op).kind == Kind::scan; }
bool is_dot(const Node& n) { return n.op == Op::dot_general; }

class Analysis {
 public:
  Analysis(const Graph& graph, std::span<const std::uint32_t> nodes,
           std::span<const std::uint32_t> outputs)
      : graph_(graph), nodes_(nodes), outputs_(outputs) {}

  bool run() { return choose_axes() && place_outputs() && walk(); }
  Group take() { return std::move(group_); }
  const std::string& why() const { return why_; }

 private:
  bool no(std::string why) {
    why_ = std::move(why);
    return false;
  }
  bool contains(std::uint32_t id) const {
    return std::binary_search(nodes_.begin(), nodes_.end(), id);
  }

  bool choose_axes() {
    const Node *rows = nullptr, *dot = nullptr;
    for (std::uint32_t id : nodes_) {
      const Node& n = graph_.node(id);
      if (n.types.size() != 1) return no(std::string(def(n.op).name) + " has several results");
      if (is_dot(n)) {
        if (dot) return no("two matrix products");
        dot = &n;
      }
      if (is_reduce(n)) {
        if (n.op != Op::reduce || n.attrs.ints("axes").size() != 1)
          return no("a reduction not yet split");
        if (!rows) rows = &n;
      }
      if (is_scan(n)) {
        if (graph_.type(n.operands[0]).shape[n.attrs.integer("axis")] > cumulative_chunk)
          return no("a cumulative operation not yet split");
        rows = &n;
      }
    }
    if (dot && rows) return no("a reduction or cumulative operation beside a matrix product");
    if (dot) return contract_axes(*dot);
    if (rows) return row_axes(*rows) && choose_direction();
    return elementwise_axes();
  }

  /// All that is cumulative takes the rows in one direction; so do sums, and theirs is forward.
  bool choose_direction() {
    bool forward = false;
    for (std::uint32_t id : nodes_) {
      const Node& n = graph_.node(id);
      if (is_scan(n)) {
        (n.attrs.boolean("reverse") ? group_.backward : forward) = true;
      } else if (is_reduce(n)) {
        const std::string& kind = n.attrs.string("kind");
        forward |= kind == "add" || kind == "mul";
      }
    }
    return !(group_.backward && forward) || no("rows taken in two directions");
  }

  bool elementwise_axes() {
    const Shape* widest = nullptr;
    for (std::uint32_t id : outputs_) {
      const Shape& s = graph_.node(id).types[0].shape;
      if (!widest || elements(s) > elements(*widest)) widest = &s;
    }
    for (std::int64_t size : *widest)
      if (size != 1) group_.axes.push_back(size);
    return true;
  }

  static GroupKind lanes_of(const Shape& shape, std::int64_t axis) {
    std::int64_t inner = 1;
    for (std::size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
    return inner == 1 ? GroupKind::along : GroupKind::across;
  }

  /// Of a reduction or a scan.
  static std::int64_t row_of(const Node& n) {
    return is_scan(n) ? n.attrs.integer("axis") : n.attrs.ints("axes")[0];
  }

  bool row_axes(const Node& n) {
    const Shape& shape = graph_.type(n.operands[0]).shape;
    const std::int64_t row = row_of(n);
    group_.kind = lanes_of(shape, row);
    for (std::int64_t d = 0; d < static_cast<std::int64_t>(shape.size()); ++d) {
      if (d == row) group_.row_axis = static_cast<int>(group_.axes.size());
      if (d == row || shape[d] != 1) group_.axes.push_back(shape[d]);
    }
    return true;
  }

  /// [B, M, N] of the product, then k. B is no axis when it is 1.
  bool contract_axes(const Node& dot) {
    const Shape &a = graph_.type(dot.operands[0]).shape, &c = dot.types[0].shape;
    if (!is_canonical_dot(dot, graph_.type(dot.operands[0]), graph_.type(dot.operands[1])))
      return no("a matrix product not in canonical form");
    group_.kind = GroupKind::contract;
    if (c[0] != 1) group_.axes.push_back(c[0]);
    group_.axes.insert(group_.axes.end(), {c[1], c[2], a[2]});
    group_.row_axis = static_cast<int>(group_.axes.size()) - 1;
    return true;
  }

  /// The map of a value of this shape whose dimensions are the axes in order, with or without the
  /// row axis; empty when the sizes do not match.
  std::optional<IndexMap> identity(const Shape& shape, bool with_row) const {
    const std::size_t count = group_.axes.size();
    // A product's batch of size 1 is no axis, and m must not be taken for it where that is 1, too.
    if (group_.kind == GroupKind::contract && count == 3 &&
        shape == Shape{1, group_.axes[0], group_.axes[1]})
      return IndexMap{{Affine::zero(3), Affine::axis(3, 0), Affine::axis(3, 1)}, {}};
    IndexMap map;
    std::size_t a = 0;
    auto skip_row = [&] {
      if (!with_row && static_cast<int>(a) == group_.row_axis) ++a;
    };
    for (std::int64_t size : shape) {
      skip_row();
      if (a < count && group_.axes[a] == size) {
        map.dims.push_back(Affine::axis(count, a++));
      } else if (size == 1) {
        map.dims.push_back(Affine::zero(count));
      } else {
        return std::nullopt;
      }
    }
    skip_row();
    while (a < count && group_.axes[a] == 1) {  // m, n or a row of size 1
      ++a;
      skip_row();
    }
    return a == count ? std::optional(map) : std::nullopt;
  }

  /// As `identity`, with the dimensions in any order: each takes the first free axis of its size.
  std::optional<IndexMap> permuted(const Shape& shape) const {
    const std::size_t count = group_.axes.size();
    std::vector<bool> taken(count, false);
    IndexMap map;
    for (std::int64_t size : shape) {
      std::size_t a = 0;
      while (a < count && (taken[a] || group_.axes[a] != size)) ++a;
      if (a < count)
        taken[a] = true;
      else if (size != 1)
        return std::nullopt;
      map.dims.push_back(a < count ? Affine::axis(count, a) : Affine::zero(count));
    }
    for (std::size_t a = 0; a < count; ++a) {
      if (!taken[a] && group_.axes[a] != 1) return std::nullopt;
    }
    return map;
  }

  /// An output is stored once per element, so its dimensions are the axes, or all but the row axis.
  bool place_outputs() {
    for (std::uint32_t id : outputs_) {
      const Shape& shape = graph_.node(id).types[0].shape;
      std::optional<IndexMap> map;
      const Node& n = graph_.node(id);
      const bool rows = group_.kind != GroupKind::contract && !is_reduce(n);
      if (group_.row_axis >= 0 && rows) map = identity(shape, true);
      if (!map && !is_scan(n)) map = identity(shape, false);
      if (!map && rows && !is_scan(n)) map = permuted(shape);
      if (!map) return no(describe(id) + " has another iteration space");
      group_.stores[id] = *map;
      if (!require(id, *map)) return false;
    }
    return true;
  }

  /// A product is needed at its own index; an axis of size 1 may be there or not.
  IndexMap canonical(std::uint32_t id, const IndexMap& map) const {
    const auto own = identity(graph_.node(id).types[0].shape, false);
    return own && without_unit_axes(map) == without_unit_axes(*own) ? *own : map;
  }

  IndexMap without_unit_axes(IndexMap map) const {
    for (Affine& index : map.dims)
      for (std::size_t a = 0; a < group_.axes.size(); ++a)
        if (group_.axes[a] == 1) index.coefs[a] = 0;
    return map;
  }

  bool require(std::uint32_t id, const IndexMap& map) {
    const bool product = group_.kind == GroupKind::contract && is_dot(graph_.node(id));
    return product ? require_at(id, canonical(id, map)) : require_at(id, map);
  }

  bool require_at(std::uint32_t id, const IndexMap& map) {
    auto& maps = group_.maps[id];
    if (std::find(maps.begin(), maps.end(), map) != maps.end()) return true;
    maps.push_back(map);
    const double weight = node_weight(graph_, id);
    ++instances_;
    weight_ += weight;
    if (weight_ > max_weight && instances_ > 1) return no("the kernel would be too long");
    if (instances_ > max_instances || maps.size() > max_maps_per_node)
      return no("too much would be computed twice");
    if (maps.size() > 1 && weight >= cheap_weight)
      return no(describe(id) + " is needed at two indices and too dear to compute twice");
    return true;
  }

  bool walk() {
    for (std::size_t k = nodes_.size(); k-- > 0;) {
      const std::uint32_t id = nodes_[k];
      const auto found = group_.maps.find(id);
      if (found == group_.maps.end()) return no(describe(id) + " is not used");
      for (const IndexMap& map : found->second) {  // visiting adds maps of other nodes only
        if (!visit(id, map)) return false;
      }
    }
    if (loads_.size() > max_loads && nodes_.size() > 1) return no("too many different inputs");
    return true;
  }

  /// How often one element of a node is computed under a map: the loops around it over its size.
  double times_computed(std::uint32_t id, const IndexMap& map) const {
    double iterations = 1;
    for (std::size_t a = 0; a < group_.axes.size(); ++a) {
      if (static_cast<int>(a) != group_.row_axis || map.uses(a))
        iterations *= static_cast<double>(group_.axes[a]);
    }
    return iterations /
           static_cast<double>(std::max<std::int64_t>(graph_.node(id).types[0].elements(), 1));
  }

  bool visit(std::uint32_t id, const IndexMap& map) {
    const Node& n = graph_.node(id);
    if (node_weight(graph_, id) >= cheap_weight && times_computed(id, map) > few_times)
      group_.repeated.push_back(id);
    if (is_reduce(n)) return visit_reduce(id, map);
    if (is_scan(n)) return visit_scan(id, map);
    if (is_dot(n)) return visit_dot(id, map);
    if (n.op == Op::gather || n.op == Op::random_bits) {
      if (contains(n.operands[0].node))
        return no(describe(id) + " reads memory at computed places");
      load(n.operands[0], map);
      return n.op == Op::random_bits || visit_operand(id, 1, map);
    }
    for (std::size_t o = 0; o < n.operands.size(); ++o) {
      if (!visit_operand(id, o, map)) return false;
    }
    return true;
  }

  bool visit_operand(std::uint32_t id, std::size_t o, const IndexMap& map) {
    const Node& n = graph_.node(id);
    if (def(n.op).kind == Kind::elementwise) return need(n.operands[o], map);  // often: no copy
    const auto operand = operand_map(graph_, id, o, map, group_.axes);
    if (!operand) return no(describe(id) + " is not affine here");
    return need(n.operands[o], *operand);
  }

  bool need(Value v, const IndexMap& map) {
    if (contains(v.node)) return require(v.node, map);
    load(v, map);
    return true;
  }

  void load(Value v, const IndexMap& map) {
    if (std::find(loads_.begin(), loads_.end(), std::pair(v, map)) == loads_.end())
      loads_.emplace_back(v, map);
  }

  bool has_its_rows(const Node& n) {
    const Shape& shape = graph_.type(n.operands[0]).shape;
    const std::int64_t row = row_of(n);
    if (lanes_of(shape, row) != group_.kind) return no("reductions along and across rows");
    if (shape[row] != group_.axes[group_.row_axis]) return no("reductions over different sizes");
    return true;
  }

  /// Elements of a scan are computed where the rows are walked, and nowhere else.
  bool visit_scan(std::uint32_t id, const IndexMap& map) {
    const Node& n = graph_.node(id);
    if (!has_its_rows(n)) return false;
    const auto row = static_cast<std::size_t>(row_of(n));
    const bool walked = n.types[0].shape[row] == 1 || map.dims[row].uses(group_.row_axis);
    if (map != identity(n.types[0].shape, true) || !walked)
      return no(describe(id) + " is needed at another index than its own");
    return need(n.operands[0], map);
  }

  bool visit_reduce(std::uint32_t id, const IndexMap& map) {
    const Node& n = graph_.node(id);
    const std::int64_t row = row_of(n);
    if (!has_its_rows(n)) return false;
    if (map != identity(n.types[0].shape, false))
      return no(describe(id) + " is needed at another index than its own");
    IndexMap operand = map;
    const auto row_index = Affine::axis(group_.axes.size(), group_.row_axis);
    operand.dims.insert(operand.dims.begin() + row, row_index);
    return need(n.operands[0], operand);
  }

  bool visit_dot(std::uint32_t id, const IndexMap& map) {
    const Node& n = graph_.node(id);
    if (map != identity(n.types[0].shape, false))
      return no("the matrix product is needed at another index than its own");
    const Affine k = Affine::axis(group_.axes.size(), group_.row_axis);
    return need(n.operands[0], {{map.dims[0], map.dims[1], k}, {}}) &&
           need(n.operands[1], {{map.dims[0], k, map.dims[2]}, {}});
  }

  std::string describe(std::uint32_t id) const {
    const Node& n = graph_.node(id);
    return std::string(def(n.op).name) + " : " + n.types[0].str();
  }

  const Graph& graph_;
  std::span<const std::uint32_t> nodes_, outputs_;
  Group group_;
  std::vector<std::pair<Value, IndexMap>> loads_;
  std::size_t instances_ = 0;
  double weight_ = 0;
  std::string why_;
};

/// Of one attention: nodes of attention_gradient that differ in `wrt` alone.
bool are_gradients(const Graph& graph, std::span<const std::uint32_t> nodes) {
  const Node& first = graph.node(nodes[0]);
  return std::all_of(nodes.begin(), nodes.end(), [&](std::uint32_t id) {
    const Node& n = graph.node(id);
    if (n.op != Op::attention_gradient || n.operands != first.operands) return false;
    Attributes attrs = n.attrs;
    attrs.set("wrt", first.attrs.string("wrt"));
    return attrs == first.attrs;
  });
}

}  // namespace

std::optional<Group> analyze_group(const Graph& graph, std::span<const std::uint32_t> nodes,
                                   std::span<const std::uint32_t> outputs, std::string* why) {
  const auto is_attention = [&](std::uint32_t id) {
    return def(graph.node(id).op).kind == Kind::attention;
  };
  if (std::any_of(nodes.begin(), nodes.end(), is_attention)) {
    if (are_gradients(graph, nodes)) {
      Group group;
      group.kind = GroupKind::attention;
      return group;
    }
    if (why) *why = "attention runs alone";
    return std::nullopt;
  }
  Analysis analysis(graph, nodes, outputs);
  if (analysis.run()) return analysis.take();
  if (why) *why = analysis.why();
  return std::nullopt;
}

}  // namespace weft::ir
