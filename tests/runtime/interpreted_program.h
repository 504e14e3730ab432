// Runs a lowered program on the plain kernel interpreter: what code generation must equal.
#pragma once

#include <span>
#include <vector>

#include "codegen/program.h"

namespace weft::test {

inline std::vector<ir::Literal> run_program(const codegen::Program& program,
                                            std::span<const ir::Literal> inputs) {
  std::vector<ir::Literal> memory;
  for (const codegen::ProgramBuffer& b : program.buffers) {
    using Role = codegen::ProgramBuffer::Role;
    if (b.role == Role::input)
      memory.push_back(inputs[b.input]);
    else if (b.role == Role::constant)
      memory.push_back(b.literal);
    else
      memory.push_back(ir::Literal::zeros(b.type));
  }
  for (const codegen::Launch& launch : program.launches) {
    std::vector<void*> pointers;
    for (std::size_t k = 0; k < launch.arguments.size(); ++k) {
      const codegen::Argument& a = launch.arguments[k];
      const auto size = static_cast<std::int64_t>(size_of(launch.kernel->accesses[k].dtype));
      pointers.push_back(memory[a.buffer].mutable_data() + a.offset * size);
    }
    codegen::interpret(*launch.kernel, pointers.data(), launch.params.data());
  }
  std::vector<ir::Literal> results;
  for (int r : program.results) results.push_back(memory[r]);
  return results;
}

}  // namespace weft::test
