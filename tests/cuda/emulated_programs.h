// Programs as the CUDA backend runs them, on the emulator: all kernels of many programs are built
// in a few compilations, equal texts once.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "codegen/program.h"
#include "ir/graph.h"
#include "tests/cuda/emulator.h"

namespace weft::test {

class EmulatedPrograms {
 public:
  /// The graph's kernels, fused or each operation apart. Returns the program's number.
  std::size_t add(const ir::Graph& graph, bool fuse);
  /// After the last add, before the first run.
  void build();
  std::size_t kernel_count() const { return kernels_.size(); }

  /// Results of a program; throws weft::Error where the emulator met something undefined.
  std::vector<ir::Literal> run(std::size_t program, const std::vector<ir::Literal>& inputs,
                               Schedule schedule);

 private:
  struct Built {
    std::string name;
    std::size_t module = 0;
  };
  void launch(const codegen::Launch& launch, std::vector<ir::Literal>& memory, Schedule schedule);

  std::vector<codegen::Program> programs_;
  std::vector<std::vector<ir::Type>> result_types_;  // a reshaped result shares a buffer
  std::map<std::string, Built> kernels_;             // by the text
  std::vector<std::string> texts_;                   // CUDA C++, in the order of their names
  std::vector<EmulatedModule> modules_;
};

}  // namespace weft::test
