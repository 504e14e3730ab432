// One elementwise operation as the engine compiles it, on blocks of arguments.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/engine.h"
#include "tools/accuracy/function.h"

namespace weft::accuracy {

inline constexpr std::size_t block_size = 65536;

/// What the last node of a graph of parameters and one elementwise operation computes.
ir::ScalarProgram scalar_program(const ir::Graph& graph);

class Kernel {
 public:
  Kernel(const Function& f, DType dtype);
  std::size_t operations() const { return operations_; }

  /// The arguments of one thread.
  class Block {
   public:
    explicit Block(const Kernel& kernel);
    template <class T>
    T* x() {
      return static_cast<T*>(inputs_[0].data());
    }
    template <class T>
    T* y() {  // x for a function of one argument
      return static_cast<T*>(inputs_.back().data());
    }
    /// The results for all of x and y, valid until the next call.
    template <class T>
    const T* run() {
      outputs_ = executable_->run(inputs_);
      return static_cast<const T*>(outputs_[0].data());
    }

   private:
    std::shared_ptr<const runtime::Executable> executable_;
    std::vector<runtime::Buffer> inputs_, outputs_;
  };

 private:
  std::shared_ptr<const runtime::Executable> executable_;
  std::size_t arity_, bytes_, operations_ = 0;
};

}  // namespace weft::accuracy
