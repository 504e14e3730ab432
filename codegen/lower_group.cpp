#include "codegen/lower_group.h"

#include <algorithm>
#include <map>

#include "ir/group.h"

namespace weft::codegen {

using ir::Affine;
using ir::Group;
using ir::GroupKind;
using ir::Guard;
using ir::IndexMap;
using ir::Kind;
using ir::MapId;
using ir::Node;
using ir::Op;
using ir::Value;

namespace {

constexpr double keep_weight = 8;  // dearer row values are kept rather than computed again
constexpr std::size_t cached_bytes = 32 << 20;  // a launch that moves more leaves no cache warm
constexpr double ns_per_weight = 0.06;          // of one element, one core
constexpr double ns_per_load = 0.15;
constexpr double ns_per_flop = 0.03;  // matrix products

/// A value under a map: the unit of computation.
using Instance = std::pair<Value, MapId>;

/// How an instance depends on the row axis, and how many reductions come before it.
struct Level {
  bool row = false;
  int stage = 0;
  double weight = 0;  // of computing it in a row, inputs included
};

class GroupLowering {
 public:
  GroupLowering(const ir::Graph& graph, std::span<const std::uint32_t> nodes,
                std::span<const std::uint32_t> outputs, std::span<const Value> scalars, Group group)
      : graph_(graph),
        nodes_(nodes),
        outputs_(outputs),
        scalars_(scalars),
        group_(std::move(group)),
        builder_(kernel_sizes(), group_.row_axis >= 0,
                 group_.kind == GroupKind::along ? Lanes::along : Lanes::across) {}

  LoweredGroup run() {
    if (group_.kind == GroupKind::contract)
      lower_contract();
    else
      lower_phases();
    if (group_.kind != GroupKind::contract) {
      if (streams()) builder_.stream_stores();
      if (over_.size() == 1 && bytes_loaded() >= cached_bytes) builder_.read_from_afar();
    }
    LoweredGroup lowered;
    find_aliases(lowered);
    lowered.cost_ns = cost();
    lowered.reads = reads_;
    lowered.result = builder_.finish();
    for (const auto& [param, scalar] : lowered.result.numbers)
      lowered.numbers.emplace_back(param, scalars_[scalar]);
    return lowered;
  }

 private:
  // A section under construction, with what has been computed in it.
  struct Block {
    KernelBuilder::Slot slot;
    std::map<Instance, Reg> known;
    std::map<Guard, Reg> guards;
    std::vector<Reg> keeps;
    int order = 0;
    bool factor = false;  // of a product
  };

  // --- Axes -------------------------------------------------------------------------------------

  /// Kernel axes are the group's parallel axes in order, then the row axis; at least one parallel
  /// axis where lanes need it.
  std::vector<std::int64_t> kernel_sizes() {
    for (std::size_t a = 0; a < group_.axes.size(); ++a) {
      if (static_cast<int>(a) != group_.row_axis) order_.push_back(static_cast<int>(a));
    }
    std::vector<std::int64_t> sizes;
    for (int a : order_) sizes.push_back(group_.axes[a]);
    if (sizes.empty() && group_.kind != GroupKind::along) {
      order_.push_back(-1);
      sizes.push_back(1);
    }
    if (group_.row_axis >= 0) {
      order_.push_back(group_.row_axis);
      sizes.push_back(group_.axes[group_.row_axis]);
    }
    return sizes;
  }

  Affine in_kernel(const Affine& f) const {
    Affine result{f.constant, {}};
    for (int a : order_) result.coefs.push_back(a < 0 ? 0 : f.coefs[a]);
    if (group_.backward) {
      std::int64_t& step = result.coefs.back();
      result.constant += step * (group_.axes[group_.row_axis] - 1);
      step = -step;
    }
    return result;
  }

  bool inside(Value v) const { return std::binary_search(nodes_.begin(), nodes_.end(), v.node); }
  bool is_scalar(Value v) const {
    return std::find(scalars_.begin(), scalars_.end(), v) != scalars_.end();
  }
  const IndexMap& index_map(MapId map) const { return group_.maps[map]; }
  MapId stored_at(std::uint32_t id) const { return group_.find(id)->store; }
  bool uses_row(MapId map) const {
    return group_.row_axis >= 0 && index_map(map).uses(group_.row_axis);
  }
  bool uses_row(const Affine& f) const { return group_.row_axis >= 0 && f.uses(group_.row_axis); }

  MapId map_of(std::uint32_t id, std::size_t operand, MapId map) {
    if (ir::def(graph_.node(id).op).kind == Kind::elementwise) return map;
    auto result = ir::operand_map(graph_, id, operand, index_map(map), group_.axes);
    if (!result) throw InternalError("lower: an index map of the group is not affine");
    return group_.maps.add(*std::move(result));
  }

  MapId row_map(const Node& reduce, MapId map) {
    IndexMap operand = index_map(map);
    operand.dims.insert(operand.dims.begin() + reduce.attrs.ints("axes")[0],
                        Affine::axis(group_.axes.size(), group_.row_axis));
    return group_.maps.add(std::move(operand));
  }

  // --- Levels -----------------------------------------------------------------------------------

  const Level& level(Value v, MapId map) {
    const auto known = levels_.find({v, map});
    if (known != levels_.end()) return known->second;
    const Level result = inside(v) ? compute_level(v, map) : Level{uses_row(map), 0, 1};
    return levels_[{v, map}] = result;
  }

  Level compute_level(Value v, MapId map) {
    const Node& n = graph_.node(v);
    if (ir::def(n.op).kind == Kind::reduce)
      return {false, level(n.operands[0], row_map(n, map)).stage + 1, 0};
    if (n.op == Op::dot_general) return {false, 1, 0};
    Level result{false, 0, ir::node_weight(graph_, v.node)};
    if (ir::def(n.op).kind == Kind::scan) result.row = true;
    if (ir::def(n.op).kind == Kind::source || n.op == Op::gather) result.row = uses_row(map);
    for (std::size_t o = first_computed(n); o < n.operands.size(); ++o) {
      const MapId operand = map_of(v.node, o, map);
      const Level& l = level(n.operands[o], operand);
      result.row |= l.row || (ir::def(n.op).kind == Kind::assemble && uses_row(operand));
      result.stage = std::max(result.stage, l.stage);
      if (l.row) result.weight += l.weight;
    }
    return result;
  }

  /// Operands before this one are memory that the node addresses itself.
  static std::size_t first_computed(const Node& n) {
    return n.op == Op::gather || n.op == Op::random_bits ? 1 : 0;
  }

  /// Notes at which stage reductions are needed that v, needed at `need`, depends on.
  void find_deadlines(Value v, MapId map, int need) {
    if (!inside(v)) return;
    const auto [known, fresh] = deadlines_.try_emplace({v, map}, need);
    if (!fresh && known->second <= need) return;
    known->second = need;
    const Node& n = graph_.node(v);
    const Kind kind = ir::def(n.op).kind;
    if (kind == Kind::reduce) {
      const MapId row = row_map(n, map);
      return find_deadlines(n.operands[0], row, level(n.operands[0], row).stage);
    }
    const int own = kind == Kind::view ? need : level(v, map).stage;
    for (std::size_t o = first_computed(n); o < n.operands.size(); ++o)
      find_deadlines(n.operands[o], map_of(v.node, o, map), own);
  }

  /// The section over which a reduction runs. One that is not needed at once waits for a section
  /// that has its operand anyway: each new array that a section reads costs it more than the sum.
  int reduction_stage(Value v, MapId map, const Instance& operand, int first) const {
    for (int stage = deadlines_.at({v, map}) - 1; stage > first; --stage) {
      const auto found = over_.find(stage);
      if (found != over_.end() && found->second.known.contains(operand)) return stage;
    }
    return first;
  }

  // --- Phases -----------------------------------------------------------------------------------

  Block& once(int stage) { return block(once_, stage, 2 * stage); }
  Block& over(int stage) { return block(over_, stage, 2 * stage + 1); }
  static Block& block(std::map<int, Block>& blocks, int stage, int order) {
    Block& p = blocks[stage];
    p.order = order;
    return p;
  }

  /// Where an instance is computed when it is needed by the section over(stage).
  Block& home(const Level& l, int stage) {
    if (contract_block_) return *contract_block_;
    return l.row ? over(stage) : once(l.stage);
  }

  void lower_phases() {
    std::vector<std::pair<std::uint32_t, Reg>> values;
    for (std::uint32_t id : outputs_) {
      const MapId map = stored_at(id);
      find_deadlines({id, 0}, map, level({id, 0}, map).stage);
    }
    for (std::uint32_t id : outputs_) {
      const MapId map = stored_at(id);
      values.emplace_back(id, emit({id, 0}, map, level({id, 0}, map).stage));
    }
    // Stores come last in their sections, so that an output may share memory with an input.
    for (auto [id, reg] : values) {
      const MapId map = stored_at(id);
      const Level l = level({id, 0}, map);
      store(l.row || uses_row(map) ? over(l.stage) : once(l.stage), id, reg);
    }
    int last = 0;
    for (const auto& [stage, p] : once_) last = std::max(last, stage);
    for (const auto& [stage, p] : over_) last = std::max(last, stage);
    for (int stage = 0; stage <= last; ++stage) {
      add_section(Section::Kind::once, once_, stage);
      add_section(Section::Kind::over, over_, stage);
    }
  }

  void add_section(Section::Kind kind, std::map<int, Block>& places, int stage) {
    const auto found = places.find(stage);
    if (found == places.end() || found->second.slot.empty()) return;
    builder_.add_section({.kind = kind,
                          .body = std::move(found->second.slot),
                          .rhs = {},
                          .keeps = std::move(found->second.keeps)});
  }

  void store(Block& at, std::uint32_t id, Reg reg) {
    const auto k = std::find(outputs_.begin(), outputs_.end(), id) - outputs_.begin();
    const ir::Type& type = graph_.node(id).types[0];
    const Affine address =
        in_kernel(ir::linear_index(index_map(stored_at(id)), type.shape, group_.axes.size()));
    builder_.store(at.slot, type.dtype, static_cast<int>(-1 - k), address, reg);
    stores_.push_back({static_cast<int>(k), address, at.order});
  }

  // --- Contractions -----------------------------------------------------------------------------

  void lower_contract() {
    const auto dot = std::find_if(nodes_.begin(), nodes_.end(), [&](std::uint32_t id) {
      return graph_.node(id).op == Op::dot_general;
    });
    const Node& n = graph_.node(*dot);
    const MapId map = group_.find(*dot)->maps().front();
    const std::vector<Affine>& dims = index_map(map).dims;
    const Affine k = Affine::axis(group_.axes.size(), group_.row_axis);
    Block lhs, rhs, epilogue;
    epilogue.order = 1;
    lhs.factor = rhs.factor = true;
    Section section{.kind = Section::Kind::contract};
    contract_block_ = &lhs;
    section.lhs_value = emit(n.operands[0], group_.maps.add({{dims[0], dims[1], k}, {}}), 0);
    contract_block_ = &rhs;
    section.rhs_value = emit(n.operands[1], group_.maps.add({{dims[0], k, dims[2]}, {}}), 0);
    section.body = std::move(lhs.slot);
    section.rhs = std::move(rhs.slot);
    section.dtype = n.types[0].dtype;
    section.result = product_ = builder_.fresh();
    if (is_one_matrix(section.rhs)) section.panels = 0;
    contract_block_ = &epilogue;
    builder_.add_section(std::move(section));
    std::vector<Reg> values;
    for (std::uint32_t id : outputs_) values.push_back(emit({id, 0}, stored_at(id), 0));
    for (std::size_t o = 0; o < outputs_.size(); ++o) store(epilogue, outputs_[o], values[o]);
    builder_.add_section({.kind = Section::Kind::once, .body = std::move(epilogue.slot)});
  }

  /// A plain array, the same for each product of the batch: it may be packed once for many calls.
  bool is_one_matrix(const KernelBuilder::Slot& body) const {
    if (body.size() != 1 || body[0].kind != Inst::Kind::load || body[0].args[0] >= 0 ||
        body[0].args.size() > 1)
      return false;
    const Affine& address = loads_.back().address;  // of the right factor, the last so far
    return std::all_of(address.coefs.begin(), address.coefs.end() - 3,
                       [](std::int64_t stride) { return stride == 0; });
  }

  // --- Instructions -----------------------------------------------------------------------------

  Reg emit(Value v, MapId map, int stage) {
    if (product_ >= 0 && inside(v) && graph_.node(v).op == Op::dot_general) return product_;
    const Level l = level(v, map);
    if (!contract_block_ && l.row && l.stage < stage && l.weight > keep_weight)
      return keep(v, map, l.stage);
    Block& at = home(l, stage);
    const auto known = at.known.find({v, map});
    if (known != at.known.end()) return known->second;
    const Reg reg =
        inside(v) ? emit_node(v, map, l.row ? stage : l.stage, at) : emit_load(v, map, at);
    return at.known[{v, map}] = reg;
  }

  Reg keep(Value v, MapId map, int stage) {
    const Reg reg = emit(v, map, stage);
    auto& keeps = over(stage).keeps;
    if (std::find(keeps.begin(), keeps.end(), reg) == keeps.end()) keeps.push_back(reg);
    return reg;
  }

  Reg emit_load(Value v, MapId map, Block& at) {
    const ir::Type& type = graph_.type(v);
    if (const auto scalar = std::find(scalars_.begin(), scalars_.end(), v);
        scalar != scalars_.end())
      return builder_.number_in(at.slot, type.dtype, static_cast<int>(scalar - scalars_.begin()));
    const Affine address =
        in_kernel(ir::linear_index(index_map(map), type.shape, group_.axes.size()));
    const int memory = read(v);
    loads_.push_back({memory, address, at.order, !index_map(map).guards.empty(), at.factor});
    return builder_.load(at.slot, type.dtype, memory, address, mask(index_map(map).guards, at));
  }

  Reg emit_node(Value v, MapId map, int stage, Block& at) {
    const Node& n = graph_.node(v);
    switch (ir::def(n.op).kind) {
      case Kind::elementwise: {
        std::vector<Reg> args;
        for (std::size_t o = 0; o < n.operands.size(); ++o)
          args.push_back(is_exponent(n, o) ? emit_literal(n.operands[o], at)
                                           : emit(n.operands[o], map, stage));
        return builder_.op(at.slot, operation(v.node), n.types[0].dtype, std::move(args));
      }
      case Kind::view:
        return emit(n.operands[0], map_of(v.node, 0, map), stage);
      case Kind::reduce: {
        const Instance operand{n.operands[0], row_map(n, map)};
        const int over_stage = reduction_stage(v, map, operand, stage - 1);
        const Reg value = emit(operand.first, operand.second, over_stage);
        return builder_.reduce(over(over_stage).slot, n.types[0].dtype, value,
                               n.attrs.string("kind"));
      }
      case Kind::scan:
        return builder_.scan(at.slot, n.types[0].dtype, emit(n.operands[0], map, stage),
                             n.attrs.string("kind"));
      case Kind::assemble:
        return emit_assembled(v, map, stage, at);
      case Kind::gather:
        return emit_gather(v, map, stage, at);
      case Kind::source:
        return emit_source(v, map, at);
      default:
        throw InternalError("lower: " + std::string(ir::def(n.op).name) + " inside a group");
    }
  }

  Reg emit_source(Value v, MapId map, Block& at) {
    const Node& n = graph_.node(v);
    if (n.op == Op::constant) {
      const std::uint64_t bits = n.attrs.literal("value").bits_at(0);
      return ir::is_any_number(n.types[0].dtype, bits)
                 ? builder_.number(at.slot, n.types[0].dtype, bits)
                 : builder_.constant(at.slot, n.types[0].dtype, bits);
    }
    if (n.op == Op::iota) {
      const Reg index =
          builder_.index(at.slot, in_kernel(index_map(map).dims[n.attrs.integer("axis")]));
      return convert(at, index, DType::i64, n.types[0].dtype);
    }
    const Affine position =
        in_kernel(ir::linear_index(index_map(map), n.types[0].shape, group_.axes.size()));
    std::vector<Reg> args;
    for (std::int64_t word : {0, 1}) {
      const int memory = read(n.operands[0]);
      args.push_back(
          builder_.load(at.slot, DType::u64, memory, Affine::zero(builder_.axes()).shifted(word)));
    }
    args.push_back(convert(at, builder_.index(at.slot, position), DType::i64, DType::u64));
    return builder_.op(at.slot, operation(v.node), n.types[0].dtype, std::move(args));
  }

  /// A constant exponent stays in the text: most of a power is decided by it.
  bool is_exponent(const Node& n, std::size_t operand) const {
    return n.op == Op::pow && operand == 1 && literal_of(n.operands[1]);
  }

  /// The constant of which v is a view, or null.
  const Node* literal_of(Value v) const {
    while (inside(v) && graph_.node(v).op == Op::broadcast_in_dim) v = graph_.node(v).operands[0];
    return inside(v) && graph_.node(v).op == Op::constant ? &graph_.node(v) : nullptr;
  }

  Reg emit_literal(Value v, Block& at) {
    const Node& n = *literal_of(v);
    return builder_.constant(at.slot, n.types[0].dtype, n.attrs.literal("value").bits_at(0));
  }

  Reg convert(Block& at, Reg value, DType from, DType to) {
    if (from == to) return value;
    return builder_.op(at.slot, Op::convert, to, {value}, {{"dtype", to}});
  }

  /// pad and concatenate: a chain of selects by the guards that each operand adds.
  Reg emit_assembled(Value v, MapId map, int stage, Block& at) {
    const Node& n = graph_.node(v);
    const bool pad = n.op == Op::pad;
    const std::size_t last = n.operands.size() - 1;
    Reg result = emit(n.operands[last], map_of(v.node, last, map), stage);
    for (std::size_t o = last; o-- > 0;) {
      const MapId operand = map_of(v.node, o, map);
      const std::vector<Guard>& guards = index_map(operand).guards;
      const std::vector<Guard> added(guards.begin() + index_map(map).guards.size(), guards.end());
      if (!pad && graph_.type(n.operands[o]).elements() == 0) continue;
      const Reg value = emit(n.operands[o], operand, stage);
      const Reg here = mask(added, at);
      result = here < 0 ? value
                        : builder_.op(at.slot, Op::select, n.types[0].dtype, {here, value, result});
    }
    return result;
  }

  Reg emit_gather(Value v, MapId map, int stage, Block& at) {
    const Node& n = graph_.node(v);
    const IndexMap& place = index_map(map);
    const ir::Type& data = graph_.type(n.operands[0]);
    const ir::Type& indices = graph_.type(n.operands[1]);
    const auto axis = static_cast<std::size_t>(n.attrs.integer("axis"));
    const Reg index = builder_.clamped(at.slot, emit(n.operands[1], map_of(v.node, 1, map), stage),
                                       indices.dtype, data.shape[axis]);
    IndexMap fixed{{}, place.guards};
    for (std::size_t d = 0; d < data.shape.size(); ++d) {
      if (d < axis)
        fixed.dims.push_back(place.dims[d]);
      else if (d == axis)
        fixed.dims.push_back(Affine::zero(group_.axes.size()));
      else
        fixed.dims.push_back(place.dims[d - 1 + indices.shape.size()]);
    }
    const Affine address = in_kernel(ir::linear_index(fixed, data.shape, group_.axes.size()));
    const std::int64_t stride = ir::row_major_strides(data.shape)[axis];
    const int memory = read(n.operands[0]);
    loads_.push_back({memory, address, at.order, true, at.factor});
    return builder_.load(at.slot, data.dtype, memory, address, mask(place.guards, at),
                         {{index, stride}});
  }

  /// All guards hold; -1 when there are none.
  Reg mask(const std::vector<Guard>& guards, Block& at) {
    Reg all = -1;
    for (const Guard& g : guards) {
      const Reg one = guard(g, at);
      all =
          all < 0 || all == one ? one : builder_.op(at.slot, Op::and_, DType::boolean, {all, one});
    }
    return all;
  }

  Reg guard(const Guard& g, Block& at) {
    const auto known = at.guards.find(g);
    if (known != at.guards.end()) return known->second;
    auto compare = [&](const char* direction, Reg a, Reg b) {
      return builder_.op(at.slot, Op::compare, DType::boolean, {a, b},
                         {{"direction", std::string(direction)}});
    };
    const Reg index = builder_.index(at.slot, in_kernel(g.index));
    const Reg low = compare("ge", index, builder_.constant(at.slot, DType::i64, 0));
    const Reg high = compare("lt", index, builder_.param(at.slot, g.size));
    return at.guards[g] = builder_.op(at.slot, Op::and_, DType::boolean, {low, high});
  }

  std::shared_ptr<const Node> operation(std::uint32_t id) {
    auto& known = operations_[id];
    if (!known) {
      auto node = std::make_shared<Node>(graph_.node(id));
      node->operands.clear();
      node->types = {{node->types[0].dtype, {}}};
      known = std::move(node);
    }
    return known;
  }

  int read(Value v) {
    const auto found = std::find(reads_.begin(), reads_.end(), v);
    if (found != reads_.end()) return static_cast<int>(found - reads_.begin());
    reads_.push_back(v);
    return static_cast<int>(reads_.size()) - 1;
  }

  // --- Facts about the launch --------------------------------------------------------------------

  /// Of a product only what follows it may share memory with an output: other elements of C read
  /// the factors again, and partial sums lie in an output only where nothing follows.
  void find_aliases(LoweredGroup& lowered) const {
    for (const Stored& s : stores_) {
      const DType dtype = graph_.node(outputs_[s.output]).types[0].dtype;
      for (int r = 0; r < static_cast<int>(reads_.size()); ++r) {
        const ir::Type& type = graph_.type(reads_[r]);
        bool fits = size_of(type.dtype) == size_of(dtype) &&
                    type.elements() == graph_.node(outputs_[s.output]).types[0].elements();
        for (const Loaded& l : loads_) {
          if (l.memory == r)
            fits =
                fits && !l.conditional && !l.factor && l.address == s.address && l.order <= s.order;
        }
        if (fits && loaded(r)) lowered.may_alias.emplace_back(r, s.output);
      }
    }
  }

  /// Is what the launch stores, a good part of what it moves, gone from the caches before its end?
  bool streams() const {
    std::size_t stored = 0, loaded = bytes_loaded();
    for (std::uint32_t id : outputs_) stored += graph_.node(id).types[0].bytes();
    return stored + loaded >= cached_bytes && 8 * stored >= loaded;
  }

  std::size_t bytes_loaded() const {
    std::size_t bytes = 0;
    for (const Value read : reads_) bytes += graph_.type(read).bytes();
    return bytes;
  }

  bool loaded(int memory) const {
    return std::any_of(loads_.begin(), loads_.end(),
                       [&](const Loaded& l) { return l.memory == memory; });
  }

  double cost() const {
    double all = 1, parallel = 1, ns = 0;
    for (std::size_t a = 0; a < group_.axes.size(); ++a) {
      all *= static_cast<double>(group_.axes[a]);
      if (static_cast<int>(a) != group_.row_axis) parallel *= static_cast<double>(group_.axes[a]);
    }
    for (const auto& [instance, l] : levels_) {
      if (is_scalar(instance.first)) continue;
      double times = l.row || group_.row_axis < 0 ? all : parallel;
      if (l.row && group_.kind == GroupKind::contract) times /= reuse(index_map(instance.second));
      ns += times * (inside(instance.first)
                         ? ir::node_weight(graph_, instance.first.node) * ns_per_weight
                         : ns_per_load);
    }
    if (group_.kind == GroupKind::contract) ns += 2 * all * ns_per_flop;
    return ns + parallel * ns_per_load * static_cast<double>(outputs_.size());
  }

  /// How many products an element of a factor takes part in: it is read or packed once for all.
  double reuse(const IndexMap& map) const {
    const auto n = group_.axes.size() - 2, m = n - 1;
    return static_cast<double>(std::max<std::int64_t>(group_.axes[map.uses(n) ? m : n], 1));
  }

  struct Loaded {
    int memory;
    Affine address;
    int order;
    bool conditional;  // masked, or at a computed place
    bool factor;       // of a product
  };
  struct Stored {
    int output;
    Affine address;
    int order;
  };

  const ir::Graph& graph_;
  std::span<const std::uint32_t> nodes_, outputs_;
  std::span<const Value> scalars_;  // outside of the group, taken by value
  Group group_;
  std::vector<int> order_;  // kernel axis -> group axis
  KernelBuilder builder_;
  std::map<Instance, Level> levels_;
  std::map<Instance, int> deadlines_;  // the least stage at which a value of the group is read
  std::map<int, Block> once_, over_;
  Block* contract_block_ = nullptr;  // everything goes here while it is set
  Reg product_ = -1;                 // the value of the matrix product
  std::map<std::uint32_t, std::shared_ptr<const Node>> operations_;
  std::vector<Value> reads_;
  std::vector<Loaded> loads_;
  std::vector<Stored> stores_;
};

}  // namespace

LoweredGroup lower_group(const ir::Graph& graph, std::span<const std::uint32_t> nodes,
                         std::span<const std::uint32_t> outputs, std::span<const Value> scalars) {
  std::string why;
  const auto group = ir::GroupAnalysis::of_formed(graph, nodes, outputs, &why);
  if (!group) throw InternalError("lower: a group of the fused graph is no loop nest: " + why);
  return GroupLowering(graph, nodes, outputs, scalars, group->take()).run();
}

}  // namespace weft::codegen
