#include "codegen/llvm/target.h"

#include <memory>

#include <weft/error.h>
#include "codegen/llvm/machine.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/TargetParser/Host.h"

namespace weft::codegen::cpu {
namespace {

// "+avx2,-sgx,..." as the processor itself says; a virtual machine may lack what its model has.
std::string host_features() {
  std::string text;
  for (const auto& [feature, on] : llvm::sys::getHostCPUFeatures()) {
    if (!text.empty()) text += ',';
    text += on ? '+' : '-';
    text += feature.str();
  }
  return text;
}

Target make_target(const std::string& cpu, const std::string& features) {
  initialize_llvm();
  Target target;
  target.triple = llvm::sys::getProcessTriple();
  target.cpu = cpu;
  target.features = features;
  std::string error;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(target.triple, error);
  if (!found) throw InternalError("llvm: no code generator for " + target.triple + ": " + error);
  std::unique_ptr<llvm::MCSubtargetInfo> info(
      found->createMCSubtargetInfo(target.triple, cpu, features));
  if (!info || !info->isCPUStringValid(cpu))
    throw InternalError("llvm: no processor is named '" + cpu + "'");
  bool x86 = llvm::StringRef(target.triple).starts_with("x86_64");
  if (x86 && info->checkFeatures("+avx512f,+avx512vl,+avx512bw,+avx512dq")) {
    target.vector_bits = 512;
    target.masks = target.gathers = true;
    target.registers = 32;
  } else if (x86 && info->checkFeatures("+avx2,+fma")) {
    target.vector_bits = 256;
    target.gathers = true;
  } else if (!x86) {
    target.registers = 32;
  }
  target.width = target.vector_bits / 32;
  return target;
}

}  // namespace

const Target& host_target() {
  static const Target target = make_target(llvm::sys::getHostCPUName().str(), host_features());
  return target;
}

Target target_for_cpu(const std::string& cpu) { return make_target(cpu, ""); }

}  // namespace weft::codegen::cpu
