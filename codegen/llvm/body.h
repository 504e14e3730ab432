// Emits a planned body: vectors where lanes differ, scalars where they do not, and before the loop
// what does not move in it.
//
//   Body body(emitter, plan, values);
//   body.hoist(index, vectors);      before the innermost loop (Emitter::Loop::prepare)
//   body.step(index);                in it, once per turn: moving indices
//   body.run(v, active);             for each vector v = 0, 1, ...: lanes index[lane_axis] + v *
//   width ... body.vector(reg, v);             what it computed
#pragma once

#include <map>
#include <vector>

#include "codegen/llvm/emitter.h"
#include "codegen/llvm/plan.h"

namespace weft::codegen::cpu {

/// Values of earlier sections: one scalar, or one value per vector; or for kept values the address
/// of the row scratch of vector 0 at row index 0, and the elements between rows (null: lanes lie on
/// the row axis).
struct Outer {
  std::vector<Value*> values;
  Value* kept = nullptr;
  Value* row_stride = nullptr;
};
using Outers = std::map<Reg, Outer>;

class Body {
 public:
  Body(Emitter& emitter, const BodyPlan& plan, const Outers& outers);

  /// Emits all that does not move; index has one value per axis (moving ones are not read).
  void hoist(std::span<Value* const> index, int vectors);
  /// Begins a turn of the innermost loop; index has one value per axis.
  void step(std::span<Value* const> index);
  /// Emits the effects, reductions' operands and wanted values of vector v.
  void run(int v, const Active& active);

  /// A register's value: as a vector, or as it is (a scalar when lanes agree).
  Value* vector(Reg reg, int v);
  Value* value(Reg reg, int v);
  const BodyPlan& plan() const { return plan_; }

 private:
  struct Memory;  // one memory instruction of one vector, resolved
  using Memo = std::vector<Value*>;

  Value* scalar(int id, int v);  // as it is
  Value* lanes(int id, int v);   // as a vector
  Memo& memo(int id, int v);
  Value* compute(int id, int v);
  Value* leaf(int id, int v);
  Value* index_leaf(int id, int v);
  Value* import_leaf(int id, int v);
  Value* address(int access);  // of vector 0, in this turn
  Memory resolve(const Inst& inst, int v, std::size_t mask, std::size_t first_term);
  Value* load(int id, int v);
  void effect(const Inst& inst, int v);

  Emitter& e_;
  const BodyPlan& plan_;
  const Outers& outers_;
  std::vector<Value*> index_;
  Active active_;
  bool in_loop_ = false;
  Memo fixed_, fixed_splats_;                // per instruction: do not move, agree in lanes
  std::vector<Memo> fixed_vectors_;          // per vector: do not move, differ in lanes
  Memo turn_, turn_splats_;                  // move, agree in lanes
  std::vector<Memo> turn_vectors_;           // move, differ in lanes
  std::map<int, Value*> bases_, addresses_;  // per access
};

}  // namespace weft::codegen::cpu
