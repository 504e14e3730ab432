#include "codegen/llvm/machine.h"

#include <map>
#include <mutex>

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

std::unique_ptr<llvm::TargetMachine> make_machine(const Target& target) {
  initialize_llvm();
  std::string error;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(target.triple, error);
  if (!found) throw InternalError("llvm: no code generator for " + target.triple + ": " + error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;  // arithmetic is fixed in the graph
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      target.triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Less, /*JIT=*/true));
}

llvm::TargetMachine& machine_of_this_thread(const Target& target) {
  thread_local std::map<std::string, std::unique_ptr<llvm::TargetMachine>> machines;
  auto& machine = machines[target.cpu + ":" + target.features];
  if (!machine) machine = make_machine(target);
  return *machine;
}

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

void set_layout(llvm::Module& module, const Target& target) {
  module.setTargetTriple(target.triple);
  module.setDataLayout(machine_of_this_thread(target).createDataLayout());
}

llvm::SmallVector<char, 0> object_code(llvm::Module& module, const Target& target) {
#ifndef NDEBUG
  check(module);
#endif
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager passes;
  llvm::MCContext* context = nullptr;
  if (machine_of_this_thread(target).addPassesToEmitMC(passes, context, out,
                                                       /*DisableVerify=*/true))
    throw InternalError("llvm: the code generator writes no objects");
  passes.run(module);
  return bytes;
}

std::string assembly(llvm::Module& module, const Target& target) {
  check(module);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager passes;
  if (machine_of_this_thread(target).addPassesToEmitFile(passes, out, nullptr,
                                                         llvm::CodeGenFileType::AssemblyFile))
    throw InternalError("llvm: the code generator writes no assembly");
  passes.run(module);
  return std::string(text);
}

}  // namespace weft::codegen::cpu
