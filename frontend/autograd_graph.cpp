#include "frontend/autograd_graph.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <unordered_map>
#include <unordered_set>

#include "frontend/expr.h"
#include "frontend/trace.h"
#include "ir/builder.h"
#include "passes/autodiff.h"

namespace weft::detail {
namespace {

constexpr const char* freed_message =
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they "
    "have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward.";

/// Past identities that let gradients through.
const Ref& skip_passing(const Ref& r) {
  const Ref* at = &r;
  while ((*at)->kind == RecordKind::passing) at = &(*at)->operands[0];
  return *at;
}

/// Whether the derivative of an elementwise operation needs its operands or result. Asked of the
/// operation table: a partial derivative that is a constant needs nothing.
bool partials_need_values(ir::Op op) {
  const ir::OpDef& def = ir::def(op);
  if (def.partial == nullptr) return def.jvp != nullptr && op != ir::Op::convert;
  if (def.attrs.size() > 0 || op == ir::Op::select) return true;
  ir::Builder b("probe");
  std::vector<ir::Value> operands;
  for (int k = 0; k < def.min_operands; ++k) {
    operands.push_back(b.parameter({DType::f32, {}}, "x" + std::to_string(k)));
  }
  const ir::Value result = b.add_node(op, operands);
  for (int k = 0; k < def.min_operands; ++k) {
    const ir::Value partial = def.partial({b, b.node(result), operands, result}, k);
    if (partial.valid() && b.node(partial).op != ir::Op::constant) return true;
  }
  return false;
}

bool computes_saving(ir::Op op) {
  switch (ir::def(op).kind) {
    case ir::Kind::elementwise:
      return partials_need_values(op);
    case ir::Kind::view:
    case ir::Kind::assemble:
    case ir::Kind::control:
      return false;
    default:
      return true;
  }
}

/// Whether a backward pass through the record uses values of the forward pass, so that freeing them
/// ends it (PyTorch's saved tensors).
bool saves(const Record& r) {
  if (r.op == ir::Op::reduce || r.op == ir::Op::cumulative) return r.attrs.string("kind") != "add";
  static std::array<std::atomic<int>, ir::op_count> known{};  // 0: not asked yet, 1: no, 2: yes
  std::atomic<int>& answer = known[static_cast<std::size_t>(r.op)];
  if (answer == 0) answer = computes_saving(r.op) ? 2 : 1;
  return answer == 2;
}

bool is_constant(const Record& r) {
  return r.kind == RecordKind::operation &&
         (r.op == ir::Op::constant || (r.op == ir::Op::broadcast_in_dim && !r.operands.empty() &&
                                       r.operands[0]->op == ir::Op::constant));
}

/// Throws where a backward pass has let go of a record's operands: gradients cannot pass any more.
void check_kept(const Record& r) {
  if (r.freed && r.operands.empty()) fail_plain(freed_message);
}

bool stops_gradients(const Record& r) {
  return r.kind == RecordKind::variable || r.kind == RecordKind::placeholder ||
         r.kind == RecordKind::moved;
}

/// Calls f with each record that gradients of the outputs reach, once, but with none behind others
/// than operations.
template <class F>
void for_each_reached(const std::vector<Ref>& outputs, F&& f) {
  std::unordered_set<const Record*> seen;
  std::vector<Ref> stack(outputs.rbegin(), outputs.rend());
  while (!stack.empty()) {
    const Ref r = skip_passing(stack.back());
    stack.pop_back();
    if (!r->requires_grad || !seen.insert(r.get()).second) continue;
    check_kept(*r);
    f(r);
    if (r->kind != RecordKind::operation) continue;
    for (std::size_t k = r->operands.size(); k-- > 0;) stack.push_back(r->operands[k]);
  }
}

}  // namespace

struct GradientGraph::State {
  std::vector<Ref> outputs, inputs;
  ir::Graph forward;
  std::vector<Ref> params;       // what each parameter of `forward` stands for; null: zeros
  std::vector<std::size_t> wrt;  // the inputs' parameters; npos where unreached
  std::vector<Ref> records;      // what each node of `forward` stands for, where one does
  std::vector<Ref> interior;     // the records that gradients go through
  std::vector<bool> reached;     // which outputs are in `forward`'s results

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  std::unordered_map<const Record*, std::size_t> input_of;
  std::unordered_set<const Record*> met;  // inputs that outputs depend on

  void find_inputs();
  std::vector<Ref> sorted();
  void build();
  void refuse_moved(const Record& r) const;
};

/// What gradients stop at, and every record with a retained gradient.
void GradientGraph::State::find_inputs() {
  for_each_reached(outputs, [&](const Ref& r) {
    if (stops_gradients(*r) || !r->slot.expired()) inputs.push_back(r);
  });
}

/// The records through which gradients go from the outputs to inputs, operands first.
std::vector<Ref> GradientGraph::State::sorted() {
  struct Frame {
    Ref record;
    std::size_t next;
  };
  std::unordered_map<const Record*, bool> leads;  // to an input
  std::vector<Ref> order;
  std::vector<Frame> stack;
  const auto enter = [&](const Ref& r) {
    if (!r->requires_grad || leads.contains(r.get())) return;
    check_kept(*r);
    const bool is_input = input_of.contains(r.get());
    if (is_input) met.insert(r.get());
    leads[r.get()] = is_input;
    if (r->kind == RecordKind::operation) stack.push_back({r, 0});
  };
  for (const Ref& output : outputs) {
    enter(skip_passing(output));
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.next < top.record->operands.size()) {
        enter(skip_passing(top.record->operands[top.next++]));
        continue;
      }
      const Ref done = std::move(top.record);
      stack.pop_back();
      bool any = leads[done.get()];
      for (const Ref& operand : done->operands) {
        const auto known = leads.find(skip_passing(operand).get());
        any = any || (known != leads.end() && known->second);
      }
      leads[done.get()] = any;
      if (any) order.push_back(done);
    }
  }
  return order;
}

void GradientGraph::State::refuse_moved(const Record& r) const {
  if (r.kind != RecordKind::moved || !r.requires_grad || input_of.contains(&r)) return;
  fail_unsupported(
      "gradients pass from device to device in backward() and autograd::grad alone, "
      "got a value moved to " +
      r.place().device().str());
}

void GradientGraph::State::build() {
  interior = sorted();
  std::unordered_set<const Record*> through;
  for (const Ref& r : interior) through.insert(r.get());

  // Parameters first: the inputs, then what comes from outside.
  ir::Builder b("forward");
  std::unordered_map<const Record*, ir::Value> values;
  const auto parameter = [&](const ir::Type& type, Ref stands_for) {
    params.push_back(std::move(stands_for));
    return b.parameter(type, "p" + std::to_string(params.size() - 1));
  };
  wrt.assign(inputs.size(), npos);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Record* r = inputs[k].get();
    if (input_of.at(r) != k || !met.contains(r)) continue;  // given twice, or of no influence
    wrt[k] = params.size();
    // An input inside the graph is left as it is: its parameter is a zero added to it.
    const bool inside = through.contains(r);
    const ir::Value p = parameter(r->type, inside ? nullptr : inputs[k]);
    if (!inside) values[r] = p;
  }
  std::vector<Ref> constants;
  for (const Ref& r : interior) {
    if (r->freed) fail_plain(freed_message);
    for (const Ref& operand : r->operands) {
      const Ref& from = skip_passing(operand);
      if (through.contains(from.get()) || values.contains(from.get())) continue;
      if (is_constant(*from)) {
        constants.push_back(from);
        values[from.get()] = {};
      } else {
        values[from.get()] = parameter(from->type, from);
      }
    }
  }
  for (const Ref& r : constants) {
    const Ref& source = r->op == ir::Op::constant ? r : r->operands[0];
    ir::Value v = b.add_node(source->op, {}, source->attrs);
    if (source != r) v = b.add_node(r->op, {v}, r->attrs);
    values[r.get()] = v;
  }
  for (const Ref& r : interior) {
    std::vector<ir::Value> operands;
    for (const Ref& operand : r->operands) {
      operands.push_back(values.at(skip_passing(operand).get()));
    }
    b.set_location(r->where);
    ir::Value v = b.add_node(r->op, operands, r->attrs);
    const auto input = input_of.find(r.get());
    if (input != input_of.end()) {
      v = b.add_node(ir::Op::add, {v, b.graph().param(wrt[input->second])});
    }
    values[r.get()] = v;
    records.resize(b.size());
    if (records[v.node] == nullptr) records[v.node] = r;
  }
  std::vector<ir::Value> results;
  for (const Ref& output : outputs) {
    const Record* r = skip_passing(output).get();
    reached.push_back(through.contains(r) || met.contains(r));
    if (reached.back()) results.push_back(values.at(r));
  }
  forward = b.finish(std::move(results));
  records.resize(forward.size());
}

GradientGraph::GradientGraph(std::vector<Ref> outputs, std::vector<Ref> inputs)
    : state_(std::make_unique<State>()) {
  state_->outputs = std::move(outputs);
  state_->inputs = std::move(inputs);
  const std::lock_guard lock(graph_mutex());
  for (Ref& r : state_->inputs) r = skip_passing(r);
  const bool given = !state_->inputs.empty();
  if (!given) state_->find_inputs();
  for (std::size_t k = 0; k < state_->inputs.size(); ++k) {
    state_->input_of.try_emplace(state_->inputs[k].get(), k);
  }
  // Gradients would get lost at moved records that are not among the inputs.
  if (given) for_each_reached(state_->outputs, [&](const Ref& r) { state_->refuse_moved(*r); });
  state_->build();
}

GradientGraph::~GradientGraph() = default;
GradientGraph::GradientGraph(GradientGraph&&) noexcept = default;

const std::vector<Ref>& GradientGraph::inputs() const { return state_->inputs; }

std::vector<Ref> moves_behind(const std::vector<Ref>& outputs) {
  std::vector<Ref> moves;
  const std::lock_guard lock(graph_mutex());
  for_each_reached(outputs, [&](const Ref& r) {
    if (r->kind == RecordKind::moved) moves.push_back(r);
  });
  return moves;
}

namespace {

/// Records the nodes of `graph` that its results need; `known` says which values are records
/// already.
std::vector<Ref> record_results(const ir::Graph& graph, std::span<const ir::Value> results,
                                std::vector<Ref> known) {
  std::vector<bool> needed(graph.size(), false);
  for (const ir::Value& v : results) needed[v.node] = true;
  for (std::size_t id = graph.size(); id-- > 0;) {
    if (!needed[id] || known[id] != nullptr) continue;
    for (const ir::Value& operand : graph.nodes()[id].operands) needed[operand.node] = true;
  }
  for (std::size_t id = 0; id < graph.size(); ++id) {
    if (!needed[id] || known[id] != nullptr) continue;
    const ir::Node& node = graph.nodes()[id];
    if (node.types.size() != 1) throw InternalError("autograd: a node with several results");
    if (node.op == ir::Op::parameter) {  // the zero added to an inner input
      known[id] = expr::full(node.types[0], 0);
      continue;
    }
    std::vector<Ref> operands;
    for (const ir::Value& operand : node.operands) operands.push_back(known[operand.node]);
    known[id] = record_typed(node.op, std::move(operands), node.attrs, node.types[0], node.where);
  }
  std::vector<Ref> records;
  for (const ir::Value& v : results) records.push_back(known[v.node]);
  return records;
}

}  // namespace

std::vector<Ref> GradientGraph::pull(const std::vector<Ref>& cotangents) const {
  const State& s = *state_;
  std::vector<std::size_t> wrt;
  for (std::size_t p : s.wrt) {
    if (p != State::npos) wrt.push_back(p);
  }
  std::vector<Ref> gradients(s.inputs.size());
  if (s.forward.results().empty()) return gradients;
  const passes::Vjp vjp = passes::vjp(s.forward, wrt);

  std::vector<Ref> known(vjp.graph.size());
  for (std::size_t k = 0; k < s.params.size(); ++k) known[vjp.graph.param(k).node] = s.params[k];
  std::size_t next = s.params.size();
  for (std::size_t k = 0; k < s.outputs.size(); ++k) {
    if (!s.reached[k]) continue;
    const Ref& given = cotangents[k];
    known[vjp.graph.param(next++).node] =
        given != nullptr ? given : expr::full(s.outputs[k]->type, 0);
  }
  for (std::size_t id = 0; id < s.forward.size(); ++id) {
    const ir::Value at = vjp.primal[id];
    if (at.valid() && s.records[id] != nullptr && known[at.node] == nullptr) {
      known[at.node] = s.records[id];
    }
  }
  const std::size_t first = s.forward.results().size();
  const std::vector<ir::Value> results(vjp.graph.results().begin() + static_cast<long>(first),
                                       vjp.graph.results().end());
  const std::vector<Ref> found = record_results(vjp.graph, results, std::move(known));
  std::size_t taken = 0;
  for (std::size_t k = 0; k < s.inputs.size(); ++k) {
    if (s.wrt[k] != State::npos) gradients[k] = found[taken++];
  }
  for (std::size_t k = 0; k < s.inputs.size(); ++k) {
    gradients[k] = gradients[s.input_of.at(s.inputs[k].get())];
  }
  return gradients;
}

std::vector<Ref> GradientGraph::push(const std::vector<Ref>& tangents) const {
  const State& s = *state_;
  std::vector<Ref> pushed(s.outputs.size());
  if (s.forward.results().empty()) return pushed;
  std::vector<std::size_t> wrt;
  std::vector<Ref> along;
  for (std::size_t k = 0; k < s.inputs.size(); ++k) {
    if (s.wrt[k] == State::npos) continue;
    wrt.push_back(s.wrt[k]);
    along.push_back(tangents[k]);
  }
  const ir::Graph jvp = passes::jvp(s.forward, wrt);
  std::vector<Ref> known(jvp.size());
  for (std::size_t k = 0; k < s.params.size(); ++k) known[k] = s.params[k];
  for (std::size_t k = 0; k < along.size(); ++k) known[s.params.size() + k] = along[k];
  const std::size_t count = s.forward.results().size();
  const std::vector<ir::Value> results(jvp.results().begin() + static_cast<long>(count),
                                       jvp.results().end());
  const std::vector<Ref> found = record_results(jvp, results, std::move(known));
  std::size_t taken = 0;
  for (std::size_t k = 0; k < s.outputs.size(); ++k) {
    if (s.reached[k]) pushed[k] = found[taken++];
  }
  return pushed;
}

void GradientGraph::free_saved() {
  std::vector<Ref> garbage;
  const std::lock_guard lock(graph_mutex());
  for (const Ref& r : state_->interior) {
    // What comes after something freed cannot be walked again either.
    r->freed = saves(*r);
    for (const Ref& operand : r->operands) r->freed |= skip_passing(operand)->freed;
    if (!r->freed) continue;
    if (!r->evaluated.load(std::memory_order_acquire)) continue;
    for (Ref& operand : r->operands) garbage.push_back(std::move(operand));
    r->operands.clear();
  }
}

Tensor& grad_of(const std::shared_ptr<GradSlot>& slot, bool looks) {
  Trace* trace = Trace::current();
  return trace != nullptr ? trace->grad(slot, looks) : slot->grad;
}

std::string grad_fn_name(const Tensor& t) {
  const Ref value = skip_passing(read(t));
  std::string_view label = value->label;
  // What differentiation made is named by what it computes, as the rest is.
  if (label == "backward" || label == "grad") label = ir::def(value->op).name;
  std::string name;
  bool upper = true;
  for (char c : label) {
    if (c != '_')
      name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = c == '_';
  }
  return name + "Backward0";
}

}  // namespace weft::detail
