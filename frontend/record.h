// The recorded program: immutable values in shared nodes. A record is evaluated when somebody
// looks; then it holds memory and, unless gradients may need them, lets go of its operands.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "frontend/layout.h"
#include "frontend/scope.h"
#include "ir/op.h"
#include "ir/type.h"
#include "runtime/engine.h"

namespace weft::detail {

struct Record;
struct GradSlot;
using Ref = std::shared_ptr<Record>;

enum class RecordKind : std::uint8_t {
  input,        ///< Memory that is known.
  operation,    ///< An operation of the IR on operands.
  placeholder,  ///< An argument or capture of a jit trace: no value until the call.
  moved,        ///< Memory that is known: the operand's value, in another place.
  // Identities. They differ in what gradients do there.
  variable,  ///< Gradients stop here, and gather in a slot.
  detached,  ///< No gradient passes.
  passing,   ///< Gradients pass: a variable whose functional transform has ended.
};

struct Record {
  const std::uint64_t id;  ///< Grows with time; 0 for inputs.
  RecordKind kind = RecordKind::operation;
  ir::Op op = ir::Op::parameter;
  bool requires_grad = false;  ///< Gradients reach a variable through it.
  bool traced = false;         ///< Depends on a placeholder, so it has no value yet.
  bool freed = false;          ///< A backward pass without retain_graph went through it.
  std::uint32_t depth = 0;     ///< Longest way to something evaluated.
  const LayoutRef layout;      ///< Row-major; its place is where the value is computed.
  const ir::Type& type;        ///< Its type.
  ir::Attributes attrs;
  std::vector<Ref> operands;
  const char* label = "";  ///< The API function that recorded it.
  Location where;
  std::weak_ptr<GradSlot> slot;  ///< Of a variable.
  std::atomic<int> holders{0};   ///< Storages whose current value it is.
  std::atomic<bool> evaluated{false};
  std::atomic<bool> external{false};  ///< An input that others may write to.
  runtime::Buffer buffer;             ///< Once evaluated.

  Record(LayoutRef row_major, std::uint64_t number);
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;
  ~Record();  ///< Without recursion, however long the chain of operands is.

  Place place() const { return layout->place; }
  bool is_identity() const { return kind >= RecordKind::variable; }
};

/// Guards operands and buffers of evaluated records. Held while a graph is collected or results are
/// stored, never while something is compiled or run.
std::mutex& graph_mutex();

bool grad_enabled();
void set_grad_enabled(bool enabled);

/// An operation, its type inferred, under the name and place of the scope.
Ref record(ir::Op op, std::vector<Ref> operands, ir::Attributes attrs = {});
/// An operation whose type is known.
Ref record_typed(ir::Op op, std::vector<Ref> operands, ir::Attributes attrs, ir::Type type,
                 const Location& where);
Ref record_input(runtime::Buffer buffer, LayoutRef row_major);
Ref record_input(runtime::Buffer buffer, ir::Type type);
Ref record_placeholder(LayoutRef row_major);
Ref record_identity(RecordKind kind, const Ref& of);

/// The value, if its place is any, as one that lies in that place.
Ref placed(const Ref& value, Place place);
/// Throws: one operation has operands in both places.
[[noreturn]] void fail_mixed(Place a, Place b);

/// The id that the next record gets.
std::uint64_t next_record_id();

/// The record behind identities.
inline const Ref& resolve(const Ref& r) {
  const Ref* at = &r;
  while ((*at)->is_identity()) at = &(*at)->operands[0];
  return *at;
}
/// Whether its value is in memory (or it is an identity of such a one).
inline bool is_evaluated(const Ref& r) {
  return resolve(r)->evaluated.load(std::memory_order_acquire);
}

}  // namespace weft::detail
