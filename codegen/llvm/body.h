// Emits a planned body: vectors where lanes differ, scalars where they do not, and before the loop
// what does not move in it.
//
//   Body body(emitter, plan, values);
//   body.hoist(index, vectors);      before the innermost loop (Emitter::Loop::prepare)
//   body.step(index);                in it, once per turn: moving indices
//   body.run(v, active);             for each vector v = 0, 1, ...: lanes index[lane_axis] + v *
//   width ... body.vector(reg, v);             what it computed
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "codegen/llvm/emitter.h"
#include "codegen/llvm/memory.h"
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
/// Where vector v of a kept value lies in the scratch, at an index of the row axis.
Value* kept_address(Emitter& e, const Outer& outer, DType dtype, Value* row_index, int v);

class Body {
 public:
  Body(Emitter& emitter, const BodyPlan& plan, const Outers& outers);

  /// Emits all that does not move; index has one value per axis (moving ones are not read). Lanes
  /// that are off throughout the loop are said by `active`; then there is one vector.
  void hoist(std::span<Value* const> index, int vectors, const Active& active = {});
  /// Begins a turn of the innermost loop; index has one value per axis.
  void step(std::span<Value* const> index);
  /// Wherever a row of this access is read, what lies further is prefetched.
  struct Ahead {
    std::int64_t bytes;
    Cache cache;
  };
  void prefetch(int access, const Ahead& ahead) { ahead_[access] = ahead; }
  /// Rows that are stored whole go past the caches; they are aligned.
  void store_past_caches() { past_caches_ = true; }
  /// From now on a load or store finds its vectors in a row at `row`, wherever its access lies.
  void stand_in(const Inst& inst, Value* row) { stand_ins_[&inst] = row; }
  /// What a scan gives for vector v, of which x is the operand; asked once for each vector of a
  /// turn, in order.
  using Scan = std::function<Value*(const Inst& scan, int v, Value* x)>;
  void scan_by(Scan scan) { scan_ = std::move(scan); }
  /// Says that turns under a mask are mostly whole: the mask is looked at once for all loads, of
  /// which masked ones are slow.
  void expect_whole() { mostly_whole_ = true; }
  /// Emits the effects, reductions' operands and wanted values of vector v.
  void run(int v, const Active& active);

  /// A register's value: as a vector, or as it is (a scalar when lanes agree).
  Value* vector(Reg reg, int v);
  Value* value(Reg reg, int v);
  const BodyPlan& plan() const { return plan_; }

 private:
  using Memo = std::vector<Value*>;
  struct Place;  // where one memory instruction of one vector reads or writes

  Memo& memo(int id, int v);
  Value* scalar(int id, int v);  // as it is
  Value* lanes(int id, int v);   // as a vector
  Value* compute(int id, int v);
  Value* first_index(const Inst& inst);
  Value* index_leaf(const Inst& inst, int v, bool in_lanes);
  const Inst* index_by_lane(int id) const;
  Value* distance(const Inst& index, std::int32_t number);
  struct Compared;
  std::optional<Compared> compared_index(const ir::ScalarInst& inst) const;
  Value* before_index(const ir::ScalarInst& inst, int v);
  Value* import_leaf(Reg reg, int v);
  Value* is_index(const ir::ScalarInst& inst, int v);
  Value* load_leaf(const Inst& inst, int id, int v);
  Value* record_row(const Inst& inst, int v, int row);
  Active record_active(const Inst& inst, int row);
  Value* load_field(const Inst& inst, int v);
  void store_field(const Inst& inst, int v);
  void load_rows(int v);
  Value* base(int access);
  Value* address(int access);
  Value* advance(int access, Value* at, bool moving);
  Place locate(const Inst& inst, int v, std::size_t mask, std::size_t first_term);
  Value* last_of(DType dtype, Value* at);
  Value* mask_lanes(const Place& place);
  void prefetch_row(const Inst& inst, Value* at);
  void store(const Inst& inst, int v);
  void update(const Inst& inst, int v);
  void prepare(const Inst& inst);

  Emitter& e_;
  const BodyPlan& plan_;
  const Outers& outers_;
  std::vector<Value*> index_;
  Active active_;
  bool past_caches_ = false;
  bool mostly_whole_ = false;
  // Values by instruction of the program: those that do not move and those of this turn; each as a
  // scalar, as a scalar's splat, and per vector.
  struct Memos {
    Memo scalars, splats;
    std::vector<Memo> vectors;
  };
  Memos fixed_, turn_;
  std::map<int, Value*> bases_, addresses_;  // per access: without and with moving axes
  std::map<std::pair<const Inst*, std::int32_t>, Value*> distances_;  // of this turn
  std::map<int, Ahead> ahead_;  // per access that is prefetched
  std::map<const Inst*, Value*> stand_ins_;
  Scan scan_;
  std::map<std::pair<int, int>, std::vector<Value*>>
      fields_;                                        // per access and vector, of this turn
  std::map<int, std::vector<Value*>> stored_fields_;  // per access, of this vector
  std::map<int, Value*> lane_offsets_;                // per param that is a stride of the lane axis
};

}  // namespace weft::codegen::cpu
