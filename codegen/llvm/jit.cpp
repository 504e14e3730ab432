// The doors of this folder: kernels in; functions, IR or assembly out.
#include "codegen/jit.h"

#include <chrono>

#include <weft/error.h>
#include "codegen/llvm/compile.h"
#include "codegen/llvm/gemm_tile.h"
#include "codegen/llvm/link.h"
#include "codegen/llvm/machine.h"
#include "codegen/llvm/nest.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

namespace weft::codegen {
namespace cpu {
namespace {

// One kernel's module; each compilation has its own context, so they share nothing.
struct Unit {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;

  Unit(const Kernel& kernel, const Target& target, bool names, Effort effort = Effort::full) {
    context.setDiscardValueNames(!names);
    module = std::make_unique<llvm::Module>("kernel", context);
    set_layout(*module, target, effort);
    Emitter emitter(*module, kernel, target);
    if (kernel.is_attention()) {
      emit_attention(emitter);
    } else if (kernel.is_attention_gradient()) {
      emit_attention_gradient(emitter);
    } else if (kernel.is_contract()) {
      emit_contract(emitter);
    } else if (kernel.lanes == Lanes::along) {
      emit_along(emitter);
    } else {
      emit_across(emitter);
    }
    emitter.finish();
  }
};

}  // namespace

namespace {

using Clock = std::chrono::steady_clock;

llvm::SmallVector<char, 0> object(const Kernel& kernel, const Target& target, Effort effort) {
  Unit unit(kernel, target, /*names=*/false, effort);
  return object_code(*unit.module, target, effort);
}

CompiledKernel load(llvm::SmallVector<char, 0> object, Clock::time_point start) {
  Linked linked = link_object(std::move(object), "kernel");
  CompiledKernel compiled;
  compiled.fn = reinterpret_cast<KernelFn>(linked.entry);
  compiled.code = std::move(linked.code);
  std::chrono::duration<double, std::milli> took = Clock::now() - start;
  compiled.compile_ms = took.count();
  return compiled;
}

}  // namespace

CompiledKernel compile(const Kernel& kernel, const Target& target, Effort effort) {
  Clock::time_point start = Clock::now();
  return load(object(kernel, target, effort), start);
}

PanelWidths panel_widths(const Target& target, DType dtype) {
  return {choose_tile(target, dtype).vectors * target.width, target.width};
}

std::string ir_text(const Kernel& kernel, const Target& target) {
  Unit unit(kernel, target, /*names=*/true);
  std::string text;
  llvm::raw_string_ostream out(text);
  unit.module->print(out, nullptr);
  return text;
}

std::string assembly_text(const Kernel& kernel, const Target& target) {
  Unit unit(kernel, target, /*names=*/true);
  return assembly(*unit.module, target);
}

}  // namespace cpu

CompiledKernel compile_llvm(const Kernel& kernel, Effort effort) {
  return cpu::compile(kernel, cpu::host_target(), effort);
}
std::string object_llvm(const Kernel& kernel) {
  llvm::SmallVector<char, 0> object = cpu::object(kernel, cpu::host_target(), Effort::full);
  return {object.begin(), object.end()};
}
CompiledKernel load_llvm(std::string_view object) {
  return cpu::load({object.begin(), object.end()}, cpu::Clock::now());
}
PanelWidths panel_widths(DType dtype) { return cpu::panel_widths(cpu::host_target(), dtype); }
std::string code_version() {
  const cpu::Target& target = cpu::host_target();
  return "emitter " + std::string(emitter_version()) + "\nLLVM " LLVM_VERSION_STRING "\ntarget " +
         target.triple + " " + target.cpu + "\nfeatures " + target.features + "\n";
}

std::string llvm_text(const Kernel& kernel) { return cpu::ir_text(kernel, cpu::host_target()); }
std::string asm_text(const Kernel& kernel) {
  return cpu::assembly_text(kernel, cpu::host_target());
}

std::string target_description() {
  const cpu::Target& target = cpu::host_target();
  std::string_view triple = target.triple;
  std::string architecture(triple.substr(0, triple.find('-')));
  return architecture + " " + target.cpu + ", " + std::to_string(target.vector_bits) +
         "-bit vectors, LLVM " LLVM_VERSION_STRING;
}

}  // namespace weft::codegen
