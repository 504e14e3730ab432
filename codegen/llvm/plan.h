// A body as one scalar program: what each value depends on, what is needed, how much it costs. Pure
// data, no LLVM; made once per section and emitted as often as the loop nest wants.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "codegen/kernel.h"
#include "ir/scalar.h"

namespace weft::codegen::cpu {

/// How a value of an earlier section is read.
struct Imported {
  DType dtype;
  bool vector = false;  // one value per lane; else one for all lanes
  bool moving = false;  // another one in each turn of the innermost loop
  bool kept = false;    // in the row scratch; else in registers
};
using Imports = std::map<Reg, Imported>;

/// Where a body stands in its nest.
struct BodyPlace {
  int lane_axis = -1;        // lanes are consecutive indices of it; -1: one element at a time
  std::vector<bool> moving;  // per axis: changes within the innermost loop around the body
};

/// What a `param` instruction of the scalar program stands for (its bits number the leaves).
struct Leaf {
  enum class Kind : std::uint8_t { load, param, number, index, import, scan } kind;
  const Inst* inst = nullptr;  // all but import
  Reg reg = -1;
};

class BodyPlan {
 public:
  /// `wanted`: registers of the body that somebody reads beside its own stores and reductions.
  BodyPlan(const Kernel& kernel, std::span<const Inst> body, const BodyPlace& place,
           const Imports& imports, std::span<const Reg> wanted = {});

  BodyPlace place;
  ir::ScalarProgram program;
  std::vector<Leaf> leaves;
  std::vector<const Inst*> effects;     // stores and updates, in order
  std::vector<const Inst*> reductions;  // in order
  std::vector<const Inst*> scans;       // those that somebody needs, in order
  struct Fact {
    bool vector = false;  // differs between lanes
    bool moving = false;  // differs between turns of the innermost loop
    bool live = false;    // somebody needs it
  };
  std::vector<Fact> facts;  // per instruction of the program
  int cost = 0;             // vector instructions per turn, roughly

  /// The instruction of the program that computes a register of the body (or an import).
  int id(Reg reg) const { return ids_.at(reg); }
  const Fact& fact(Reg reg) const { return facts[static_cast<std::size_t>(id(reg))]; }
  DType dtype(Reg reg) const { return program.insts[static_cast<std::size_t>(id(reg))].dtype; }
  const ir::ScalarInst& inst(int id) const { return program.insts[static_cast<std::size_t>(id)]; }

 private:
  std::map<Reg, int> ids_;
};

}  // namespace weft::codegen::cpu
