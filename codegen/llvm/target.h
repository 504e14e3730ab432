// What the emitter must know about a processor; chosen once for the host, or by name in tests.
#pragma once

#include <string>

namespace weft::codegen::cpu {

struct Target {
  std::string triple, cpu, features;  // as LLVM spells them
  int vector_bits = 128;              // of one register
  int width = 4;                      // elements per emitted vector, whatever their dtype
  bool masks = false;                 // masked vector instructions cost no more than plain ones
  bool gathers = false;               // 4- and 8-byte gathers are instructions
  int registers = 16;                 // vector registers
};

/// The machine that this process runs on.
const Target& host_target();
/// A processor by LLVM's name ("haswell"), of the host's architecture.
Target target_for_cpu(const std::string& cpu);

}  // namespace weft::codegen::cpu
