#include "codegen/llvm/emitter.h"

#include <string>

#include <weft/error.h>
#include "llvm/IR/Intrinsics.h"

namespace weft::codegen::cpu {
namespace {

llvm::Function* make_function(llvm::Module& module, const Target& target) {
  llvm::LLVMContext& context = module.getContext();
  auto* pointer = llvm::PointerType::getUnqual(context);
  auto* word = llvm::Type::getInt64Ty(context);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                       {pointer, pointer, word, word, pointer}, false);
  auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, "kernel", module);
  const char* names[] = {"pointers", "params", "begin", "end", "scratch"};
  for (unsigned k = 0; k < 5; ++k) function->getArg(k)->setName(names[k]);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addFnAttr("no-trapping-math", "true");
  function->addFnAttr("target-cpu", target.cpu);
  function->addFnAttr("target-features", target.features);
  // Without these LLVM halves 512-bit vectors.
  std::string bits = std::to_string(target.vector_bits);
  function->addFnAttr("prefer-vector-width", bits);
  function->addFnAttr("min-legal-vector-width", bits);
  return function;
}

std::string numbered(const char* name, std::size_t number) { return name + std::to_string(number); }

}  // namespace

Emitter::Emitter(llvm::Module& m, const Kernel& k, const Target& t)
    : module(m),
      kernel(k),
      target(t),
      b(m.getContext()),
      function_(make_function(m, t)),
      entry_(llvm::BasicBlock::Create(m.getContext(), "entry", function_)),
      pointers_(k.accesses.size()),
      params_(static_cast<std::size_t>(k.param_count)) {
  auto* start = block("start");
  b.SetInsertPoint(entry_);
  b.CreateBr(start);
  b.SetInsertPoint(start);
}

void Emitter::finish() {
  // Streaming stores are ordered by no release of their own.
  if (kernel.streaming) b.CreateFence(llvm::AtomicOrdering::SequentiallyConsistent);
  b.CreateRetVoid();
}

llvm::BasicBlock* Emitter::block(const llvm::Twine& name) {
  return llvm::BasicBlock::Create(b.getContext(), name, function_);
}

// Emits before the end of the entry block, which dominates everything.
template <class F>
auto Emitter::at_entry(F&& f) {
  llvm::IRBuilderBase::InsertPointGuard guard(b);
  b.SetInsertPoint(entry_->getTerminator());
  return f();
}

llvm::Type* Emitter::element(DType dtype) const {
  llvm::LLVMContext& context = b.getContext();
  switch (dtype) {
    case DType::boolean:
      return llvm::Type::getInt1Ty(context);
    case DType::i32:
    case DType::u32:
      return llvm::Type::getInt32Ty(context);
    case DType::i64:
    case DType::u64:
      return llvm::Type::getInt64Ty(context);
    case DType::f32:
      return llvm::Type::getFloatTy(context);
    case DType::f64:
      return llvm::Type::getDoubleTy(context);
    default:
      throw InternalError("llvm: kernels do not compute in " + std::string(name(dtype)));
  }
}

llvm::Type* Emitter::stored(DType dtype) const {
  return is_bool(dtype) ? llvm::Type::getInt8Ty(b.getContext()) : element(dtype);
}

llvm::Type* Emitter::vector(llvm::Type* of) const {
  return llvm::FixedVectorType::get(of, static_cast<unsigned>(width()));
}

Value* Emitter::pointer(int access) {
  auto number = static_cast<std::size_t>(access);
  if (!pointers_[number])
    pointers_[number] = at_entry([&]() -> Value* {
      auto* type = b.getPtrTy();
      Value* at = b.CreateConstInBoundsGEP1_64(type, function_->getArg(0), number);
      return b.CreateLoad(type, at, numbered("a", number));
    });
  return pointers_[number];
}

Value* Emitter::param(int parameter) {
  auto number = static_cast<std::size_t>(parameter);
  if (!params_[number])
    params_[number] = at_entry([&]() -> Value* {
      Value* at = b.CreateConstInBoundsGEP1_64(b.getInt64Ty(), function_->getArg(1), number);
      return b.CreateLoad(b.getInt64Ty(), at, numbered("p", number));
    });
  return params_[number];
}

// The processors that LLVM makes code for here keep the low bytes first.
Value* Emitter::number(int parameter, DType dtype) {
  auto place = static_cast<std::size_t>(parameter);
  if (!params_[place])
    params_[place] = at_entry([&]() -> Value* {
      Value* at = b.CreateConstInBoundsGEP1_64(b.getInt64Ty(), function_->getArg(1), place);
      return b.CreateLoad(element(dtype), at, numbered("n", place));
    });
  return params_[place];
}

Value* Emitter::constant(DType dtype, std::uint64_t bits) {
  llvm::Type* type = element(dtype);
  if (!type->isFloatingPointTy())
    return llvm::ConstantInt::get(type, llvm::APInt(type->getIntegerBitWidth(), bits));
  unsigned size = type->getPrimitiveSizeInBits();
  return llvm::ConstantFP::get(type,
                               llvm::APFloat(type->getFltSemantics(), llvm::APInt(size, bits)));
}

Value* Emitter::coef(const Coef& coef) {
  if (coef.kind == Coef::Kind::param) return param(coef.param);
  return i64(coef.is_one() ? 1 : coef.is_minus_one() ? -1 : 0);
}

Value* Emitter::add_scaled(Value* sum, const Coef& coef, Value* index) {
  if (coef.is_zero()) return sum;
  if (coef.is_minus_one()) return b.CreateSub(sum, index);
  Value* term = coef.is_one() ? index : b.CreateMul(param(coef.param), index);
  return b.CreateAdd(sum, term);
}

Value* Emitter::iota(unsigned bits) {
  std::vector<llvm::Constant*> lanes;
  for (int k = 0; k < width(); ++k) lanes.push_back(b.getIntN(bits, static_cast<std::uint64_t>(k)));
  return llvm::ConstantVector::get(lanes);
}

Active Emitter::active(Value* count) {
  Value* at_most = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, count, i64(width()));
  Value* mask = b.CreateICmpSLT(iota(32), splat(b.CreateTrunc(at_most, b.getInt32Ty())), "active");
  return {count, mask};
}

Value* Emitter::both(Value* mask, const Active& active) {
  if (!mask || !active) return mask ? mask : active.mask;
  return b.CreateAnd(mask, active.mask);
}

Value* Emitter::stack(llvm::Type* type, const char* name) {
  return at_entry([&]() -> Value* {
    auto* memory = b.CreateAlloca(type, nullptr, name);
    memory->setAlignment(llvm::Align(64));
    return memory;
  });
}

Emitter::Values Emitter::loop(const Loop& loop,
                              const std::function<Values(Value*, const Values&)>& body) {
  llvm::BasicBlock* before = b.GetInsertBlock();
  std::string name = loop.name;
  llvm::BasicBlock* prepare = block(name + ".prepare");
  llvm::BasicBlock* turn = block(name);
  llvm::BasicBlock* done = block(name + ".done");
  if (loop.certain) {
    b.CreateBr(prepare);
  } else {
    b.CreateCondBr(b.CreateICmpSLT(loop.first, loop.limit), prepare, done);
  }
  b.SetInsertPoint(prepare);
  if (loop.prepare) loop.prepare();
  llvm::BasicBlock* prepared = b.GetInsertBlock();
  b.CreateBr(turn);

  b.SetInsertPoint(turn);
  llvm::PHINode* index = b.CreatePHI(b.getInt64Ty(), 2, name + ".i");
  index->addIncoming(loop.first, prepared);
  Values carried;
  for (Value* value : loop.carried) {
    llvm::PHINode* phi = b.CreatePHI(value->getType(), 2);
    phi->addIncoming(value, prepared);
    carried.push_back(phi);
  }
  Values next = body(index, carried);
  llvm::BasicBlock* last = b.GetInsertBlock();
  Value* following = b.CreateNSWAdd(index, i64(loop.step));
  index->addIncoming(following, last);
  for (std::size_t k = 0; k < next.size(); ++k)
    llvm::cast<llvm::PHINode>(carried[k])->addIncoming(next[k], last);
  b.CreateCondBr(b.CreateICmpSLT(following, loop.limit), turn, done);

  b.SetInsertPoint(done);
  if (loop.certain) return next;
  Values results;
  for (std::size_t k = 0; k < next.size(); ++k) {
    llvm::PHINode* phi = b.CreatePHI(next[k]->getType(), 2);
    phi->addIncoming(loop.carried[k], before);
    phi->addIncoming(next[k], last);
    results.push_back(phi);
  }
  return results;
}

void Emitter::loop(const Loop& spec, const std::function<void(Value*)>& body) {
  loop(spec, [&](Value* index, const Values&) {
    body(index);
    return Values{};
  });
}

void Emitter::if_then(Value* condition, const char* name, const std::function<void()>& then,
                      const std::function<void()>& otherwise) {
  llvm::BasicBlock* yes = block(name);
  llvm::BasicBlock* no = otherwise ? block(std::string(name) + ".else") : nullptr;
  llvm::BasicBlock* done = block(std::string(name) + ".done");
  b.CreateCondBr(condition, yes, no ? no : done);
  b.SetInsertPoint(yes);
  then();
  b.CreateBr(done);
  if (no) {
    b.SetInsertPoint(no);
    otherwise();
    b.CreateBr(done);
  }
  b.SetInsertPoint(done);
}

Emitter::Values Emitter::if_else(Value* condition, const char* name,
                                 const std::function<Values()>& then,
                                 const std::function<Values()>& otherwise) {
  llvm::BasicBlock* yes = block(name);
  llvm::BasicBlock* no = block(std::string(name) + ".else");
  llvm::BasicBlock* done = block(std::string(name) + ".done");
  b.CreateCondBr(condition, yes, no);
  b.SetInsertPoint(yes);
  Values a = then();
  yes = b.GetInsertBlock();
  b.CreateBr(done);
  b.SetInsertPoint(no);
  Values c = otherwise();
  no = b.GetInsertBlock();
  b.CreateBr(done);
  b.SetInsertPoint(done);
  Values either;
  for (std::size_t k = 0; k < a.size(); ++k) {
    llvm::PHINode* phi = b.CreatePHI(a[k]->getType(), 2);
    phi->addIncoming(a[k], yes);
    phi->addIncoming(c[k], no);
    either.push_back(phi);
  }
  return either;
}

}  // namespace weft::codegen::cpu
