#include "tests/cuda/emulated_programs.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <optional>
#include <thread>

#include <weft/error.h>
#include "codegen/cuda/emit.h"
#include "codegen/cuda/spell.h"
#include "passes/pipeline.h"

namespace weft::test {

using namespace weft::ir;

namespace {

std::string text_of(const codegen::Launch& launch, const std::string& name) {
  return codegen::cuda::kernel_text(*launch.kernel, codegen::cuda::schedule(launch), name);
}

constexpr std::size_t kernels_per_module = 100;  // one compilation each; two at a time

}  // namespace

std::size_t EmulatedPrograms::add(const Graph& graph, bool fuse) {
  passes::PipelineOptions options;
  options.fuse = fuse;
  programs_.push_back(codegen::lower(
      passes::run_passes(graph, passes::default_pipeline(fuse, passes::Kernels::core), options)));
  result_types_.emplace_back();
  for (const Value& v : graph.results()) result_types_.back().push_back(graph.type(v));
  for (const codegen::Launch& launch : programs_.back().launches) {
    std::string key = text_of(launch, "kernel");
    if (kernels_.contains(key)) continue;
    const Built built{"k" + std::to_string(texts_.size()), texts_.size() / kernels_per_module};
    texts_.push_back(text_of(launch, built.name));
    kernels_.emplace(std::move(key), built);
  }
  return programs_.size() - 1;
}

void EmulatedPrograms::build() {
  const std::size_t count = (texts_.size() + kernels_per_module - 1) / kernels_per_module;
  std::vector<std::optional<EmulatedModule>> built(count);
  std::vector<std::exception_ptr> errors(2);
  const auto work = [&](std::size_t first) {
    try {
      for (std::size_t m = first; m < count; m += errors.size()) {
        std::string text(codegen::cuda::prelude());
        std::vector<std::string> names;
        const std::size_t end = std::min(texts_.size(), (m + 1) * kernels_per_module);
        for (std::size_t k = m * kernels_per_module; k < end; ++k) {
          text += texts_[k];
          names.push_back("k" + std::to_string(k));
        }
        built[m].emplace(text, names);
      }
    } catch (...) {
      errors[first] = std::current_exception();
    }
  };
  {
    const std::jthread other(work, 1);
    work(0);
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  for (auto& module : built) modules_.push_back(std::move(*module));
}

void EmulatedPrograms::launch(const codegen::Launch& launch, std::vector<Literal>& memory,
                              Schedule schedule) {
  const codegen::Kernel& kernel = *launch.kernel;
  const codegen::cuda::LaunchShape shape = codegen::cuda::launch_shape(launch);
  if (shape.blocks == 0) return;
  std::vector<void*> pointers;
  for (std::size_t k = 0; k < launch.arguments.size(); ++k) {
    const codegen::Argument& a = launch.arguments[k];
    const auto size = static_cast<std::int64_t>(size_of(kernel.accesses[k].dtype));
    pointers.push_back(memory[static_cast<std::size_t>(a.buffer)].mutable_data() + a.offset * size);
  }
  std::vector<double> scratch(shape.scratch_bytes / sizeof(double));
  void* scratch_pointer = scratch.data();
  std::vector<std::int64_t> params = launch.params;
  std::vector<void*> arguments;
  for (void*& pointer : pointers) arguments.push_back(&pointer);
  for (std::int64_t& param : params) arguments.push_back(&param);
  arguments.push_back(&scratch_pointer);
  const Built& built = kernels_.at(text_of(launch, "kernel"));
  const std::string problem = modules_[built.module].launch(built.name, shape.blocks, shape.threads,
                                                            arguments.data(), schedule);
  if (!problem.empty()) throw Error("emulator: " + problem + "\n" + codegen::print(kernel));
}

std::vector<Literal> EmulatedPrograms::run(std::size_t number, const std::vector<Literal>& inputs,
                                           Schedule schedule) {
  const codegen::Program& program = programs_[number];
  std::vector<Literal> memory;
  for (const codegen::ProgramBuffer& b : program.buffers) {
    using Role = codegen::ProgramBuffer::Role;
    if (b.role == Role::input)
      memory.push_back(inputs[static_cast<std::size_t>(b.input)]);
    else
      memory.push_back(b.role == Role::constant ? b.literal : Literal::zeros(b.type));
    // What nobody writes is a NaN.
    if (b.role == Role::temporary && b.type.bytes() > 0)
      std::memset(memory.back().mutable_data(), 0xff, b.type.bytes());
  }
  for (const codegen::Launch& one : program.launches) launch(one, memory, schedule);
  std::vector<Literal> results;
  for (std::size_t k = 0; k < program.results.size(); ++k) {
    const Literal& result = memory[static_cast<std::size_t>(program.results[k])];
    const auto* bytes = result.data();
    results.emplace_back(result_types_[number][k],
                         std::vector<std::byte>(bytes, bytes + result.type().bytes()));
  }
  return results;
}

}  // namespace weft::test
