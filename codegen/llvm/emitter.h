// One kernel being written as one LLVM function: its arguments, its types, vectors of `width`
// elements, and loops. Bodies (body.h) and loop nests (nest.h, gemm.h) are written with it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "codegen/kernel.h"
#include "codegen/llvm/target.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

namespace weft::codegen::cpu {

using llvm::Value;

/// The lanes of a vector that are on: the first `count` of them (a count <= 0 turns all off, one
/// beyond the width none). All null: every lane is on.
struct Active {
  Value* count = nullptr;  // i64
  Value* mask = nullptr;   // <width x i1>
  explicit operator bool() const { return count != nullptr; }
};

class Emitter {
 public:
  /// Creates `void name(ptr pointers, ptr params, i64 begin, i64 end, ptr scratch)` in the module
  /// and stands at its start; finish() returns from it.
  Emitter(llvm::Module& module, const Kernel& kernel, const Target& target);
  void finish();

  llvm::Module& module;
  const Kernel& kernel;
  const Target& target;
  llvm::IRBuilder<> b;
  int width() const { return target.width; }

  // Types. A bool is i1 in registers and a byte, 0 or 1, in memory.
  llvm::Type* element(DType dtype) const;
  llvm::Type* stored(DType dtype) const;
  llvm::Type* vector(llvm::Type* of) const;
  llvm::Type* vector(DType dtype) const { return vector(element(dtype)); }

  // Arguments. Pointers and params are loaded once, at the entry.
  Value* pointer(int access);
  Value* param(int number);
  /// A param that is a number of the program, each of one dtype.
  Value* number(int parameter, DType dtype);
  Value* size(int axis) { return param(axis); }
  Value* begin() const { return function_->getArg(2); }
  Value* end() const { return function_->getArg(3); }
  Value* scratch() const { return function_->getArg(4); }
  llvm::Function* function() const { return function_; }

  // Values.
  Value* i64(std::int64_t value) { return b.getInt64(static_cast<std::uint64_t>(value)); }
  Value* constant(DType dtype, std::uint64_t bits);  // one element
  Value* coef(const Coef& coef);                     // i64
  /// sum + coef * index, without the work that 0 and 1 save.
  Value* add_scaled(Value* sum, const Coef& coef, Value* index);
  Value* splat(Value* scalar) {
    return b.CreateVectorSplat(static_cast<unsigned>(width()), scalar);
  }
  Value* iota(unsigned bits);  // <width x iN>: 0, 1, 2, ...
  /// The first `count` lanes.
  Active active(Value* count);
  /// `mask` restricted to the active lanes; either may be null, null when both are.
  Value* both(Value* mask, const Active& active);
  /// Memory of the function's frame, 64-byte aligned.
  Value* stack(llvm::Type* type, const char* name);

  // Control flow. The bodies are called once, with the builder inside the new blocks.
  using Values = std::vector<Value*>;
  struct Loop {
    const char* name;
    Value* first;
    Value* limit;
    std::int64_t step = 1;
    Values carried{};                 // values before the first turn
    std::function<void()> prepare{};  // runs before the first turn, if there is one
    bool certain = false;             // first < limit is known
  };
  /// for (i = first; i < limit; i += step) carried = body(i, carried); returns the last carried.
  Values loop(const Loop& loop, const std::function<Values(Value* i, const Values&)>& body);
  void loop(const Loop& loop, const std::function<void(Value* i)>& body);
  void if_then(Value* condition, const char* name, const std::function<void()>& then,
               const std::function<void()>& otherwise = {});
  /// Values of either branch, as many of both.
  Values if_else(Value* condition, const char* name, const std::function<Values()>& then,
                 const std::function<Values()>& otherwise);

 private:
  llvm::BasicBlock* block(const llvm::Twine& name);
  template <class F>
  auto at_entry(F&& f);

  llvm::Function* function_;
  llvm::BasicBlock* entry_;
  Values pointers_, params_;
};

}  // namespace weft::codegen::cpu
