// Cumulative operations along the row, in vectors: blocks are combined in registers and meet the
// rest of the row in one operation each (ir/reduce_order.h).
#pragma once

#include <map>

#include "codegen/llvm/emitter.h"
#include "codegen/llvm/plan.h"

namespace weft::codegen::cpu {

/// The scans of one body. Vectors are taken in order, in turns of whole blocks.
class RowScans {
 public:
  RowScans(Emitter& e, const BodyPlan& plan) : e_(e), plan_(plan) {}

  /// Vectors of one block.
  static int block_vectors(const Emitter& e);
  /// What is carried into the first turn: for each scan a vector of equal lanes.
  Emitter::Values identities() const;
  /// Begins a turn with what is carried into it.
  void begin(std::span<Value* const> carried);
  /// What the scan gives for vector v of the turn.
  Value* take(const Inst& scan, int v, Value* x);
  /// What is carried out of the turn.
  Emitter::Values carried() const;

 private:
  struct State {
    Value* carry = nullptr;
    // Of each vector of the current block: its last element, in all lanes, before the combination
    // with other vectors and after each of them.
    std::vector<Emitter::Values> ends{};
  };

  Value* take_in_order(const Inst& scan, Value* x);
  Value* within_vector(const Inst& scan, Value* x);
  Value* last_lane(Value* x);

  Emitter& e_;
  const BodyPlan& plan_;
  std::map<const Inst*, State> states_;
};

}  // namespace weft::codegen::cpu
