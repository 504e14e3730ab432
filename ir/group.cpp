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
constexpr double cheap_weight = 8;     // below: may be computed several times

bool is_reduce(const Node& n) { return def(n.op).kind == Kind::reduce; }
bool is_scan(const Node& n) { return def(n.op).kind == Kind::scan; }
bool is_dot(const Node& n) { return n.op == Op::dot_general; }
bool is_attention(const Node& n) { return def(n.op).kind == Kind::attention; }

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

bool is_uniform_broadcast(const Graph& graph, const Node& n) {
  return n.op == Op::broadcast_in_dim && graph.type(n.operands[0]).rank() == 0;
}

/// Numbers, and numbers in every place of an array: no array is read, and nothing is computed.
bool is_number(const Graph& graph, const Node& n) {
  return n.op == Op::constant || is_uniform_broadcast(graph, n);
}

/// One element, wherever the loops are: it needs no pointer that moves.
bool is_uniform(const Graph& graph, Value v) {
  return graph.type(v).rank() == 0 || is_uniform_broadcast(graph, graph.node(v));
}

}  // namespace

class GroupAnalysis::Nest {
 public:
  Nest(const Graph& graph, bool formed) : graph_(graph), formed_(formed) {}

  bool analyze(std::span<const std::uint32_t> nodes, std::span<const std::uint32_t> outputs) {
    for (auto id = nodes.rbegin(); id != nodes.rend(); ++id)
      group_.members.push_back({.node = *id});
    if (std::any_of(nodes.begin(), nodes.end(),
                    [&](std::uint32_t id) { return is_attention(graph_.node(id)); })) {
      group_.kind = GroupKind::attention;
      return are_gradients(graph_, nodes) || no("attention runs alone");
    }
    return choose_axes(nodes, outputs) && place_outputs(outputs) && walk();
  }
  std::optional<bool> add(std::uint32_t id, bool store);

  Group& group() { return group_; }
  const std::string& why() const { return why_; }

 private:
  /// A value that is read from memory; the map does not say where if the place is computed.
  struct Load {
    Value value;
    MapId map;
    bool computed_place;
    friend bool operator==(const Load&, const Load&) = default;
  };

  bool no(std::string why) {
    why_ = std::move(why);
    return false;
  }
  Member* member(std::uint32_t id) { return const_cast<Member*>(group_.find(id)); }
  const IndexMap& at(MapId map) const { return group_.maps[map]; }

  bool choose_axes(std::span<const std::uint32_t> nodes, std::span<const std::uint32_t> outputs) {
    const Node *rows = nullptr, *dot = nullptr;
    for (std::uint32_t id : nodes) {
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
        if (!cumulative_in_order(n.attrs.string("kind")) &&
            graph_.type(n.operands[0]).shape[n.attrs.integer("axis")] > cumulative_chunk)
          return no("a cumulative operation not yet split");
        rows = &n;
      }
    }
    if (dot && rows) return no("a reduction or cumulative operation beside a matrix product");
    if (dot) return contract_axes(*dot);
    if (rows) return row_axes(*rows) && choose_direction(nodes);
    return elementwise_axes(outputs);
  }

  /// All that is cumulative takes the rows in one direction; so do sums, and theirs is forward.
  bool choose_direction(std::span<const std::uint32_t> nodes) {
    bool forward = false;
    for (std::uint32_t id : nodes) {
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

  bool elementwise_axes(std::span<const std::uint32_t> outputs) {
    for (std::uint32_t id : outputs) {
      const Shape& s = graph_.node(id).types[0].shape;
      if (!widest_ || elements(s) > elements(*widest_)) widest_ = &s;
    }
    for (std::int64_t size : *widest_)
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

  bool place_outputs(std::span<const std::uint32_t> outputs) {
    return std::all_of(outputs.begin(), outputs.end(),
                       [&](std::uint32_t id) { return place_output(*member(id)); });
  }

  /// An output is stored once per element, so its dimensions are the axes, or all but the row axis.
  bool place_output(Member& output) {
    const Node& n = graph_.node(output.node);
    const Shape& shape = n.types[0].shape;
    std::optional<IndexMap> map;
    const bool rows = group_.kind != GroupKind::contract && !is_reduce(n);
    if (group_.row_axis >= 0 && rows) map = identity(shape, true);
    if (!map && !is_scan(n)) map = identity(shape, false);
    if (!map && rows && !is_scan(n)) map = permuted(shape);
    if (!map) return no(describe(output.node) + " has another iteration space");
    output.store = group_.maps.add(*std::move(map));
    return require(output, output.store);
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

  bool require(Member& needed, MapId map) {
    if (group_.kind == GroupKind::contract && is_dot(graph_.node(needed.node)))
      map = group_.maps.add(canonical(needed.node, at(map)));
    const auto known = needed.maps();
    if (std::find(known.begin(), known.end(), map) != known.end()) return true;
    const double weight = node_weight(graph_, needed.node);
    instances_ += is_number(graph_, graph_.node(needed.node)) ? 0 : 1;
    weight_ += weight;
    if (weight_ > max_weight && instances_ > 1) return no("the kernel would be too long");
    if (instances_ > max_instances || known.size() == max_maps_per_node)
      return no("too much would be computed twice");
    needed.map_ids[needed.map_count++] = map;
    if (needed.map_count > 1 && weight >= cheap_weight)
      return no(describe(needed.node) + " is needed at two indices and too dear to compute twice");
    return true;
  }

  bool walk() {
    for (const Member& m : group_.members)  // visiting adds maps of later ones only
      if (!visit_all(m)) return false;
    return loads_fit();
  }

  bool visit_all(const Member& m) {
    if (m.map_count == 0) return no(describe(m.node) + " is not used");
    const auto maps = m.maps();
    return std::all_of(maps.begin(), maps.end(), [&](MapId map) { return visit(m.node, map); });
  }

  /// Fusion knows which inputs are the same everywhere; in a group that it has formed they are
  /// parameters like others.
  bool loads_fit() {
    if (formed_) return true;
    const auto pointers = std::count_if(loads_.begin(), loads_.end(), [&](const Load& l) {
      return !is_uniform(graph_, l.value) && !member(l.value.node);
    });
    if (static_cast<std::size_t>(pointers) <= max_loads || group_.members.size() == 1) return true;
    return no("too many different inputs");
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

  bool visit(std::uint32_t id, MapId map) {
    const Node& n = graph_.node(id);
    if (node_weight(graph_, id) >= cheap_weight && times_computed(id, at(map)) > few_times)
      group_.repeated.push_back(id);
    if (is_reduce(n)) return visit_reduce(id, map);
    if (is_scan(n)) return visit_scan(id, map);
    if (is_dot(n)) return visit_dot(id, map);
    if (n.op == Op::gather || n.op == Op::random_bits) {
      if (member(n.operands[0].node)) return no(describe(id) + " reads memory at computed places");
      load({n.operands[0], map, true});
      return n.op == Op::random_bits || visit_operand(id, 1, map);
    }
    for (std::size_t o = 0; o < n.operands.size(); ++o) {
      if (!visit_operand(id, o, map)) return false;
    }
    return true;
  }

  bool visit_operand(std::uint32_t id, std::size_t o, MapId map) {
    const Node& n = graph_.node(id);
    if (def(n.op).kind == Kind::elementwise) return need(n.operands[o], map);
    auto operand = operand_map(graph_, id, o, at(map), group_.axes);
    if (!operand) return no(describe(id) + " is not affine here");
    return need(n.operands[o], *std::move(operand));
  }

  bool need(Value v, IndexMap map) { return need(v, group_.maps.add(std::move(map))); }
  bool need(Value v, MapId map) {
    if (Member* inside = member(v.node)) return require(*inside, map);
    load({v, map, false});
    return true;
  }

  void load(const Load& l) {
    if (std::find(loads_.begin(), loads_.end(), l) == loads_.end()) loads_.push_back(l);
  }

  bool has_its_rows(const Node& n) {
    const Shape& shape = graph_.type(n.operands[0]).shape;
    const std::int64_t row = row_of(n);
    if (lanes_of(shape, row) != group_.kind) return no("reductions along and across rows");
    if (shape[row] != group_.axes[group_.row_axis]) return no("reductions over different sizes");
    return true;
  }

  /// Elements of a scan are computed where the rows are walked, and nowhere else.
  bool visit_scan(std::uint32_t id, MapId map) {
    const Node& n = graph_.node(id);
    if (!has_its_rows(n)) return false;
    const auto row = static_cast<std::size_t>(row_of(n));
    const bool walked = n.types[0].shape[row] == 1 || at(map).dims[row].uses(group_.row_axis);
    if (at(map) != identity(n.types[0].shape, true) || !walked)
      return no(describe(id) + " is needed at another index than its own");
    return need(n.operands[0], map);
  }

  bool visit_reduce(std::uint32_t id, MapId map) {
    const Node& n = graph_.node(id);
    const std::int64_t row = row_of(n);
    if (!has_its_rows(n)) return false;
    if (at(map) != identity(n.types[0].shape, false))
      return no(describe(id) + " is needed at another index than its own");
    IndexMap operand = at(map);
    const auto row_index = Affine::axis(group_.axes.size(), group_.row_axis);
    operand.dims.insert(operand.dims.begin() + row, row_index);
    return need(n.operands[0], std::move(operand));
  }

  bool visit_dot(std::uint32_t id, MapId map) {
    const Node& n = graph_.node(id);
    if (at(map) != identity(n.types[0].shape, false))
      return no("the matrix product is needed at another index than its own");
    const Affine k = Affine::axis(group_.axes.size(), group_.row_axis);
    const std::vector<Affine>& dims = at(map).dims;
    return need(n.operands[0], IndexMap{{dims[0], dims[1], k}, {}}) &&
           need(n.operands[1], IndexMap{{dims[0], k, dims[2]}, {}});
  }

  std::string describe(std::uint32_t id) const {
    const Node& n = graph_.node(id);
    return std::string(def(n.op).name) + " : " + n.types[0].str();
  }

  bool keeps_axes(std::uint32_t id, bool store) const;

  const Graph& graph_;
  const bool formed_;
  Group group_;
  const Shape* widest_ = nullptr;  // of the outputs; decides the axes of an elementwise group
  std::vector<Load> loads_;
  std::size_t instances_ = 0;
  double weight_ = 0;
  std::string why_;
};

/// The axes follow from a product, else from the first reduction, else from the first of the
/// largest outputs.
bool GroupAnalysis::Nest::keeps_axes(std::uint32_t id, bool store) const {
  const Node& n = graph_.node(id);
  if (n.types.size() != 1 || is_dot(n) || is_reduce(n) || is_scan(n) || is_attention(n))
    return false;
  if (group_.kind == GroupKind::attention) return false;
  if (!store || group_.kind != GroupKind::elementwise) return true;
  const Shape& shape = n.types[0].shape;
  return shape == *widest_ || elements(shape) < elements(*widest_);
}

std::optional<bool> GroupAnalysis::Nest::add(std::uint32_t id, bool store) {
  if (id >= group_.members.back().node || !keeps_axes(id, store)) return {};
  const std::size_t loads = loads_.size(), repeated = group_.repeated.size();
  const auto [instances, weight] = std::pair(instances_, weight_);
  Member& added = group_.members.emplace_back();
  added.node = id;
  bool fits = !store || place_output(added);
  for (std::size_t k = 0; k < loads && fits; ++k) {
    const Load l = loads_[k];
    if (l.value.node != id) continue;
    if (l.computed_place) fits = no("memory is read at computed places");
    fits = fits && require(added, l.map);
  }
  if (fits && visit_all(added) && loads_fit()) {
    std::erase_if(loads_, [&](const Load& l) { return l.value.node == id; });
    return true;
  }
  group_.members.pop_back();
  loads_.resize(loads);
  group_.repeated.resize(repeated);
  instances_ = instances;
  weight_ = weight;
  return false;
}

MapId IndexMaps::add(IndexMap map) {
  const auto known = std::find(maps_.begin(), maps_.end(), map);
  const auto id = static_cast<MapId>(known - maps_.begin());
  if (known == maps_.end()) maps_.push_back(std::move(map));
  return id;
}

const Member* Group::find(std::uint32_t node) const {
  const auto found =
      std::lower_bound(members.begin(), members.end(), node,
                       [](const Member& m, std::uint32_t id) { return m.node > id; });
  return found != members.end() && found->node == node ? &*found : nullptr;
}

GroupAnalysis::GroupAnalysis(std::unique_ptr<Nest> nest) : nest_(std::move(nest)) {}
GroupAnalysis::~GroupAnalysis() = default;
const Group& GroupAnalysis::group() const { return nest_->group(); }
Group GroupAnalysis::take() { return std::move(nest_->group()); }

std::unique_ptr<GroupAnalysis> GroupAnalysis::of(const Graph& graph,
                                                 std::span<const std::uint32_t> nodes,
                                                 std::span<const std::uint32_t> outputs,
                                                 std::string* why) {
  return analyzed(std::make_unique<Nest>(graph, false), nodes, outputs, why);
}

std::unique_ptr<GroupAnalysis> GroupAnalysis::of_formed(const Graph& graph,
                                                        std::span<const std::uint32_t> nodes,
                                                        std::span<const std::uint32_t> outputs,
                                                        std::string* why) {
  return analyzed(std::make_unique<Nest>(graph, true), nodes, outputs, why);
}

std::unique_ptr<GroupAnalysis> GroupAnalysis::analyzed(std::unique_ptr<Nest> nest,
                                                       std::span<const std::uint32_t> nodes,
                                                       std::span<const std::uint32_t> outputs,
                                                       std::string* why) {
  if (nest->analyze(nodes, outputs))
    return std::unique_ptr<GroupAnalysis>(new GroupAnalysis(std::move(nest)));
  if (why) *why = nest->why();
  return nullptr;
}

std::optional<bool> GroupAnalysis::add(std::uint32_t node, bool store, std::string* why) {
  const std::optional<bool> added = nest_->add(node, store);
  if (why && added == false) *why = nest_->why();
  return added;
}

}  // namespace weft::ir
