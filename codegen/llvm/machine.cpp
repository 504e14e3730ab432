#include "codegen/llvm/machine.h"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <weft/error.h>
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

namespace weft::codegen::cpu {
namespace {

void set_option(const char* name, const char* value) {
  auto& options = llvm::cl::getRegisteredOptions();
  auto found = options.find(name);
  if (found == options.end() || found->second->addOccurrence(0, name, value))
    throw InternalError("llvm: cannot set option " + std::string(name));
}

// Code generation is most of a compilation. Loops come out of the emitter as they should run, so
// loop strength reduction and the machine scheduler cost a third of the time and gain nothing.
void set_options() {
  set_option("disable-lsr", "true");
  set_option("enable-misched", "false");
}

std::unique_ptr<llvm::TargetMachine> make_machine(const Target& target, Effort effort) {
  initialize_llvm();
  std::string error;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(target.triple, error);
  if (!found) throw InternalError("llvm: no code generator for " + target.triple + ": " + error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;  // arithmetic is fixed in the graph
  const auto level =
      effort == Effort::quick ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Less;
  return std::unique_ptr<llvm::TargetMachine>(
      found->createTargetMachine(target.triple, target.cpu, target.features, options,
                                 llvm::Reloc::PIC_, llvm::CodeModel::Small, level, /*JIT=*/true));
}

/// Code generators, each used by one thread at a time. Never destroyed: static objects may compile
/// until the very end, when threads have lost what was theirs.
class Machines {
 public:
  static Machines& instance() {
    static Machines& machines = *new Machines();
    return machines;
  }

  std::unique_ptr<llvm::TargetMachine> take(const Target& target, Effort effort) {
    {
      const std::lock_guard lock(mutex_);
      auto& free = free_[key(target, effort)];
      if (!free.empty()) {
        auto machine = std::move(free.back());
        free.pop_back();
        return machine;
      }
    }
    return make_machine(target, effort);
  }
  void give(const Target& target, Effort effort, std::unique_ptr<llvm::TargetMachine> machine) {
    const std::lock_guard lock(mutex_);
    free_[key(target, effort)].push_back(std::move(machine));
  }

 private:
  using Key = std::pair<Effort, std::string>;
  static Key key(const Target& target, Effort effort) {
    return {effort, target.cpu + ":" + target.features};
  }

  std::mutex mutex_;
  std::map<Key, std::vector<std::unique_ptr<llvm::TargetMachine>>> free_;
};

/// One of them for a while.
class Machine {
 public:
  Machine(const Target& target, Effort effort)
      : target_(target), effort_(effort), machine_(Machines::instance().take(target, effort)) {}
  ~Machine() { Machines::instance().give(target_, effort_, std::move(machine_)); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  llvm::TargetMachine* operator->() { return machine_.get(); }

 private:
  const Target& target_;
  const Effort effort_;
  std::unique_ptr<llvm::TargetMachine> machine_;
};

void check(llvm::Module& module) {
  std::string problems;
  llvm::raw_string_ostream out(problems);
  if (llvm::verifyModule(module, &out)) {
    module.print(out, nullptr);
    throw InternalError("llvm: the emitter wrote invalid IR: " + problems);
  }
}

}  // namespace

void initialize_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    set_options();
  });
}

void set_layout(llvm::Module& module, const Target& target, Effort effort) {
  module.setTargetTriple(target.triple);
  module.setDataLayout(Machine(target, effort)->createDataLayout());
}

llvm::SmallVector<char, 0> object_code(llvm::Module& module, const Target& target, Effort effort) {
#ifndef NDEBUG
  check(module);
#endif
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  Machine machine(target, effort);
  llvm::legacy::PassManager passes;
  llvm::MCContext* context = nullptr;
  if (machine->addPassesToEmitMC(passes, context, out, /*DisableVerify=*/true))
    throw InternalError("llvm: the code generator writes no objects");
  passes.run(module);
  return bytes;
}

std::string assembly(llvm::Module& module, const Target& target) {
  check(module);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream out(text);
  Machine machine(target, Effort::full);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, out, nullptr, llvm::CodeGenFileType::AssemblyFile))
    throw InternalError("llvm: the code generator writes no assembly");
  passes.run(module);
  return std::string(text);
}

}  // namespace weft::codegen::cpu
