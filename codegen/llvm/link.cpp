#include "codegen/llvm/link.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <string>

#include <weft/error.h>
#include "llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h"
#include "llvm/ExecutionEngine/Orc/Core.h"
#include "llvm/ExecutionEngine/Orc/ExecutorProcessControl.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"

namespace weft::codegen::cpu {
namespace {

namespace orc = llvm::orc;

[[noreturn]] void fail(const char* what, llvm::Error error) {
  throw InternalError("llvm: " + std::string(what) + ": " + llvm::toString(std::move(error)));
}
void check(const char* what, llvm::Error error) {
  if (error) fail(what, std::move(error));
}
template <class T>
T check(const char* what, llvm::Expected<T> result) {
  if (!result) fail(what, result.takeError());
  return std::move(*result);
}

// What generated code may call. Nothing else of the process is visible to it.
orc::SymbolMap runtime_symbols(orc::ExecutionSession& session) {
  orc::SymbolMap symbols;
  auto add = [&](const char* name, auto* function) {
    symbols[session.intern(name)] = {
        orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  add("memcpy", static_cast<void* (*)(void*, const void*, std::size_t)>(std::memcpy));
  add("memset", static_cast<void* (*)(void*, int, std::size_t)>(std::memset));
  add("fmod", static_cast<double (*)(double, double)>(std::fmod));
  add("fmodf", static_cast<float (*)(float, float)>(std::fmod));
  // Instructions of every recent processor, calls on older ones.
  add("fma", static_cast<double (*)(double, double, double)>(std::fma));
  add("fmaf", static_cast<float (*)(float, float, float)>(std::fma));
  add("floor", static_cast<double (*)(double)>(std::floor));
  add("floorf", static_cast<float (*)(float)>(std::floor));
  add("ceil", static_cast<double (*)(double)>(std::ceil));
  add("ceilf", static_cast<float (*)(float)>(std::ceil));
  add("trunc", static_cast<double (*)(double)>(std::trunc));
  add("truncf", static_cast<float (*)(float)>(std::trunc));
  add("roundeven", static_cast<double (*)(double)>(std::nearbyint));
  add("roundevenf", static_cast<float (*)(float)>(std::nearbyint));
  return symbols;
}

class Linker {
 public:
  Linker()
      : session_(check("no JIT on this system", orc::SelfExecutorProcessControl::Create())),
        layer_(session_,
               check("no memory for code", llvm::jitlink::InProcessMemoryManager::Create())),
        runtime_(session_.createBareJITDylib("runtime")) {
    check("runtime symbols", runtime_.define(orc::absoluteSymbols(runtime_symbols(session_))));
  }

  Linked link(llvm::SmallVector<char, 0> object, const char* symbol) {
    std::string name = "kernel" + std::to_string(next_++);
    orc::JITDylib& library = session_.createBareJITDylib(name);
    std::shared_ptr<const void> code(&library, [this](const void* gone) {
      auto& dylib = *static_cast<orc::JITDylib*>(const_cast<void*>(gone));
      llvm::consumeError(session_.removeJITDylib(dylib));
    });
    library.addToLinkOrder(runtime_);
    check("object", layer_.add(library, std::make_unique<llvm::SmallVectorMemoryBuffer>(
                                            std::move(object), name, false)));
    orc::ExecutorSymbolDef found =
        check("linking", session_.lookup({&library}, session_.intern(symbol)));
    return {found.getAddress().toPtr<void*>(), std::move(code)};
  }

 private:
  orc::ExecutionSession session_;
  orc::ObjectLinkingLayer layer_;
  orc::JITDylib& runtime_;
  std::atomic<std::uint64_t> next_{0};
};

// Never destroyed: caches that hold code may outlive every other static object.
Linker& linker() {
  static Linker& linker = *new Linker;
  return linker;
}

}  // namespace

Linked link_object(llvm::SmallVector<char, 0> object, const char* symbol) {
  return linker().link(std::move(object), symbol);
}

}  // namespace weft::codegen::cpu
