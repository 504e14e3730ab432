// A fused graph becomes a program: one launch per group, buffers for what is stored, aliases for
// what only renames memory.
#include <algorithm>
#include <map>
#include <numeric>

#include "codegen/lower_attention.h"
#include "codegen/lower_group.h"
#include "codegen/program.h"
#include "ir/attention_node.h"
#include "ir/builder.h"

namespace weft::codegen {

using ir::Affine;
using ir::Ints;
using ir::Kind;
using ir::Node;
using ir::Op;
using ir::Value;

namespace {

class ProgramLowering {
 public:
  ProgramLowering(const ir::Graph& graph, Scalars scalars) : graph_(graph), scalars_(scalars) {
    program_.name = graph.name();
  }

  Program run() {
    const std::vector<bool> live = graph_.live();
    for (std::uint32_t id = 0; id < graph_.size(); ++id) {
      const bool parameter = graph_.node(id).op == Op::parameter;
      if (live[id] || parameter) lower_node(id);
    }
    for (const Value& v : graph_.results()) program_.results.push_back(buffer(v));
    return std::move(program_);
  }

 private:
  int buffer(Value v) const { return buffers_.at(v); }

  int add_buffer(ProgramBuffer buffer) {
    program_.buffers.push_back(std::move(buffer));
    return static_cast<int>(program_.buffers.size()) - 1;
  }
  int add_temporary(const ir::Type& type) {
    return add_buffer({ProgramBuffer::Role::temporary, type, -1, {}});
  }

  /// Kernels are made of computable dtypes only. Memory that is just handed on may have any.
  static void check_dtypes(const ir::Graph& graph, std::uint32_t id) {
    const Node& n = graph.node(id);
    std::vector<DType> dtypes;
    for (const ir::Type& type : n.types) dtypes.push_back(type.dtype);
    for (const Value& v : n.operands) dtypes.push_back(graph.type(v).dtype);
    for (DType dtype : dtypes) {
      if (!is_computable(dtype))
        throw Unsupported(std::string(ir::def(n.op).name) + ": no arithmetic on " +
                              std::string(name(dtype)) + " yet",
                          n.where);
    }
  }

  void lower_node(std::uint32_t id) {
    const Node& n = graph_.node(id);
    switch (n.op) {
      case Op::parameter:
        buffers_[{id, 0}] =
            add_buffer({ProgramBuffer::Role::input, n.types[0], static_cast<int>(id), {}});
        return;
      case Op::constant:
        buffers_[{id, 0}] =
            add_buffer({ProgramBuffer::Role::constant, n.types[0], -1, n.attrs.literal("value")});
        return;
      case Op::reshape:
      case Op::optimization_barrier:
        buffers_[{id, 0}] = buffer(n.operands[0]);
        return;
      case Op::fused:
        lower_fused(id);
        return;
      case Op::scatter:
        lower_scatter(id);
        return;
      case Op::attention:
        lower_attention_node(id);
        return;
      case Op::attention_gradient:
        check_dtypes(graph_, id);
        buffers_[{id, 0}] = add_temporary(n.types[0]);
        lower_gradients(graph_, std::array{id}, buffers_);
        return;
      case Op::pad:
        if (dilates(n)) {
          lower_dilating_pad(id);
          return;
        }
        break;
      default:
        break;
    }
    lower_single(id);
  }

  // --- Groups -----------------------------------------------------------------------------------

  void lower_fused(std::uint32_t id) {
    const Node& n = graph_.node(id);
    const ir::Graph& body = *n.bodies[0];
    std::map<Value, int> memory;  // of values of the body
    for (std::size_t k = 0; k < body.param_count(); ++k)
      memory[body.param(k)] = buffer(n.operands[k]);
    const std::vector<bool> live = body.live();
    std::vector<std::uint32_t> nodes, outputs;
    for (std::uint32_t b = 0; b < body.size(); ++b) {
      if (!live[b] || body.node(b).op == Op::parameter) continue;
      check_dtypes(body, b);
      if (is_dense(body.node(b)))
        memory[{b, 0}] = add_buffer({ProgramBuffer::Role::constant, body.node(b).types[0], -1,
                                     body.node(b).attrs.literal("value")});
      else
        nodes.push_back(b);
    }
    for (const Value& r : body.results()) {
      if (memory.count(r)) continue;  // a parameter, or a result that stands twice
      memory[r] = add_temporary(body.type(r));
      outputs.push_back(r.node);
    }
    for (std::uint32_t k = 0; k < body.results().size(); ++k)
      buffers_[{id, k}] = memory.at(body.results()[k]);
    if (outputs.empty()) return;
    if (body.node(nodes[0]).op == Op::attention_gradient)
      return lower_gradients(body, nodes, memory);
    std::sort(outputs.begin(), outputs.end());
    std::vector<Value> scalars;
    for (std::size_t k = 0; k < body.param_count(); ++k)
      if (is_by_value(n.operands[k])) scalars.push_back(body.param(k));
    LoweredGroup group = lower_group(body, nodes, outputs, scalars);
    std::vector<int> reads, writes;
    for (const Value& v : group.reads) reads.push_back(memory.at(v));
    for (std::uint32_t o : outputs) writes.push_back(memory.at({o, 0}));
    std::vector<NumberArgument> numbers;
    for (const auto& [param, v] : group.numbers)
      numbers.push_back({param, static_cast<int>(n.operands[v.node].node)});
    add_launch(std::move(group), reads, writes, std::move(numbers), label(body, nodes));
  }

  /// Inputs of one element that a launch takes among its params.
  bool is_by_value(Value v) const {
    const ir::Type& type = graph_.type(v);
    return scalars_ == Scalars::by_value && graph_.node(v).op == Op::parameter &&
           type.rank() == 0 && is_computable(type.dtype) && !is_bool(type.dtype);
  }

  static bool is_dense(const Node& n) {
    return n.op == Op::constant && !n.attrs.literal("value").is_splat();
  }

  /// One node as a group of its own.
  void lower_single(std::uint32_t id) {
    check_dtypes(graph_, id);
    const std::array nodes{id};
    std::vector<Value> scalars;
    for (const Value& v : graph_.node(id).operands)
      if (is_by_value(v)) scalars.push_back(v);
    LoweredGroup group = lower_group(graph_, nodes, nodes, scalars);
    std::vector<NumberArgument> numbers;
    for (const auto& [param, v] : group.numbers)
      numbers.push_back({param, static_cast<int>(v.node)});
    std::vector<int> reads;
    for (const Value& v : group.reads) reads.push_back(buffer(v));
    const int out = buffers_[{id, 0}] = add_temporary(graph_.node(id).types[0]);
    add_launch(std::move(group), reads, {out}, std::move(numbers), label(graph_, nodes));
  }

  void add_launch(LoweredGroup group, const std::vector<int>& reads, const std::vector<int>& writes,
                  std::vector<NumberArgument> numbers, std::string label) {
    Launch launch;
    launch.kernel = group.result.kernel;
    launch.params = std::move(group.result.params);
    launch.numbers = std::move(numbers);
    launch.cost_ns = group.cost_ns;
    launch.label = std::move(label);
    for (const Place& p : group.result.places) {
      const int b = p.memory >= 0 ? reads[p.memory] : writes[-1 - p.memory];
      launch.arguments.push_back({b, p.offset});
    }
    for (auto [r, o] : group.may_alias) {
      if (std::count(reads.begin(), reads.end(), reads[r]) == 1)
        launch.may_alias.emplace_back(reads[r], writes[o]);
    }
    program_.launches.push_back(std::move(launch));
  }

  /// "exp sub reduce": the operations that compute, once each, in order.
  static std::string label(const ir::Graph& graph, std::span<const std::uint32_t> nodes) {
    constexpr std::size_t longest = 60;
    std::vector<std::string_view> names;
    for (std::uint32_t id : nodes) {
      const ir::OpDef& def = ir::def(graph.node(id).op);
      const bool moves = def.kind == Kind::view || def.kind == Kind::source;
      if ((!moves || nodes.size() == 1) &&
          std::find(names.begin(), names.end(), def.name) == names.end())
        names.push_back(def.name);
    }
    std::string result;
    for (std::string_view name : names) {
      if (result.size() + name.size() > longest) return result + " ...";
      result += (result.empty() ? "" : " ") + std::string(name);
    }
    return result;
  }

  // --- Nodes with kernels of their own
  // ------------------------------------------------------------

  /// `from` copied into a new buffer of the same type.
  int lower_copy(int from, const ir::Type& type) {
    const int to = add_temporary(type);
    KernelBuilder b({type.elements()}, false, Lanes::across);
    KernelBuilder::Slot slot;
    const Affine i = Affine::axis(1, 0);
    b.store(slot, type.dtype, 1, i, b.load(slot, type.dtype, 0, i));
    finish_launch(b, std::move(slot), Section::Kind::once, {from, to}, "copy", type.elements());
    return to;
  }

  void finish_launch(KernelBuilder& b, KernelBuilder::Slot slot, Section::Kind kind,
                     const std::vector<int>& memories, std::string label, std::int64_t elements) {
    b.add_section({.kind = kind, .body = std::move(slot)});
    KernelBuilder::Result result = b.finish();
    Launch launch;
    launch.kernel = result.kernel;
    launch.params = std::move(result.params);
    launch.cost_ns = static_cast<double>(elements) * 0.3;
    launch.label = std::move(label);
    for (const Place& p : result.places) launch.arguments.push_back({memories[p.memory], p.offset});
    program_.launches.push_back(std::move(launch));
  }

  /// A copy of x, then updates in the order of the indices: rows of a kernel run in order, and
  /// lanes and threads divide the other dimensions.
  void lower_scatter(std::uint32_t id) {
    check_dtypes(graph_, id);
    const Node& n = graph_.node(id);
    const ir::Type &x = graph_.type(n.operands[0]), &indices = graph_.type(n.operands[1]);
    const int out = lower_copy(buffer(n.operands[0]), x);
    buffers_[{id, 0}] = out;
    const auto axis = static_cast<std::size_t>(n.attrs.integer("axis"));
    const std::int64_t outer = ir::elements({x.shape.begin(), x.shape.begin() + axis});
    const std::int64_t inner = ir::elements({x.shape.begin() + axis + 1, x.shape.end()});
    const std::int64_t count = indices.elements(), size = x.shape[axis];
    if (count == 0 || x.elements() == 0) return;
    KernelBuilder b({outer, inner, count}, true, Lanes::across);
    KernelBuilder::Slot slot;
    const Affine index_at{0, {0, 0, 1}}, update_at{0, {count * inner, 1, inner}};
    const Affine out_at{0, {size * inner, 1, 0}};
    const Reg raw = b.load(slot, indices.dtype, 1, index_at);
    const Reg index = b.clamped(slot, raw, indices.dtype, size);
    const Reg value = b.load(slot, x.dtype, 2, update_at);
    b.update(slot, x.dtype, 0, out_at, value, n.attrs.string("kind"), {{index, inner}});
    finish_launch(b, std::move(slot), Section::Kind::over,
                  {out, buffer(n.operands[1]), buffer(n.operands[2])}, "scatter",
                  outer * inner * count);
  }

  void lower_attention_node(std::uint32_t id) {
    check_dtypes(graph_, id);
    const Node& n = graph_.node(id);
    const int out = buffers_[{id, 0}] = add_temporary(n.types[0]);
    Launch launch = lower_attention(graph_, id);
    for (const Value& v : n.operands) launch.arguments.push_back({buffer(v), 0});
    launch.arguments.push_back({out, 0});
    program_.launches.push_back(std::move(launch));
  }

  /// Gradients of one attention. Those that come in parts are added up by launches after it.
  void lower_gradients(const ir::Graph& graph, std::span<const std::uint32_t> nodes,
                       const std::map<Value, int>& memory) {
    AttentionGradientLaunch made = lower_attention_gradient(graph, nodes);
    for (const Value& v : graph.node(nodes[0]).operands)
      made.launch.arguments.push_back({memory.at(v), 0});
    std::vector<std::pair<int, int>> sums;  // from, to
    for (std::uint32_t id : made.writes) {
      int to = memory.at({id, 0});
      if (made.parts > 1 && ir::attention_operand(graph.node(id)) != 0) {
        ir::Type type = graph.node(id).types[0];
        type.shape.insert(type.shape.end() - 2, made.parts);
        sums.emplace_back(add_temporary(type), to);
        to = sums.back().first;
      }
      made.launch.arguments.push_back({to, 0});
    }
    program_.launches.push_back(std::move(made.launch));
    for (auto [from, to] : sums) lower_sum_of_parts(from, to, made.parts);
  }

  /// to[.., rest] = the sum over parts, in order from 0, of from[.., part, rest] with two axes of
  /// rest.
  void lower_sum_of_parts(int from, int to, std::int64_t parts) {
    const ir::Type type = program_.buffers[static_cast<std::size_t>(to)].type;
    const std::int64_t inner = type.shape.end()[-1] * type.shape.end()[-2];
    const std::int64_t outer = ir::elements(ir::Shape(type.shape.begin(), type.shape.end() - 2));
    KernelBuilder b({outer, inner, parts}, true, Lanes::across);
    KernelBuilder::Slot over, once;
    const Reg x = b.load(over, type.dtype, 0, Affine{0, {parts * inner, 1, inner}});
    const Reg sum = b.reduce(over, type.dtype, x, "add");
    b.store(once, type.dtype, 1, Affine{0, {inner, 1, 0}}, sum);
    b.add_section({.kind = Section::Kind::over, .body = std::move(over)});
    finish_launch(b, std::move(once), Section::Kind::once, {from, to}, "reduce",
                  outer * inner * parts);
  }

  static bool dilates(const Node& n) {
    const Ints& interior = n.attrs.ints("interior");
    return std::any_of(interior.begin(), interior.end(), [](std::int64_t i) { return i != 0; });
  }

  /// The padding value everywhere, then x at its places: every (interior + 1)-th element.
  void lower_dilating_pad(std::uint32_t id) {
    check_dtypes(graph_, id);
    const Node& n = graph_.node(id);
    const ir::Type &x = graph_.type(n.operands[0]), &y = n.types[0];
    const int out = buffers_[{id, 0}] = add_temporary(y);
    KernelBuilder fill({y.elements()}, false, Lanes::across);
    KernelBuilder::Slot slot;
    fill.store(slot, y.dtype, 1, Affine::axis(1, 0), fill.load(slot, y.dtype, 0, Affine::zero(1)));
    finish_launch(fill, std::move(slot), Section::Kind::once, {buffer(n.operands[1]), out}, "pad",
                  y.elements());
    const std::size_t rank = x.shape.size();
    const auto x_strides = ir::row_major_strides(x.shape),
               y_strides = ir::row_major_strides(y.shape);
    std::vector<std::int64_t> sizes(rank);
    Affine from = Affine::zero(rank), to = Affine::zero(rank);
    for (std::size_t d = 0; d < rank; ++d) {
      // Elements first .. first + sizes[d] of x land inside y.
      const std::int64_t step = n.attrs.ints("interior")[d] + 1, low = n.attrs.ints("low")[d];
      const std::int64_t first = low >= 0 ? 0 : (-low + step - 1) / step;
      const std::int64_t room =
          y.shape[d] - low - 1;  // the last place, as an offset from element 0
      const std::int64_t last = room < 0 ? -1 : std::min<std::int64_t>(x.shape[d] - 1, room / step);
      sizes[d] = std::max<std::int64_t>(last - first + 1, 0);
      from = from.plus(Affine::axis(rank, d).scaled(x_strides[d])).shifted(first * x_strides[d]);
      to = to.plus(Affine::axis(rank, d).scaled(step * y_strides[d]))
               .shifted((low + first * step) * y_strides[d]);
    }
    const std::int64_t count =
        std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
    if (count == 0) return;
    KernelBuilder copy(sizes, false, Lanes::across);
    KernelBuilder::Slot body;
    copy.store(body, y.dtype, 1, to, copy.load(body, x.dtype, 0, from));
    finish_launch(copy, std::move(body), Section::Kind::once, {buffer(n.operands[0]), out}, "pad",
                  count);
  }

  const ir::Graph& graph_;
  const Scalars scalars_;
  Program program_;
  std::map<Value, int> buffers_;
};

}  // namespace

Program lower(const ir::Graph& graph, Scalars scalars) {
  return ProgramLowering(graph, scalars).run();
}

}  // namespace weft::codegen
