#include "frontend/record.h"

#include <algorithm>

#include "frontend/evaluate.h"
#include "frontend/expr.h"
#include "ir/graph.h"
#include "runtime/cuda/device.h"

namespace weft::detail {
namespace {

// A chain longer than this is evaluated before it grows: loops that never look at a value stay
// bounded in memory, and their pieces compile once.
constexpr std::uint32_t max_depth = 1024;

thread_local bool grad_mode = true;
std::atomic<std::uint64_t> ids{1};

std::uint64_t next_id() { return ids.fetch_add(1, std::memory_order_relaxed); }

void check_computable(const ir::Type& type) {
  if (!is_computable(type.dtype)) {
    fail_unsupported("expected a dtype that Weft computes in (bool i32 i64 u32 u64 f32 f64), got " +
                     type.str() + "; convert it with to()");
  }
}

/// At most once for so many records: those of a gradient reach deep into a forward chain one by
/// one, and each would ask for a program of its own.
void bound_depth(const Record& r) {
  thread_local std::uint64_t bounded_until = 0;
  if (r.depth < max_depth || r.traced || r.id < bounded_until) return;
  bounded_until = r.id + max_depth;
  std::vector<Ref> deep;
  for (const Ref& operand : r.operands) {
    if (!is_evaluated(operand)) deep.push_back(operand);
  }
  evaluate(deep);
}

/// That of the operands; without any that has one, that of the scope.
Place place_for(const std::vector<Ref>& operands) {
  Place place;
  for (const Ref& operand : operands) {
    if (operand->place() == place || operand->place().is_any()) continue;
    if (!place.is_any()) fail_mixed(place, operand->place());
    place = operand->place();
  }
  return place.is_any() ? PlaceScope::current() : place;
}

/// That of an operand where they are alike, as in elementwise work.
LayoutRef layout_for(ir::Type type, const std::vector<Ref>& operands) {
  const Place place = place_for(operands);
  for (const Ref& operand : operands) {
    if (operand->type == type && operand->place() == place) return operand->layout;
  }
  return layout_of(std::move(type), place);
}

/// Fills what follows from the operands.
void connect(Record& r) {
  bool any = false;
  for (const Ref& operand : r.operands) {
    any |= operand->requires_grad;
    r.traced |= operand->traced;
    if (!is_evaluated(operand)) r.depth = std::max(r.depth, operand->depth + 1);
  }
  r.requires_grad = any && grad_mode && is_float(r.type.dtype);
}

}  // namespace

void fail_mixed(Place a, Place b) {
  fail("Expected all tensors to be on the same device, but found at least two devices, " +
       a.device().str() + " and " + b.device().str() + "; move one with to()");
}

std::mutex& graph_mutex() {
  static std::mutex mutex;
  return mutex;
}

bool grad_enabled() { return grad_mode; }
void set_grad_enabled(bool enabled) { grad_mode = enabled; }

Ref record_typed(ir::Op op, std::vector<Ref> operands, ir::Attributes attrs, ir::Type type,
                 const Location& where) {
  auto r = std::make_shared<Record>(layout_for(std::move(type), operands), next_id());
  r->op = op;
  r->attrs = std::move(attrs);
  r->operands = std::move(operands);
  r->where = where;
  r->label = OpScope::name();
  connect(*r);
  bound_depth(*r);
  return r;
}

Ref record(ir::Op op, std::vector<Ref> operands, ir::Attributes attrs) {
  ir::Node node{op, {}, std::move(attrs), {}, {}, OpScope::where()};
  std::vector<ir::Type> types;
  types.reserve(operands.size());
  for (const Ref& operand : operands) {
    check_computable(operand->type);
    types.push_back(operand->type);
  }
  node.operands.resize(operands.size());
  ir::Type type = ir::def(op).infer({node, types}).front();
  return record_typed(op, std::move(operands), std::move(node.attrs), std::move(type), node.where);
}

Ref record_input(runtime::Buffer buffer, ir::Type type) {
  const Place place =
      buffer.device == nullptr ? Place::cpu() : Place::cuda(buffer.device->device().index());
  return record_input(std::move(buffer), layout_of(std::move(type), place));
}

Ref record_input(runtime::Buffer buffer, LayoutRef row_major) {
  auto r = std::make_shared<Record>(std::move(row_major), 0);
  r->kind = RecordKind::input;
  r->buffer = std::move(buffer);
  const OpScope::Current& scope = OpScope::current();
  r->where = scope.where;
  r->label = scope.name;
  r->evaluated.store(true, std::memory_order_release);
  return r;
}

Ref record_placeholder(LayoutRef row_major) {
  auto r = std::make_shared<Record>(std::move(row_major), next_id());
  r->kind = RecordKind::placeholder;
  r->traced = true;
  r->where = OpScope::where();
  return r;
}

Ref record_identity(RecordKind kind, const Ref& of) {
  auto r = std::make_shared<Record>(of->layout, next_id());
  r->kind = kind;
  r->operands = {of};
  r->traced = of->traced;
  r->depth = of->depth;
  r->requires_grad = kind == RecordKind::variable ||
                     (kind == RecordKind::passing && of->requires_grad && grad_mode);
  r->where = OpScope::where();
  r->label = OpScope::name();
  return r;
}

Ref placed(const Ref& value, Place place) {
  if (value->place() == place || !value->place().is_any()) return value;
  const PlaceScope scope(place);
  return expr::same(value);
}

Record::Record(LayoutRef row_major, std::uint64_t number)
    : id(number), layout(std::move(row_major)), type(layout->type) {}

std::uint64_t next_record_id() { return ids.load(std::memory_order_relaxed); }

Record::~Record() {
  // The destructor that runs first drains the list; those it sets off only add to it.
  static thread_local std::vector<Ref>* draining = nullptr;
  if (operands.empty()) return;
  if (draining != nullptr) {
    for (Ref& operand : operands) draining->push_back(std::move(operand));
    return;
  }
  std::vector<Ref> dying = std::move(operands);
  draining = &dying;
  while (!dying.empty()) {
    const Ref last = std::move(dying.back());
    dying.pop_back();
  }
  draining = nullptr;
}

}  // namespace weft::detail
